/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Migrations that others drive, told from what happens to a domain: what is seen, in every combination;
 * and what QEMU and libvirt say, in every order in which the two can be heard.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/virt/foreign.h"
#include "daemon/virt/outbound.h"
#include "policy/foreign.h"
#include "proto/base.h"
#include "tests/tap.h"

/* --- every combination --- */

#define N_FACTS 10

static struct cf_departure made_of(unsigned bits, enum cf_here here)
{
	return (struct cf_departure){
		.taken_in = bits & 1, .connected = bits & 2, .asked = bits & 4, .switchover = bits & 8, .left = bits & 16,
		.undone = bits & 32, .sent = bits & 64, .failed = bits & 128, .ended = bits & 256, .gap = bits & 512,
		.here = here,
	};
}

static void what_it_is(void)
{
	int strange = 0, silent = 0, saves = 0, late = 0, early = 0;

	for (unsigned bits = 0; bits < 1u << N_FACTS; bits++) {
		struct cf_departure seen = made_of(bits, CF_HERE_UNKNOWN);
		bool said = seen.switchover || seen.left, over = seen.sent || seen.failed || seen.ended;
		enum cf_departing is = cf_departing(&seen);

		strange += is == CF_DEPARTING && !seen.taken_in && !seen.connected && !said;
		silent += seen.taken_in && is != CF_DEPARTING;
		saves += over && !said && !seen.taken_in && !(seen.asked && seen.connected) && is != CF_DEPARTING_NOT;
		late += said && is == CF_DEPARTING_NOT;
		early += !seen.taken_in && !seen.asked && is == CF_DEPARTING;
	}
	ok(strange == 0, "nothing is taken for a migration of which nobody has said so");
	ok(silent == 0, "what another agent sees come in is one, whatever else is known");
	ok(saves == 0, "what is over and showed nothing of one is a save, or a dump");
	ok(late == 0, "one that QEMU or libvirt call one is never given up");
	ok(early == 0, "without the other's agent it is not taken before all were asked");
}

static void how_it_ended(void)
{
	int left = 0, back = 0, before = 0, blind = 0, waits = 0;

	for (unsigned bits = 0; bits < 1u << N_FACTS; bits++)
		for (int here = 0; here < CF_N_HERES; here++) {
			struct cf_departure seen = made_of(bits, here);
			enum cf_event how = cf_departed(&seen);

			left += seen.left != (how == CF_EV_LANDED) && !(seen.gap && here == CF_HERE_ABSENT);
			back += !seen.left && seen.undone && how != CF_EV_KEPT;
			before += !seen.left && !seen.undone && !seen.ended && !seen.gap && seen.failed && seen.switchover &&
				  how != CF_N_EVENTS;
			blind += !seen.gap && how != cf_departed(&(struct cf_departure){ .left = seen.left,
				.undone = seen.undone, .ended = seen.ended, .failed = seen.failed, .switchover = seen.switchover });
			waits += how != CF_N_EVENTS && how != CF_EV_LANDED && how != CF_EV_KEPT;
		}
	ok(left == 0, "it has left when libvirt says so, or when it is gone and that was missed");
	ok(back == 0, "it has come to nothing when it runs here again");
	ok(before == 0, "a failure after the switchover waits for its guest to run again");
	ok(blind == 0, "how it stands by libvirt counts where events were missed, and nowhere else");
	ok(waits == 0, "there are two ends, and no third");
}

static void newcomers(void)
{
	const cf_span patience = { 3 * CF_S }, long_enough = { 4 * CF_S };
	struct cf_newcomer seen = { 0 };

	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_WAITS, "one that comes in is waited for");
	seen.since = long_enough;
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_WAITS, "... as long as it takes");
	seen.landed = true;
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_ALONE, "one that runs, and of which nobody speaks, is taken alone");
	seen.since = patience;
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_WAITS, "... but not at once");
	seen = (struct cf_newcomer){ .gone = true, .since = long_enough };
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_ALONE, "so is one that was given up");
	seen = (struct cf_newcomer){ .gap = true, .since = long_enough };
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_ALONE, "and one of which either may have been missed");
	seen.announced = true;
	ok(cf_newcomer(&seen, patience) == CF_NEWCOMER_KNOWN, "one of which its source's agent speaks is in good hands");
}

/* --- every order --- */

#define SETUP     { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_SETUP }
#define STATUS(s) { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_##s }
#define STOP      { .kind = GUEST_EV_STOP, .placed = true }
#define RESUME    { .kind = GUEST_EV_RESUME, .placed = true }
#define RUNNING   { .kind = GUEST_EV_RUNNING }
#define GONE(how) { .kind = GUEST_EV_GONE, .gone = GUEST_##how }
#define PASS      { .kind = GUEST_EV_PASS, .pass = 2 }

