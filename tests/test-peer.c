/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One agent calls another: answers that do not come, limits, addresses, and the rounds of a probe. */

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/peer/probe.h"
#include "proto/base.h"
#include "proto/text.h"
#include "tests/pair.h"
#include "tests/tap.h"

static void test_times(void)
{
	CF_AUTO(call_free) struct call *olga = pair_call("olga"), *nobody = NULL, *mute = NULL;
	struct late late = { .call = olga, .timeout = { 500 * CF_MS } };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0), good = pair.port;

	ok(pair_ask(olga) == 0, "an answer comes");
	pair_ask_later(&late);
	ok(late.r < 0 && late.err.code == CF_UNREACHABLE && call_sent(olga).ns && !call_answered(olga).ns,
	   "one that takes too long is not waited for: %s", late.err.text);
	wire_do(&pair.wire, wire_answer_waiting, NULL);
	ok(pair_ask(olga) == 0, "and the next one comes");

	bind(fd, (struct sockaddr *)&to, sizeof(to));
	getsockname(fd, (struct sockaddr *)&to, &size);
	pair.port = ntohs(to.sin_port);
	nobody = pair_call("a");
	ok(pair_ask(nobody) < 0 && pair.err.code == CF_UNREACHABLE, "where nobody listens: %s",
	   pair.err.text);
	listen(fd, 1);
	mute = pair_call("a");
	ok(call_warm(mute, (cf_span){ 50 * CF_MS }, &pair.err) < 0 && pair.err.code == CF_UNREACHABLE,
	   "where nobody speaks: %s", pair.err.text);
	close(fd);
	pair.port = good;
}

static int connect_tcp(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(pair.port),
		.sin_addr.s_addr = inet_addr(pair.wire.options.listen[0]),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		abort();
	return fd;
}

static void test_limits(void)
{
	CF_AUTO(call_free) struct call *served = pair_call("a"), *second = pair_call("a");
	int silent[16];
	size_t cut = 0;
	char byte;

	ok(pair_ask(served) == 0, "one is served");
	for (size_t i = 0; i < CF_COUNT(silent); i++)
		silent[i] = connect_tcp();
	ok(pair_ask(second) == 0, "so is one behind too many of the same address that say nothing: %s", pair.err.text);
	ok(pair_ask(served) == 0, "who was there before is served all the same");
	for (size_t i = 0; i < CF_COUNT(silent); i++) {
		cut += recv(silent[i], &byte, 1, 0) == 0;
		close(silent[i]);
	}
	ok(cut == CF_COUNT(silent), "those that say nothing are cut");
}

/* Strangers who hold every connection there is, or all that their address may have, are no reason to turn a peer away. */
static void test_crowded(const char *room, size_t connections, size_t per_party)
{
	CF_AUTO(call_free) struct call *before = pair_call("a"), *after = pair_call("a");
	struct server_options *options = &pair.wire.options, usual = *options;
	int silent[20], gone = 0;
	char byte;

	options->max_connections = connections;
	options->max_per_party = per_party;
	options->patience = (cf_span){ 60 * CF_S };
	ok(pair_reload() == 0 && pair_ask(before) == 0, "a peer is there");
	for (size_t i = 0; i < CF_COUNT(silent); i++)
		silent[i] = connect_tcp();
	ok(pair_ask(after) == 0, "one that comes into a crowd, when 8 have room %s, is served: %s", room, pair.err.text);
	ok(pair_ask(before) == 0, "who was known before stays");
	for (int i = 0; i < 1000 && gone < (int)CF_COUNT(silent) - 8; i++) {
		gone = 0;
		for (size_t j = 0; j < CF_COUNT(silent); j++)
			gone += recv(silent[j], &byte, 1, MSG_DONTWAIT) == 0;
		usleep(10000);
	}
	ok(gone >= (int)CF_COUNT(silent) - 8, "%d of those who said nothing had to make way", gone);
	for (size_t i = 0; i < CF_COUNT(silent); i++)
		close(silent[i]);
	*options = usual;
	pair_reload();
}

