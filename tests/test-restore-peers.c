/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Receipts that other hosts have, from hosts that are played: those that tell, and those that never end. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/restore-peers.h"
#include "proto/base.h"
#include "tests/fake-call.h"
#include "tests/tap.h"

#define SINCE ((cf_real){ 1000 * CF_S })
#define MANY  100000	/* questions after which nothing is answered any more: the test is to end */

/* The hosts, and what each has to tell. */
static const struct host {
	const char *name;
	size_t pages, rows;	/* of its list; pages 0: without an end */
	cf_span age;		/* of its migrations, before SINCE */
} hosts[] = {
	{ "hB", 2, 3, { -CF_S } },
	{ "hEmpty", 0, 0, { 0 } },
	{ "hOld", 0, 3, { CF_S } },
	{ "hC", 1, 2, { -CF_S } },
};

static struct settings_peer peers[CF_COUNT(hosts)];
static struct settings settings = { .host = "hA", .peers = peers, .n_peers = CF_COUNT(hosts) };
static const struct host *asked;
static size_t page;
static int questions, seen;

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *err)
{
	static char call;

	(void)fleet, (void)err;
	for (asked = hosts; strcmp(asked->name, host) != 0; asked++)
		;
	page = 0;
	*ret = (struct call *)&call;
	return 0;
}

static void tell_one(const char *id, struct cf_migration *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->source, sizeof(ret->source), "%s", asked->name);
	snprintf(ret->destination, sizeof(ret->destination), "hA");
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

int main(void)
{
	struct peers_reading reading = { .settings = &settings, .since = SINCE };
	int got, first;

	for (size_t i = 0; i < CF_COUNT(hosts); i++)
		snprintf(peers[i].name, sizeof(peers[i].name), "%s", hosts[i].name);
	first = peers_receipts(&reading, 4, take, NULL);
	ok(first == 4 && seen == 4, "so many are read as were asked for, and what left there came here: %d", seen);
	ok(!*reading.why, "nobody was passed over yet");

	got = peers_receipts(&reading, 100, take, NULL);
	ok(got == 4 && seen == 8, "the rest of them, and those of the last host: %d", got);
	ok(questions < MANY, "a list without an end is left: %d questions", questions);
	ok(strncmp(reading.why, "hOld: ", 6) == 0 && strstr(reading.why, "no end"), "... and that is said: %s", reading.why);
	peers_reading_end(&reading);
	return done();
}
