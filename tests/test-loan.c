/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections that are kept from check to check: when one is used again, and when never. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/peer/fleet.h"
#include "proto/base.h"
#include "tests/pair.h"
#include "tests/tap.h"

static _Atomic time_t ahead;	/* of this process' REALTIME, while it is set to be */
static struct fleet *fleet;

/* In place of libc's: for everybody in here. */
time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec + ahead;
	return now.tv_sec + ahead;
}

static void on_peer(void *userdata, const struct cf_peer *peer, bool reachable, bool open)
{
	(void)userdata, (void)peer, (void)reachable, (void)open;
}

/* The server is a peer, which is watched so seldom that the test is alone with it, or every so often. */
static struct settings *with_peer(const char *interval)
{
	struct settings *settings = NULL;
	char path[] = "/tmp/test-loan-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	fprintf(file, "host = \"hA\"\nprobe {\n\tinterval = \"%s\"\n}\n"
		      "tls {\n\tca = \"%s\"\n\tcert = \"%s\"\n\tkey = \"%s\"\n}\n", interval,
		pair_file("ca", ".pem"), pair_file("a", ".pem"), pair_file("a", ".key"));
	fprintf(file, "peer \"%s\" {\n\taddress = \"127.0.0.1\"\n\tport = %d\n}\n", PAIR_HOST, pair.port);
	fclose(file);
	ok(settings_read(path, &settings, &pair.err) == 0, "settings %s", settings ? "" : pair.err.text);
	unlink(path);
	return settings;
}

/* As whoever watches it has it. */
static const struct cf_peer *shown(void)
{
	static struct cf_peers peers;

	fleet_list(fleet, "", 1, &peers);
	return &peers.list[0];
}

/* Until it was asked since then, and has answered. */
static void await_watch(cf_mono since)
{
	for (int i = 0; i < 2000; i++) {
		const struct cf_peer *peer = shown();

		if (peer->reachable && peer->age.ns < cf_mono_since(kernel_raw(), since).ns)
			return;
		usleep(10000);
	}
	ok(false, "the peer is watched: %s", shown()->why);
}

static int reload(const char *interval)
{
	CF_AUTO(settings_free) struct settings *settings = with_peer(interval);
	cf_mono began = kernel_raw();
	int r = fleet_reload(fleet, settings, &pair.err);

	if (r == 0)
		await_watch(began);
	return r;
}

/* Without our key file no new connection can be made. */
static void hide(bool hidden)
{
	const char *key = pair_file("a", ".key"), *away = pair_file("a", ".hidden");

	if (rename(hidden ? key : away, hidden ? away : key) < 0)
		abort();
}

/* One check's worth, without the key when the connection has to be there: 0 when it was answered. */
static int check(const char *host, bool kept)
{
	struct fleet_loan loan;
	int r;

	if (kept)
		hide(true);
	r = fleet_lend(fleet, host, &loan, &pair.err);
	if (r == 0)
		r = pair_ask(loan.call);
	fleet_take_back(fleet, host, &loan);
	if (kept)
		hide(false);
	return r;
}

static void test_good(void)
{
	CF_AUTO(call_free) struct call *call = pair_call("a");
	int good = pair.port;

	ok(!call_is_good(call), "before there is a connection none is good");
	ok(pair_ask(call) == 0 && call_is_good(call), "one that has just answered is");
	ahead = (time_t)30 * 24 * 3600;
	ok(!call_is_good(call), "not when the certificate it showed has expired since");
	ahead = -ahead;
	ok(!call_is_good(call), "nor when this host's clock says that it is not valid yet");
	ahead = 0;
	ok(call_is_good(call), "and again when the clock is right");

	pair.port = 1;
	call_free(call);
	call = pair_call("a");
	ok(pair_ask(call) < 0 && !call_is_good(call), "one that failed is not: %s", pair.err.text);
	pair.port = good;
}

static void test_kept(void)
{
	ok(check(PAIR_HOST, false) == 0, "a check makes a connection %s", pair.err.text);
	ok(check(PAIR_HOST, true) == 0 && check(PAIR_HOST, true) == 0, "the next ones use it %s", pair.err.text);
	ahead = (time_t)30 * 24 * 3600;
	ok(check(PAIR_HOST, true) < 0, "with the certificate expired it is not used: %s", pair.err.text);
	ahead = 0;
	ok(check(PAIR_HOST, true) < 0, "nor ever again: %s", pair.err.text);
}