/* Where a listener was made for a few, a reload's larger number gives it no more room: who comes has to make way as before. */
static void test_grown(void)
{
	struct server_options *options = &pair.wire.options, usual = *options;
	CF_AUTO(call_free) struct call *peer = NULL;
	int silent[60];

	options->listen[0] = "127.0.0.2";
	options->max_connections = 8;
	options->max_per_party = 200;
	options->patience = (cf_span){ 60 * CF_S };
	ok(pair_reload() == 0, "a listener for a few connections %s", pair.err.text);
	options->max_connections = 512;
	ok(pair_reload() == 0, "there may be more of them now");
	for (size_t i = 0; i < CF_COUNT(silent); i++)
		silent[i] = connect_tcp();
	peer = pair_call_to(options->listen[0], pair.port, "a", NULL);
	ok(pair_ask(peer) == 0, "a peer that comes behind %zu strangers is served: %s", CF_COUNT(silent), pair.err.text);
	for (size_t i = 0; i < CF_COUNT(silent); i++)
		close(silent[i]);
	*options = usual;
	ok(pair_reload() == 0, "and all is as before");
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void test_probe(void)
{
	CF_AUTO(call_free) struct call *call = pair_call("a");
	struct cf_offset offset = { 0 };
	char boot[CF_BOOT_ROOM] = "", text[CF_INTERVAL_TEXT_ROOM], half[CF_SPAN_TEXT_ROOM];
	int64_t halves[200];
	int holds = 0;

	for (int i = 0; i < 200; i++) {
		struct cf_offset one = { 0 };

		if (probe_rounds(call, 1, &one, boot, pair_patience, &pair.err) == 0)
			holds += cf_interval_has(one.raw, (cf_span){ 0 });
		halves[i] = cf_interval_half(one.raw).ns;
	}
	qsort(halves, 200, sizeof(halves[0]), by_size);
	ok(holds == 200, "each of 200 rounds holds the true offset, 0");
	printf("# half width: median %s", cf_span_text((cf_span){ halves[100] }, half));
	printf(", 19 of 20 below %s\n", cf_span_text((cf_span){ halves[190] }, half));

	ok(probe_rounds(call, 200, &offset, boot, pair_patience, &pair.err) == 0 && offset.rounds == 200,
	   "200 rounds in one go");
	ok(cf_interval_has(offset.raw, (cf_span){ 0 }), "... hold it together: %s, half width %s",
	   cf_interval_text(offset.raw, text), cf_span_text(cf_interval_half(offset.raw), half));
	ok(strlen(boot) == 36, "the other host's boot is %s", boot);

	strcpy(boot, "another");
	offset.drift_ppm = 7;
	ok(probe_rounds(call, 3, &offset, boot, pair_patience, &pair.err) == 0 && offset.rounds == 3 &&
	   offset.drift_ppm == 7, "after another boot the offset begins anew");
}

/* To have a connection takes longer than a round on it, and may. */
static void test_first(void)
{
	CF_AUTO(call_free) struct call *hasty = pair_call("a"), *calm = pair_call("a");
	const cf_span timeout = { 500 * CF_MS };
	struct cf_offset offset = { 0 };
	char boot[CF_BOOT_ROOM] = "";

	pair.wire.greets_us = 1000000;
	ok(probe_rounds(hasty, 1, &offset, boot, timeout, &pair.err) < 0 && pair.err.code == CF_UNREACHABLE,
	   "who is given no more time than for a round makes no connection: %s", pair.err.text);
	ok(probe_calmly(calm, 3, &offset, boot, timeout, &pair.err) == 0 && offset.rounds == 3,
	   "who is in no hurry makes one, and rounds after it: %s", pair.err.text);
	pair.wire.greets_us = 0;
}

/* A free port of ::1, -1 where there is no such address. */
static int free_port(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t size = sizeof(to);

	int fd = socket(AF_INET6, SOCK_STREAM, 0), port = -1;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && getsockname(fd, (struct sockaddr *)&to, &size) == 0)
		port = ntohs(to.sin6_port);
	close(fd);
	return port;
}

/* A port of their own: port 0 would be another one for each. */
static void test_addresses(void)
{
	CF_AUTO(call_free) struct call *v4 = NULL, *v6 = NULL;
	int r = 0, port = free_port();

	if (port < 0) {
		ok(true, "two addresses # SKIP no IPv6 here");
		return;
	}

	pair.wire.options.listen[pair.wire.options.n_listen++] = "::1";
	pair.wire.options.port = port;
	r = pair_reload();
	v4 = pair_call_to("127.0.0.1", pair.wire.options.port, "a", NULL);
	v6 = pair_call_to("::1", pair.wire.options.port, "a", NULL);
	ok(r == 0 && pair_ask(v4) == 0 && pair_ask(v6) == 0, "v4 and v6 are listened on at one port %s",
	   pair.err.text);
	pair.wire.options.listen[pair.wire.options.n_listen++] = "no.address";
	r = pair_reload();
	ok(r < 0, "a name is no address: %s", pair.err.text);
	pair.wire.options.n_listen = 1;
	r = pair_reload();
	ok(r == 0 && pair_ask(v6) == 0, "who came by an address that is given up stays connected");
}

/* One certificate from two addresses, each of which is within its own limit. */
static void test_identity(void)
{
	struct call *calls[16];
	size_t most = pair.wire.options.max_per_party, served = 0, told = 0, go_on = 0;
	int port = free_port(), r = 0;

	if (port < 0) {
		ok(true, "one certificate from two addresses # SKIP no IPv6 here");
		return;
	}
	pair.wire.options.listen[1] = "::1";
	pair.wire.options.n_listen = 2;
	pair.wire.options.port = port;
	ok(pair_reload() == 0, "two addresses %s", pair.err.text);
	for (size_t i = 0; i < CF_COUNT(calls); i++) {
		calls[i] = pair_call_to(i % 2 ? "::1" : "127.0.0.1", port, "olga", NULL);
		if (pair_ask(calls[i]) == 0)
			served++;
		else
			told += pair.err.code == CF_BUSY && strstr(pair.err.text, "as cn:olga");
	}
	ok(served == most && told == CF_COUNT(calls) - served,
	   "of %zu connections with one certificate %zu are served: %s", CF_COUNT(calls), served, pair.err.text);
	ok(pair_ask(calls[0]) == 0 && pair_ask(calls[1]) == 0, "those that were, go on");
	pair.wire.options.max_per_party = 4;
	r = pair_reload();
	for (size_t i = 0; i < most; i++)
		go_on += pair_ask(calls[i]) == 0;
	ok(r == 0 && go_on == most, "all of them do when they are judged anew, though by now there may be fewer: %s", pair.err.text);
	pair.wire.options.max_per_party = most;
	for (size_t i = 0; i < CF_COUNT(calls); i++)
		call_free(calls[i]);
	pair.wire.options.n_listen = 1;
	pair_reload();
}

