/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A thousand peers of which one answers and many hang: a few threads have to do, and
 * that one must not wait for the others.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/peer/fleet.h"
#include "proto/text.h"
#include "tests/pair.h"
#include "tests/tap.h"

#define CROWD     999
#define MUTE      36	/* of them: take connections and say nothing, each for CALL_CONNECT; nobody is where the others should be */
#define INTERVAL  ((cf_span){ CF_S })
#define PATIENCE  ((cf_span){ 120 * CF_S })

static struct cf_peers peers;

static void on_peer(void *userdata, const struct cf_peer *peer, bool reachable, bool open)
{
	(void)userdata, (void)peer, (void)reachable, (void)open;
}

/* Takes connections and says nothing. */
static int listen_mute(int *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&to, size) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&to, &size) < 0)
		abort();
	*port = ntohs(to.sin_port);
	return fd;
}

static struct settings *settings_of_crowd(int mute_port)
{
	const int nobody = 1;	/* tcpmux */
	const char *path = pair_file("settings", ".conf");
	FILE *file = fopen(path, "w");
	struct settings *settings = NULL;

	fprintf(file, "host = \"a.peers.example\"\ntls {\n\tca = \"%s\"\n\tcert = \"%s\"\n\tkey = \"%s\"\n}\n",
		pair_file("ca", ".pem"), pair_file("a", ".pem"), pair_file("a", ".key"));
	fprintf(file, "probe {\n\tinterval = \"1 s\"\n\trounds = 4\n}\n");
	fprintf(file, "peer \"" PAIR_HOST "\" {\n\taddress = \"127.0.0.1\"\n\tport = %d\n}\n", pair.port);
	for (int i = 0; i < CROWD; i++)
		fprintf(file, "peer \"gone-%03d\" {\n\taddress = \"127.0.0.1\"\n\tport = %d\n}\n", i, i < MUTE ? mute_port : nobody);
	fclose(file);
	ok(settings_read(path, &settings, &pair.err) == 0, "settings with %d peers %s", CROWD + 1, pair.err.text);
	return settings;
}

static int count_threads(void)
{
	char line[128];
	int n = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Threads: %d", &n);
	if (file)
		fclose(file);
	return n;
}

/* The one that answers, as the fleet has it now. */
static const struct cf_peer *good_one(struct fleet *fleet)
{
	fleet_list(fleet, "b.peers.exampld", 1, &peers);
	return &peers.list[0];
}

/* How many of the others were tried, over all pages. */
static size_t count_tried(struct fleet *fleet, size_t *pages)
{
	size_t tried = 0;

	peers.n_list = 0;
	peers.has_next = false;
	for (*pages = 0; fleet_next(fleet, &peers); ++*pages)
		for (size_t i = 0; i < peers.n_list; i++)
			tried += !peers.list[i].reachable && strcmp(peers.list[i].why, "not asked yet") != 0;
	return tried;
}

static bool wait_for_good_one(struct fleet *fleet)
{
	cf_mono end = cf_mono_add(kernel_raw(), PATIENCE);

	while (!good_one(fleet)->reachable && cf_mono_cmp(kernel_raw(), end) < 0)
		usleep(10000);
	return good_one(fleet)->reachable;
}

/* Until all were tried: how old the good one's figures get meanwhile, at most; and how long one turn of this took. */
static cf_span oldest_of_good_one(struct fleet *fleet, cf_span *turn)
{
	cf_mono end = cf_mono_add(kernel_raw(), PATIENCE), before = kernel_raw();
	cf_span oldest = { 0 };
	size_t pages;

	*turn = oldest;
	do {
		oldest = cf_span_max(oldest, good_one(fleet)->age);
		usleep(20000);
		*turn = cf_span_max(*turn, cf_mono_since(kernel_raw(), before));
		before = kernel_raw();
	} while (count_tried(fleet, &pages) < CROWD && cf_mono_cmp(before, end) < 0);
	return oldest;
}

int main(void)
{
	static struct cf_report clock = { .host = PAIR_HOST };
	const struct fleet_listener listener = { on_peer, NULL };
	const struct reporter_options options = { .host = "a.peers.example", .interval = { CF_S } };
	char names[2][CF_HOST_ROOM], text[CF_SPAN_TEXT_ROOM];
	struct settings *settings;
	struct reporter *reporter = NULL;
	struct fleet *fleet = NULL;
	int mute, mute_port, threads;
	cf_span oldest, turn;
	cf_mono began;
	size_t pages = 0;
	bool more = false;

	pair.wire.clock = &clock;
	pair_start();
	mute = listen_mute(&mute_port);
	settings = settings_of_crowd(mute_port);
	threads = count_threads();
	began = kernel_raw();
	ok(reporter_new(&options, &reporter, &pair.err) == 0 &&
	   fleet_new(&fleet, settings, reporter, &listener, &pair.err) == 0, "a fleet of a thousand");
	ok(cf_mono_since(kernel_raw(), began).ns < 5 * CF_S, "is made without waiting for anybody");

	ok(wait_for_good_one(fleet), "the one that answers is found: %s", good_one(fleet)->why);
	ok(count_threads() - threads <= 18, "by %d threads", count_threads() - threads);
	oldest = oldest_of_good_one(fleet, &turn);
	ok(count_tried(fleet, &pages) == CROWD, "all others are tried, of which %d hang", MUTE);
	ok(pages == 4, "and told in %zu pages", pages);
	ok(oldest.ns > 0 && oldest.ns < 5 * (INTERVAL.ns + turn.ns), "meanwhile the good one is asked in time: %s at most",
	   cf_span_text(oldest, text));

	ok(fleet_names(fleet, "", names, 2, &more) == 2 && more && strcmp(names[0], PAIR_HOST) == 0 &&
	   strcmp(names[1], "gone-000") == 0, "names come in order");
	ok(fleet_names(fleet, "gone-997", names, 2, &more) == 1 && !more && strcmp(names[0], "gone-998") == 0, "to the last");

	began = kernel_raw();
	fleet_free(fleet);
	ok(cf_mono_since(kernel_raw(), began).ns < 20 * CF_S, "it ends without waiting for all of them");
	reporter_free(reporter);
	settings_free(settings);
	close(mute);
	wire_stop(&pair.wire);
	return done();
}