static const struct {
	const char *sentence;
	enum cf_event end;
	bool is;		/* told from a save by events alone */
	size_t n_qemu, n_libvirt;
	struct guest_event qemu[10], libvirt[3];
} stories[] = {
	{ "a migration", CF_EV_LANDED, true, 7, 1,
	  { SETUP, STATUS(ACTIVE), PASS, STOP, STATUS(PRE_SWITCHOVER), STATUS(DEVICE), STATUS(COMPLETED) }, { GONE(MIGRATED) } },
	{ "one with post-copy", CF_EV_LANDED, true, 7, 1,
	  { SETUP, STATUS(ACTIVE), PASS, STOP, STATUS(PRE_SWITCHOVER), STATUS(OTHER), STATUS(COMPLETED) }, { GONE(MIGRATED) } },
	{ "one that is cancelled while it copies", CF_EV_KEPT, false, 5, 0,
	  { SETUP, STATUS(ACTIVE), PASS, STATUS(CANCELLING), STATUS(CANCELLED) }, { { 0 } } },
	{ "one that fails when its guest stands still", CF_EV_KEPT, true, 7, 1,
	  { SETUP, STATUS(ACTIVE), STOP, STATUS(PRE_SWITCHOVER), STATUS(DEVICE), STATUS(FAILED), RESUME }, { RUNNING } },
	{ "one that libvirt calls off when all was sent", CF_EV_KEPT, true, 7, 1,
	  { SETUP, STATUS(ACTIVE), STOP, STATUS(PRE_SWITCHOVER), STATUS(DEVICE), STATUS(COMPLETED), RESUME }, { RUNNING } },
	{ "one whose domain is destroyed", CF_EV_KEPT, false, 3, 1,
	  { SETUP, STATUS(ACTIVE), PASS }, { GONE(DESTROYED) } },
	{ "a save of a guest that was stopped for it", CF_N_EVENTS, false, 4, 0,
	  { STOP, SETUP, STATUS(ACTIVE), STATUS(COMPLETED) }, { { 0 } } },
	{ "a save that is cancelled", CF_EV_KEPT, false, 5, 1,
	  { STOP, SETUP, STATUS(ACTIVE), STATUS(CANCELLED), RESUME }, { RUNNING } },
};

/* In which order the two are heard: bit i of order says whose the i-th is. */
static bool merge(unsigned order, size_t n_qemu, size_t n_libvirt)
{
	return (size_t)__builtin_popcount(order) == n_libvirt && order < 1u << (n_qemu + n_libvirt);
}

/* Plays one story in one order; false when something was said of it too early. */
static bool play(size_t s, unsigned order, enum cf_event *end, enum cf_departing *is)
{
	size_t n = stories[s].n_qemu + stories[s].n_libvirt, qemu = 0, libvirt = 0;
	struct guest_events events;
	struct cf_departure seen = { .asked = true };
	bool steady = true;

	guest_events_begin(&events, CF_SOURCE);
	*end = CF_N_EVENTS;
	for (size_t i = 0; i < n; i++) {
		enum cf_event now;

		guest_events_add(&events, order >> i & 1 ? &stories[s].libvirt[libvirt++] : &stories[s].qemu[qemu++]);
		foreign_seen(&events, &seen);
		now = cf_departed(&seen);
		steady &= *end == CF_N_EVENTS || now == *end || now == CF_EV_LANDED;
		*end = now;
	}
	*is = cf_departing(&seen);
	return steady;
}

static void orders(void)
{
	for (size_t s = 0; s < CF_COUNT(stories); s++) {
		int heard = 0, ends = 0, told = 0, unsteady = 0;

		for (unsigned order = 0; order < 1u << (stories[s].n_qemu + stories[s].n_libvirt); order++) {
			enum cf_event end;
			enum cf_departing is;

			if (!merge(order, stories[s].n_qemu, stories[s].n_libvirt))
				continue;
			heard++;
			unsteady += !play(s, order, &end, &is);
			ends += end != stories[s].end;
			told += is != (stories[s].is ? CF_DEPARTING : CF_DEPARTING_NOT);
		}
		ok(heard > 0 && ends == 0, "%s ends the same in each of %d orders", stories[s].sentence, heard);
		ok(told == 0, "... and is %s one", stories[s].is ? "known for" : "not taken for");
		ok(unsteady == 0, "... and what was said of its end is not taken back");
	}
}

/* --- where it goes --- */

static char root[] = "/tmp/clockferry-test-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/7/net/%s", root, name);
	file = fopen(path, "w");
	fputs("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n", file);
	fputs(text, file);
	fclose(file);
}