static void test_names(void)
{
	struct call_tls tls = { "ca", NULL, "cert", "key" };
	struct call *call = NULL;

	ok(call_new(&call, "a/b", NULL, 1, &tls, &pair.err) == -EINVAL && !call, "%s", pair.err.text);
	ok(call_new(&call, "a", "x@y", 1, &tls, &pair.err) == -EINVAL && !call, "%s", pair.err.text);
	ok(call_new(&call, "", NULL, 1, &tls, &pair.err) == -EINVAL && !call, "%s", pair.err.text);
	ok(call_new(&call, "a", "127.0.0.1", 1, &tls, &pair.err) == 0, "files are not read yet");
	ok(call_warm(call, pair_patience, &pair.err) < 0, "... but when it connects: %s", pair.err.text);
	call_free(call);
}

#define NOWHERE "nowhere.peers.example"

static sem_t found;		/* what NOWHERE is; nobody says so of himself */
static atomic_int looking;	/* for it */

/* In place of libc's: for libcurl. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	int (*really)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
	void *symbol = dlsym(RTLD_NEXT, __func__);
	struct timespec end;

	if (!name || strcmp(name, NOWHERE) != 0) {
		memcpy(&really, &symbol, sizeof(symbol));
		return really(name, service, hints, ret);
	}
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 20;
	looking++;
	sem_timedwait(&found, &end);
	looking--;
	return EAI_AGAIN;
}

/* A name server that does not answer is waited for much longer than anybody has time. */
static void test_lookup(void)
{
	struct call *call = pair_call_to(NOWHERE, pair.port, "a", NULL);

	sem_init(&found, 0, 0);
	ok(call_warm(call, (cf_span){ 500 * CF_MS }, &pair.err) < 0 && pair.err.code == CF_UNREACHABLE && looking == 1,
	   "who asks a host has his answer in time, though its name is still looked up: %s", pair.err.text);
	call_free(call);
	ok(looking == 1, "and does not wait for that to let go of it");
	sem_post(&found);
	while (looking > 0)
		usleep(1000);
	ok(true, "which ends when it can");
}

/* What speaks against a migration, where its destination does not answer as it should. */
static void test_findings(void)
{
	struct cf_error denied = { .code = CF_FORBIDDEN }, busy = { .code = CF_BUSY }, bad = { .code = CF_BAD_REQUEST };

	ok(call_finding(-EREMOTEIO, &denied) == CF_FINDING_PEER_DENIED && call_finding(-EREMOTEIO, &busy) == CF_FINDING_PEER_BUSY,
	   "an agent that says no, or not now");
	ok(call_finding(-EREMOTEIO, &bad) == CF_FINDING_PEER_VERSION, "one that does not understand is of another version");
	ok(call_finding(-EINVAL, &bad) == CF_FINDING_PEER_UNREACHABLE, "where there is no name to ask by, there is nobody");
}

/* Of a request that nobody waits for any more nothing is to arrive later, when the network is back: its connection is torn. */
static void test_given_up(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), in;
	char text[4096];
	ssize_t n;

	if (bind(door, (struct sockaddr *)&address, size) < 0 || listen(door, 1) < 0 ||
	    getsockname(door, (struct sockaddr *)&address, &size) < 0)
		printf("# %s\n", strerror(errno));
	else {
		CF_AUTO(call_free) struct call *call = pair_call_to("127.0.0.1", ntohs(address.sin_port), "olga", NULL);

		ok(call_do(call, CF_ROUTE_VERSION, NULL, NULL, NULL, &pair.version, (cf_span){ 300 * CF_MS }, NULL, &pair.err) < 0,
		   "a host that says nothing is given up: %s", pair.err.text);
	}
	in = accept(door, NULL, NULL);
	while ((n = read(in, text, sizeof(text))) > 0)
		;
	ok(n < 0 && errno == ECONNRESET, "and sees that: %s", n < 0 ? strerror(errno) : "it ended well");
	close(in);
	close(door);
}

int main(void)
{
	pair_start();
	test_times();
	test_given_up();
	test_limits();
	test_crowded("on the listener", 8, 64);
	test_crowded("from one address", 512, 8);
	test_grown();
	test_probe();
	test_first();
	test_addresses();
	test_identity();
	test_names();
	test_findings();
	test_lookup();
	wire_stop(&pair.wire);
	return done();
}
