/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Receipts that other hosts have, from hosts that are played: those that tell, and those that never end. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/restore-peers.h"
#include "proto/base.h"
#include "tests/certs.h"
#include "tests/fake-call.h"
#include "tests/tap.h"

#define SINCE ((cf_real){ 1000 * CF_S })
#define MANY  100000	/* questions after which nothing is answered any more: the test is to end */

/* The hosts, and what each has to tell. */
static const struct host {
	const char *name;
	size_t pages, rows;	/* of its list; pages 0: without an end */
	cf_span age;		/* of its migrations, before SINCE */
	const char *itself;	/* what it calls itself; NULL: the same */
	const char *to;		/* where they went; NULL: to hA */
} hosts[] = {
	{ "hB", 2, 3, { -CF_S }, NULL, NULL },
	{ "hEmpty", 0, 0, { 0 }, NULL, NULL },
	{ "hOld", 0, 3, { CF_S }, NULL, NULL },
	{ "hC", 1, 2, { -CF_S }, NULL, NULL },
	{ "hD", 1, 3, { -CF_S }, NULL, "hC" },
	{ "hE", 1, 3, { -CF_S }, NULL, "hA-mig" },
	{ "hF-mig", 1, 3, { -CF_S }, "hF", NULL },
};

static struct settings_peer peers[CF_COUNT(hosts)];
static struct settings settings = { .host = "hA", .peers = peers, .n_peers = CF_COUNT(hosts) };
static const struct host *asked;
static size_t page;
static int questions, seen;
static struct cf_version version;

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *err)
{
	static char call;

	(void)fleet, (void)err;
	for (asked = hosts; strcmp(asked->name, host) != 0; asked++)
		;
	page = 0;
	snprintf(version.host, sizeof(version.host), "%s", asked->itself ? asked->itself : asked->name);
	*ret = (struct call *)&call;
	return 0;
}

static void tell_one(const char *id, struct cf_migration *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->source, sizeof(ret->source), "%s", version.host);
	snprintf(ret->destination, sizeof(ret->destination), "%s", asked->to ? asked->to : "hA");
	ret->side = CF_SOURCE;
	ret->started = cf_real_add(SINCE, cf_span_neg(asked->age));
}

static void tell_page(struct cf_migrations *ret)
{
	char id[CF_UUID_ROOM];

	ret->n_list = asked->rows;
	for (size_t i = 0; i < asked->rows; i++) {
		snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", (int)(100 * page + i));
		tell_one(id, &ret->list[i]);
	}
	page++;
	ret->has_next = !asked->pages || page < asked->pages;
	snprintf(ret->next, sizeof(ret->next), "7");
}

int fake_answer(const struct fake_asked *question, struct cf_error *err)
{
	if (++questions > MANY)
		return cf_fail(err, ETIMEDOUT, CF_UNREACHABLE, "the test is over");
	if (question->route == CF_ROUTE_MIGRATIONS)
		tell_page(question->reply);
	else
		tell_one(question->segments[0], &((struct cf_receipt *)question->reply)->migration);
	return 0;
}

static void take(void *userdata, const struct cf_receipt *receipt)
{
	(void)userdata;
	seen += receipt->migration.side == CF_DESTINATION;
}

static void take_open(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs)
{
	(void)call, (void)theirs;
	*(int *)userdata += strcmp(peer, "hE") == 0 || strcmp(peer, "hF-mig") == 0;
}

/* The list of those that are open is the same here. */
static void test_open(void)
{
	struct peers_reading reading = { .settings = &settings, .since = SINCE };
	int n = 0;

	peers_open(&reading, take_open, &n);
	ok(n == 6, "those that are open are ours by whatever names, too: %d", n);
	peers_reading_end(&reading);
}

/* This host's certificate has two names. */
static void make_certificate(const char *dir)
{
	static const struct certificate ca = { .name = "ca", .cn = "ca" },
					own = { .name = "own", .issuer = "ca", .cn = "hA", .dns = "hA", .also = "hA-mig" };

	certs_make(dir, &ca);
	certs_make(dir, &own);
	snprintf(settings.tls.cert, sizeof(settings.tls.cert), "%s/own.pem", dir);
}

int main(void)
{
	struct peers_reading reading = { .settings = &settings, .since = SINCE };
	char dir[] = "/tmp/test-restore-peers-XXXXXX", command[64];
	int got, first;

	if (!mkdtemp(dir))
		abort();
	make_certificate(dir);
	fake_version = &version;
	for (size_t i = 0; i < CF_COUNT(hosts); i++)
		snprintf(peers[i].name, sizeof(peers[i].name), "%s", hosts[i].name);
	first = peers_receipts(&reading, 4, take, NULL);
	ok(first == 4 && seen == 4, "so many are read as were asked for, and what left there came here: %d", seen);
	ok(!*reading.why, "nobody was passed over yet");

	got = peers_receipts(&reading, 4, take, NULL);
	ok(got == 4 && seen == 8, "the rest of them, and those of the next host: %d", got);
	ok(questions < MANY, "a list without an end is left: %d questions", questions);
	ok(strncmp(reading.why, "hOld: ", 6) == 0 && strstr(reading.why, "no end"), "... and that is said: %s", reading.why);

	reading.why[0] = '\0';
	got = peers_receipts(&reading, 3, take, NULL);
	ok(got == 3 && reading.foreign == 3, "those between others are left, and counted; it is found by another name of its certificate: %s", reading.why);
	got = peers_receipts(&reading, 100, take, NULL);
	ok(got == 3 && seen == 14 && !*reading.why, "... and a peer by the name it calls itself: %s", reading.why);
	peers_reading_end(&reading);
	test_open();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ok(system(command) == 0, "nothing is left behind");
	return done();
}