static void own(int fd, int inode)
{
	char path[128], to[32];

	snprintf(path, sizeof(path), "%s/7/fd/%d", root, fd);
	snprintf(to, sizeof(to), "socket:[%d]", inode);
	ok(symlink(to, path) == 0, "descriptor %d is socket %d", fd, inode);
}

static void make_root(void)
{
	static const char *const folders[] = { "7", "7/fd", "7/net" };
	char path[128];

	ok(mkdtemp(root) != NULL, "a folder for what the kernel would list");
	for (size_t i = 0; i < CF_COUNT(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		mkdir(path, 0700);
	}
}

/* 10.99.0.1 is 0100630A as an x86 or an arm64 has it in memory. */
static void connections(void)
{
	const struct counter_roots roots = { .proc = root };
	struct cf_outbound list[OUTBOUND_MAX];
	struct cf_error err = { 0 };
	size_t n = 7;

	make_root();
	own(3, 100);
	own(4, 101);
	own(5, 102);
	own(6, 103);
	own(7, 104);
	put("tcp", "   0: 0100630A:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 100 1 0 100 0 0 10 0\n"
		   "   1: 0100630A:170C FE00630A:D000 01 00000000:00000000 00:00000000 00000000  0 0 101 1 0 20 4 30 10 -1\n"
		   "   2: 0100630A:C350 0200630A:C000 01 00000000:00000000 00:00000000 00000000  0 0 102 1 0 20 4 30 10 -1\n"
		   "   3: 0100630A:C351 0200630A:C001 01 00000000:00000000 00:00000000 00000000  0 0 999 1 0 20 4 30 10 -1\n"
		   "   4: 0100007F:C352 0100007F:C001 01 00000000:00000000 00:00000000 00000000  0 0 103 1 0 20 4 30 10 -1\n"
		   "nonsense\n");
	put("tcp6", "   0: 99 nonsense\n"
		    "   1: 000099FD000000000000000001000000:C353 000099FD000000000000000002000000:0CBC 06 "
		    "00000000:00000000 00:00000000 00000000 0 0 104 1 0 20 4 30 10 -1\n");
	ok(outbound_list(&roots, 7, list, &n, &err) == 0 && n == 1, "of a QEMU's sockets one leads to another host: %s", err.text);
	ok(n == 1 && strcmp(list[0].address, "10.99.0.2") == 0 && list[0].port == 49152,
	   "not what came to its own port, is another's, stays on this host, or is closed");
	put("tcp6", "   1: 000099FD000000000000000001000000:C353 000099FD000000000000000002000000:0CBC 01 "
		    "00000000:00000000 00:00000000 00000000 0 0 104 1 0 20 4 30 10 -1\n"
		    "   2: 0000000000000000FFFF00000100630A:C354 0000000000000000FFFF00000300630A:C002 01 "
		    "00000000:00000000 00:00000000 00000000 0 0 103 1 0 20 4 30 10 -1\n");
	ok(outbound_list(&roots, 7, list, &n, &err) == 0 && n == 3, "those over IPv6 count");
	ok(n == 3 && strcmp(list[1].address, "fd99::2") == 0 && list[1].port == 3260 && strcmp(list[2].address, "10.99.0.3") == 0,
	   "... and IPv4 is IPv4 there too");
	ok(outbound_list(&roots, 8, list, &n, &err) < 0 && n == 3, "of a process that is not there nothing is said: %s", err.text);
}

static void leaving(void)
{
	const struct cf_outbound list[] = { { "10.0.0.9", 3260 }, { "10.0.0.2", 49152 }, { "10.0.0.2", 49153 },
					    { "10.0.0.3", 49215 }, { "10.0.0.4", 49216 } };

	ok(cf_outbound_leaving(list, 0) == NULL, "no connection, no destination");
	ok(cf_outbound_leaving(list, 1) == NULL, "a disk's server is none");
	ok(cf_outbound_leaving(list, 2) == &list[1], "a migration's port shows where it goes");
	ok(cf_outbound_leaving(list, 3) != NULL && strcmp(cf_outbound_leaving(list, 3)->address, "10.0.0.2") == 0,
	   "several to one host are one");
	ok(cf_outbound_leaving(list, 4) == NULL, "to two hosts are none: which of them it is nobody can say");
	ok(cf_outbound_leaving(&list[3], 2) == &list[3], "the ports end where libvirt's do");
}

int main(void)
{
	char command[64];

	what_it_is();
	how_it_ended();
	newcomers();
	orders();
	connections();
	leaving();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ok(system(command) == 0, "the folder is gone");
	return done();
}