/* Two checks at once have two connections, one of which is kept. */
static void test_two(void)
{
	struct fleet_loan one, other;

	ok(check(PAIR_HOST, false) == 0, "a connection is kept");
	ok(fleet_lend(fleet, PAIR_HOST, &one, &pair.err) == 0 && fleet_lend(fleet, PAIR_HOST, &other, &pair.err) == 0 &&
	   one.call != other.call && call_is_good(one.call) && !call_is_good(other.call), "the second of two has its own");
	ok(pair_ask(other.call) == 0, "... which is made for it");
	fleet_take_back(fleet, PAIR_HOST, &one);
	fleet_take_back(fleet, PAIR_HOST, &other);
	ok(!one.call && !other.call && check(PAIR_HOST, true) == 0, "one of them stays");
}

static void test_reload(void)
{
	struct fleet_loan loan;

	ok(fleet_lend(fleet, PAIR_HOST, &loan, &pair.err) == 0 && call_is_good(loan.call), "one is lent");
	ok(reload("60 s") == 0, "settings and certificates are read again");
	fleet_take_back(fleet, PAIR_HOST, &loan);
	ok(check(PAIR_HOST, true) < 0, "what was lent before is not kept after: %s", pair.err.text);
	ok(check(PAIR_HOST, false) == 0 && reload("60 s") == 0 && check(PAIR_HOST, true) < 0,
	   "nor used, where it was kept: %s", pair.err.text);
}

/* The server's ends of its connections: how many there are; and shut, as when its agent is stopped. */
static int server_ends(bool shut)
{
	struct sockaddr_in here, there;
	int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		socklen_t size = sizeof(here);

		if (getsockname(fd, (struct sockaddr *)&here, &size) < 0 || here.sin_family != AF_INET ||
		    ntohs(here.sin_port) != pair.port || getpeername(fd, (struct sockaddr *)&there, &size) < 0)
			continue;
		n++;
		if (shut)
			shutdown(fd, SHUT_RDWR);
	}
	return n;
}

static void test_closed(void)
{
	ok(check(PAIR_HOST, false) == 0 && check(PAIR_HOST, true) == 0, "a connection is kept");
	server_ends(true);
	ok(check(PAIR_HOST, false) == 0, "the other end has closed it: a new one is made %s", pair.err.text);
}

static bool await_ends(int n)
{
	for (int i = 0; i < 2000 && server_ends(false) != n; i++)
		usleep(10000);
	return server_ends(false) == n;
}

/* The other end has room for so many, and nobody may ever check again. */
static void test_idle(void)
{
	ok(reload("1 s") == 0 && check(PAIR_HOST, false) == 0 && await_ends(2),
	   "one connection is there by which the peer is watched, and one for checks");
	ahead = (time_t)30 * 24 * 3600;
	ok(await_ends(0), "once neither is good any more both are closed, though nobody checks");
	ahead = 0;
	await_watch(kernel_raw());
}

static void fall_silent(void *ignored)
{
	(void)ignored;
	pair.wire.clock = NULL;
}

/* A host that does not answer is not asked by a connection from better days: that takes longer to say so than a new one. */
static void test_silent(void)
{
	ok(check(PAIR_HOST, false) == 0 && check(PAIR_HOST, true) == 0, "a connection is kept");
	wire_do(&pair.wire, fall_silent, NULL);
	for (int i = 0; i < 2000 && shown()->reachable; i++)
		usleep(10000);
	ok(check(PAIR_HOST, true) < 0, "and not used any more where its host does not answer whoever watches it: %s", pair.err.text);
}

static void test_unknown(void)
{
	struct fleet_loan loan;

	ok(fleet_lend(fleet, "no/host", &loan, &pair.err) < 0 && !loan.call, "a name that is none: %s", pair.err.text);
	fleet_take_back(fleet, "no/host", &loan);
	ok(fleet_lend(fleet, "elsewhere", &loan, &pair.err) == 0 && loan.call, "a host that is no peer can be called");
	fleet_take_back(fleet, "elsewhere", &loan);
	ok(!loan.call, "nothing is kept of it");
}

int main(void)
{
	const struct reporter_options options = { .host = "hA", .interval = { CF_S } };
	const struct fleet_listener listener = { on_peer, NULL };
	static struct cf_report clock = { .host = PAIR_HOST };
	struct reporter *reporter = NULL;
	CF_AUTO(settings_free) struct settings *settings = NULL;
	cf_mono began;

	pair.wire.clock = &clock;
	pair_start();
	settings = with_peer("60 s");
	began = kernel_raw();
	ok(reporter_new(&options, &reporter, &pair.err) == 0 &&
	   fleet_new(&fleet, settings, reporter, &listener, &pair.err) == 0, "a fleet is made");
	await_watch(began);
	test_good();
	test_kept();
	test_two();
	test_reload();
	test_closed();
	test_unknown();
	test_idle();
	test_silent();
	fleet_free(fleet);
	reporter_free(reporter);
	wire_stop(&pair.wire);
	return done();
}
