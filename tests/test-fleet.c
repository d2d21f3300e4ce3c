/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is watched, and that nobody waits for a peer that does not answer.  What a peer says is test-peer's. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/sight.h"
#include "tests/tap.h"

#define TIMEOUT 20	/* s, of a peer that does not answer */

static struct reporter *reporter;
static struct cf_error err;
static int port;

static void on_peer(void *userdata, const struct cf_peer *peer, bool reachable, bool open)
{
	(void)userdata, (void)peer, (void)reachable, (void)open;
}

/* Settings with these peers, all of them where nobody ever answers. */
static struct settings *with(const char *const *names, size_t n)
{
	struct settings *settings = NULL;
	char path[] = "/tmp/test-fleet-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	fprintf(file, "host = \"hA\"\nprobe {\n\ttimeout = \"%d s\"\n\tinterval = \"1 h\"\n}\n", TIMEOUT);
	for (size_t i = 0; i < n; i++)
		fprintf(file, "peer \"%s\" {\n\taddress = \"127.0.0.1\"\n\tport = %d\n}\n", names[i], port);
	fclose(file);
	ok(settings_read(path, &settings, &err) == 0, "settings with %zu peers: %s", n, settings ? "" : err.text);
	unlink(path);
	return settings;
}

static int listen_mute(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&to, size) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&to, &size) < 0)
		abort();
	port = ntohs(to.sin_port);
	return fd;
}

/* Somebody calls within five seconds, and is hung up on. */
static bool is_called(int fd)
{
	struct pollfd poll_on = { .fd = fd, .events = POLLIN };

	return poll(&poll_on, 1, 5000) == 1 && close(accept(fd, NULL, NULL)) == 0;
}

static bool watches(struct fleet *fleet, size_t n, const char *one)
{
	CF_AUTO(cf_free) struct cf_peers *peers = calloc(1, sizeof(*peers));
	bool found = n == 0;

	fleet_list(fleet, "", SIZE_MAX, peers);
	for (size_t i = 0; i < peers->n_list; i++)
		found |= strcmp(peers->list[i].host, one) == 0;
	return found && peers->n_list == n;
}

/* What is shown of a host whose offset was measured before it said anything of its clock. */
static void test_unheard(const struct settings *settings)
{
	CF_AUTO(cf_free) struct sighting *sighting = malloc(sizeof(*sighting));
	CF_AUTO(cf_free) struct cf_peer *shown = malloc(sizeof(*shown));

	sight_begin(settings, "hB", sighting);
	sighting->peer.rounds = sighting->offset.rounds = 1;
	sight_now(settings, reporter, sighting, shown);
	ok(shown->has_host_offset && !shown->has_age, "a host that was measured and not heard to the end has no age");
	sighting->heard = kernel_raw();
	sight_now(settings, reporter, sighting, shown);
	ok(shown->has_age && shown->age.ns < 60 * CF_S, "once it was heard it has one");
}

/* An agent that was restarted reads in its ledger what it may know already. */
static void test_past(struct fleet *fleet)
{
	struct cf_ramp_past mishap = { { 12 * CF_S }, true, kernel_instant().real };
	cf_span expected = { 0 };

	fleet_learn(fleet, "hB", &mishap);
	fleet_learn(fleet, "hB", &mishap);
	ok(!fleet_overhead(fleet, "hB", &expected), "a mishap that is learnt twice happened once");
	mishap.at.ns++;
	fleet_learn(fleet, "hB", &mishap);
	ok(fleet_overhead(fleet, "hB", &expected) && expected.ns == 12 * CF_S, "... another one is another");
}

int main(void)
{
	static const char *const before[] = { "hB", "hC" }, *const after[] = { "hC", "hD" };
	const struct fleet_listener listener = { on_peer, NULL };
	const struct reporter_options options = { .host = "hA", .interval = { CF_S } };
	int mute = listen_mute();
	CF_AUTO(settings_free) struct settings *first = with(before, 2);
	CF_AUTO(settings_free) struct settings *second = with(after, 2);
	CF_AUTO(settings_free) struct settings *none = with(NULL, 0);
	CF_AUTO(settings_free) struct settings *one = NULL;
	struct fleet *fleet = NULL;
	cf_mono began;

	ok(reporter_new(&options, &reporter, &err) == 0 &&
	   fleet_new(&fleet, first, reporter, &listener, &err) == 0, "a fleet is made");
	ok(watches(fleet, 2, "hB"), "it watches who is named");

	test_unheard(none);
	test_past(fleet);
	began = kernel_raw();
	ok(fleet_reload(fleet, second, &err) == 0 && watches(fleet, 2, "hD"), "others after a reload");
	ok(fleet_reload(fleet, none, &err) == 0 && watches(fleet, 0, ""), "nobody when nobody is named");
	ok(fleet_reload(fleet, first, &err) == 0 && watches(fleet, 2, "hB"), "and again who was before");
	ok(cf_mono_since(kernel_raw(), began).ns < TIMEOUT * CF_S / 2, "while none of them has answered");

	ok(fleet_reload(fleet, none, &err) == 0, "nobody once more");
	close(mute);
	mute = listen_mute();
	one = with(before, 1);
	ok(fleet_reload(fleet, one, &err) == 0 && is_called(mute), "one is asked, and does not answer");
	ok(fleet_reload(fleet, one, &err) == 0 && is_called(mute), "after a reload it is asked again, not in an hour");

	close(mute);
	fleet_free(fleet);
	reporter_free(reporter);
	return done();
}
