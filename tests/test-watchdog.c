/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the watchdog's guards promise: one end each, of which everybody is told the same, and their sockets as that says. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tests/watched.h"

#define SOON CF_S	/* of a deadline that is taken back in time, though the machine may halt in between */

static void rest_beyond(cf_mono due)
{
	rest(cf_mono_since(due, kernel_raw()).ns + 100 * CF_MS);
}

static void pair_open(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
}

static void pair_close(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

/* What is sent at one end arrives at the other. */
static bool flows(const int pair[2])
{
	char byte = 0;

	return send(pair[0], "x", 1, MSG_NOSIGNAL) == 1 && recv(pair[1], &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x';
}

static bool is_shut(const int pair[2])
{
	char byte;

	return send(pair[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE && recv(pair[1], &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_deadlines(void)
{
	struct guard *guard = guard_new(dog, -1);
	struct cut cut = { .n = 3 };
	struct guard_end end;
	int pairs[3][2];
	cf_mono due;
	bool all = true;

	for (int i = 0; i < 3; i++) {
		pair_open(pairs[i]);
		cut.fds[i] = pairs[i][0];
	}
	ok(guard_sockets(guard, &cut), "an open guard takes sockets");
	due = in(SOON);
	guard_due(guard, GUARD_HEARTBEAT, due);
	guard_due(guard, GUARD_HEARTBEAT, in(3600 * CF_S));
	rest_beyond(due);
	guard_read(guard, &end);
	ok(!end.cut && !end.loaded, "a deadline that was moved does not count");

	due = in(SOON);
	guard_due(guard, GUARD_BLACKOUT, due);
	guard_clear(guard, GUARD_BLACKOUT);
	rest_beyond(due);
	guard_read(guard, &end);
	ok(!end.cut && flows(pairs[0]), "nor does one that was cleared");

	due = in(50 * CF_MS);
	guard_due(guard, GUARD_BLACKOUT, due);
	guard_clear(guard, GUARD_HEARTBEAT);
	end = ended(guard);
	ok(end.cut && end.reason == GUARD_BLACKOUT, "clearing one of two leaves the other in force: %s",
	   guard_reason_name(end.reason));
	ok(cf_mono_cmp(end.at, due) >= 0 && end.late.ns == cf_mono_since(end.at, due).ns && end.late.ns >= 0,
	   "it is not early, and says how late it was: %lld us", (long long)(end.late.ns / CF_US));
	for (int i = 0; i < 3; i++)
		all = all && is_shut(pairs[i]);
	ok(all && end.n == 3 && end.error == 0, "all of its sockets are shut down");
	ok(!guard_loaded(guard), "what was cut is not loaded any more");
	ok(!guard_cut(guard), "nor cut twice");

	cut = (struct cut){ .n = 1 };
	pair_close(pairs[0]);
	pair_open(pairs[0]);
	cut.fds[0] = pairs[0][0];
	ok(!guard_sockets(guard, &cut) && is_shut(pairs[0]), "sockets that come after the cut are shut down, too");
	guard = guard_free(guard);
	for (int i = 0; i < 3; i++)
		pair_close(pairs[i]);
}

static void test_past(void)
{
	struct guard *guard = guard_new(dog, -1);
	struct guard_end end;

	guard_due(guard, GUARD_HEARTBEAT, (cf_mono){ 0 });
	end = ended(guard);
	ok(end.cut && end.reason == GUARD_HEARTBEAT && end.n == 0, "a deadline in the past is due, sockets or not");
	guard_free(guard);
}

static void test_loaded(void)
{
	struct guard *guard = guard_new(dog, -1);
	struct cut cut = { .n = 1 };
	struct guard_end end;
	cf_mono due;
	int pair[2];

	pair_open(pair);
	cut.fds[0] = pair[0];
	guard_sockets(guard, &cut);
	due = in(SOON);
	guard_due(guard, GUARD_BLACKOUT, due);
	ok(guard_loaded(guard) && guard_loaded(guard), "what was not cut is loaded, however often that is said");
	rest_beyond(due);
	guard_read(guard, &end);
	ok(end.loaded && !end.cut && flows(pair), "and is not cut any more");
	ok(!guard_cut(guard) && flows(pair), "not even when that is asked for");
	ok(!guard_sockets(guard, &cut) && flows(pair), "and needs no sockets");
	guard_free(guard);
	pair_close(pair);
}

static void test_bad_socket(void)
{
	struct guard *guard = guard_new(dog, -1);
	struct cut cut = { .n = 2 };
	struct guard_end end;
	int pair[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	pair_open(pair);
	cut.fds[0] = file;
	cut.fds[1] = pair[0];
	guard_sockets(guard, &cut);
	ok(guard_cut(guard), "a cut that is asked for is made");
	guard_read(guard, &end);
	ok(end.cut && end.reason == GUARD_ASKED && end.error == ENOTSOCK && is_shut(pair),
	   "what cannot be shut down is told, and hinders nothing: %s", strerror(end.error));
	guard_free(guard);
	pair_close(pair);
	close(file);
}

static void test_ended_process(void)
{
	struct guard *guard;
	struct cut cut = { .n = 1 };
	struct guard_end end;
	int pair[2], hold[2], pidfd;
	pid_t child;

	pair_open(pair);
	pair_open(hold);
	child = fork();
	if (child == 0) {
		char byte;

		close(hold[0]);
		_exit(read(hold[1], &byte, 1) != 0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	guard = guard_new(dog, pidfd);
	cut.fds[0] = pair[0];
	guard_sockets(guard, &cut);
	rest(50 * CF_MS);
	guard_read(guard, &end);
	ok(!end.cut && flows(pair), "as long as its process lives nothing is cut");
	pair_close(hold);
	end = ended(guard);
	ok(end.cut && end.reason == GUARD_ENDED && is_shut(pair), "when it ends the peer sees the end, too");
	guard_free(guard);
	waitpid(child, NULL, 0);
	close(pidfd);
	pair_close(pair);
}

static void test_table(void)
{
	struct guard *guards[GUARDS_MAX];
	int n = 0;

	while (n < GUARDS_MAX && (guards[n] = guard_new(dog, -1)))
		n++;
	ok(n == GUARDS_MAX && !guard_new(dog, -1), "there is room for %d, and no more", n);
	guards[17] = guard_free(guards[17]);
	guards[17] = guard_new(dog, -1);
	ok(guards[17], "one that is freed makes room");
	while (n)
		guard_free(guards[--n]);
}

/* Cut and loaded, raced: exactly one wins, both know which, and the sockets are as that says. */
static void test_race(void)
{
	enum { ROUNDS = 1000000 };
	struct cut cut = { .n = 1 };
	long cuts = 0, loads = 0, wrong = 0, leaks = 0;
	unsigned random = 1;
	int pair[2];

	pair_open(pair);
	for (int i = 0; i < ROUNDS; i++) {
		struct guard *guard = guard_new(dog, -1);
		struct guard_end end;
		bool loaded;

		cut.fds[0] = pair[0];
		guard_sockets(guard, &cut);
		guard_due(guard, GUARD_BLACKOUT, kernel_raw());
		random = random * 1103515245 + 12345;
		for (unsigned turns = i % 8 ? 0 : (random >> 16) % 4096; turns > 0; turns--)
			__asm__ volatile("" ::: "memory");
		loaded = guard_loaded(guard);
		guard_read(guard, &end);
		wrong += end.loaded == end.cut || end.loaded != loaded;
		cuts += end.cut;
		loads += end.loaded;
		leaks += loaded ? i % 16 == 0 && !flows(pair) : !is_shut(pair);
		guard_free(guard);
		if (end.cut) {
			pair_close(pair);
			pair_open(pair);
		}
	}
	pair_close(pair);
	ok(wrong == 0, "of %d races each had one winner, and both knew", ROUNDS);
	ok(cuts > 0 && loads > 0, "either has won some: %ld cuts, %ld loaded", cuts, loads);
	ok(leaks == 0, "and the sockets were as that says");
}

struct asking {
	struct guard *guard;
	atomic_int go;
	atomic_bool cut;
};

static void *ask(void *userdata)
{
	struct asking *asking = userdata;

	for (int round = 1; round > 0; round++) {
		int go;

		while ((go = atomic_load(&asking->go)) < round && go >= 0)
			sched_yield();
		if (go < 0)
			return NULL;
		atomic_store(&asking->cut, guard_cut(asking->guard));
		atomic_store(&asking->go, 0);
		round = 0;
	}
	return NULL;
}

/* The same between a thread that asks for the cut, the watchdog itself, and one that says loaded. */
static void test_three(void)
{
	enum { ROUNDS = 30000 };
	struct asking asking = { 0 };
	long wrong = 0, by_asking = 0, by_dog = 0, loads = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, ask, &asking);
	for (int i = 0; i < ROUNDS; i++) {
		struct guard_end end;
		bool loaded;

		asking.guard = guard_new(dog, -1);
		atomic_store(&asking.go, 1);
		if (i % 3 != 0)
			guard_due(asking.guard, GUARD_BLACKOUT, kernel_raw());
		loaded = i % 3 != 1 && guard_loaded(asking.guard);
		while (atomic_load(&asking.go) != 0)
			sched_yield();
		guard_read(asking.guard, &end);
		by_asking += asking.cut;
		by_dog += end.reason == GUARD_BLACKOUT;
		loads += loaded;
		wrong += loaded + asking.cut + (end.reason == GUARD_BLACKOUT) != 1;
		guard_free(asking.guard);
	}
	atomic_store(&asking.go, -1);
	pthread_join(thread, NULL);
	ok(wrong == 0, "of three there is one winner, too: asked %ld, deadline %ld, loaded %ld", by_asking, by_dog, loads);
}

/* Sockets are replaced while the time runs out: those closed since, whose numbers are others' by now, are not touched. */
static void test_replace(void)
{
	enum { ROUNDS = 20000 };
	long strangers = 0, left = 0, cuts = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct guard *guard = guard_new(dog, -1);
		int old[2], fresh[2], stranger[2];
		struct guard_end end;
		struct cut cut = { .n = 1 };

		pair_open(old);
		pair_open(fresh);
		cut.fds[0] = old[0];
		guard_sockets(guard, &cut);
		guard_due(guard, GUARD_BLACKOUT, in(i % 40 * CF_US));
		cut.fds[0] = fresh[0];
		guard_sockets(guard, &cut);
		pair_close(old);
		pair_open(stranger);
		end = ended(guard);
		cuts += end.cut;
		strangers += !flows(stranger);
		left += !is_shut(fresh);
		guard_free(guard);
		pair_close(fresh);
		pair_close(stranger);
	}
	ok(cuts == ROUNDS && left == 0, "whatever comes first, the sockets of now are shut down");
	ok(strangers == 0, "and nobody else's");
}

int main(void)
{
	struct cf_error err = { 0 };

	ok(watchdog_start(&dog, &err) == 0, "the watchdog starts %s", err.text);
	test_deadlines();
	test_past();
	test_loaded();
	test_bad_socket();
	test_ended_process();
	test_table();
	test_race();
	test_three();
	test_replace();
	dog = watchdog_stop(dog);
	return done();
}
