/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a copy is cut, and when one that goes on has to end: laws, held by many made-up ones. */
#include "policy/watch.h"

#include <string.h>

#include "proto/base.h"
#include "tests/tap.h"

#define MS(n) ((cf_span){ (n) * CF_MS })

static uint64_t seed = 1;

static int64_t any(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

static void test_deadlines(void)
{
	bool early = false, late = false, limits = true, ways = true, widths = true;

	for (int i = 0; i < 100000; i++) {
		struct cf_instant stop = { .raw = { any(CF_DAY) }, .width = { any(10 * CF_MS) } };
		cf_span slack = { any(10 * CF_MS) }, limit = { any(5 * CF_S) }, back = { any(2 * CF_S) };
		cf_span more = { any(CF_S) };
		cf_mono at = cf_blackout_deadline(stop, slack, limit, back);
		struct cf_instant wider = stop;

		wider.width = cf_span_add(wider.width, more);
		early |= cf_mono_cmp(at, stop.raw) < 0;
		late |= cf_mono_since(at, stop.raw).ns > 0 &&
			cf_mono_since(at, stop.raw).ns + back.ns + slack.ns + stop.width.ns / 2 > limit.ns;
		limits &= cf_mono_cmp(cf_blackout_deadline(stop, slack, cf_span_add(limit, more), back), at) >= 0;
		ways &= cf_mono_cmp(cf_blackout_deadline(stop, slack, limit, cf_span_add(back, more)), at) <= 0;
		widths &= cf_mono_cmp(cf_blackout_deadline(wider, slack, limit, back), at) <= 0;
	}
	ok(!early, "a deadline is never before STOP");
	ok(!late, "and leaves time for the way back, and for what STOP hides, whenever the limit has it");
	ok(limits, "a wider limit never makes it earlier");
	ok(ways, "a longer way back never makes it later");
	ok(widths, "nor does a STOP that is known less well");
}

static void test_way_back(void)
{
	bool grows = true, least = true, most = true;

	for (int i = 0; i < 100000; i++) {
		int64_t left = any(CF_DAY), more = any(CF_DAY), rate = any(20 * CF_S);
		cf_span downtime = { any(5 * CF_S) };
		int64_t at_stop = cf_left_at_stop(left, rate, downtime);

		grows &= cf_span_cmp(cf_way_back(left + more), cf_way_back(left)) >= 0;
		least &= cf_way_back(left).ns >= CF_WAY_BACK_USUAL.ns;
		most &= at_stop <= left && at_stop >= 0;
	}
	ok(cf_way_back(0).ns == CF_WAY_BACK_USUAL.ns && least, "the way back takes what is usual, and never less");
	ok(grows && cf_way_back(2 * CF_S).ns == CF_WAY_BACK_USUAL.ns + CF_S,
	   "the more is left the longer it takes: 2 GB take a second");
	ok(most && cf_left_at_stop(5000, 1000, MS(300)) == 300 && cf_left_at_stop(5000, 0, MS(300)) == 5000,
	   "when the guest stops there is no more left than QEMU believes to send in time");
	ok(cf_heartbeat(MS(0), MS(1000)).ns == 250 * CF_MS, "the heartbeat is a quarter of the limit");
	ok(cf_heartbeat(MS(0), MS(100)).ns == 100 * CF_MS, "but not below 100 ms");
	ok(cf_heartbeat(MS(70), MS(100)).ns == 70 * CF_MS, "unless it is set");
}

/* Every combination of what can be seen. */
static void test_watch(void)
{
	bool unseen = true, paused = true, loaded = true, back = true, one = true, runs = true;

	for (int bits = 0; bits < 64; bits++) {
		struct cf_watched w = { bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32 };
		enum cf_watch is = cf_watch(&w);

		unseen &= w.switchover || !cf_watch_blackout(is);
		paused &= w.switchover || !w.paused || w.undone || w.completed || is == CF_WATCH_PAUSED;
		loaded &= !w.completed || !cf_watch_blackout(is);
		back &= !w.undone || is == CF_WATCH_BACK;
		one &= !(cf_watch_blackout(is) && cf_watch_heartbeat(is));
		runs &= !cf_watch_heartbeat(is) || (!w.stopped && !w.switchover);
	}
	ok(unseen, "STOP alone is no switchover, and no blackout");
	ok(paused, "a guest that somebody paused is left paused");
	ok(loaded, "what is loaded there is not cut");
	ok(back, "and what runs here again is not either");
	ok(one, "of the two deadlines at most one counts");
	ok(runs, "the heartbeat is for a guest that runs");
	ok(cf_watch(&(struct cf_watched){ .stopped = true, .switchover = true, .held = true }) == CF_WATCH_HELD &&
	   cf_watch(&(struct cf_watched){ .stopped = true, .switchover = true }) == CF_WATCH_LEAVES,
	   "in pre-switchover a cut is not enough, and later it is");
}

/* A copy in virtual time, a look every 250 ms. */

static const struct cf_copy_rules rules = { .no_progress = { 30 * CF_S }, .converge = { 60 * CF_S } };

struct sim {
	struct cf_copy copy;
	struct cf_copy_look look;
	cf_mono now;
	int64_t pass_left, first;
	char why[CF_DETAIL_ROOM];
};

static void begin(struct sim *sim, int64_t memory)
{
	*sim = (struct sim){ .look = { .pass = 1, .left = memory }, .now = { any(CF_DAY) }, .pass_left = memory };
}

/* One look later, when rate bytes a second were sent; a pass that is over leaves dirty bytes to the next. */
static enum cf_copying step(struct sim *sim, int64_t rate, int64_t dirty)
{
	int64_t sent = rate / 4;

	sim->now = cf_mono_add(sim->now, MS(250));
	sim->look.sent += sent;
	sim->look.left -= sent;
	if (sim->look.left <= 0) {
		sim->look.left = dirty;
		sim->look.pass++;
	}
	return cf_copy_look(&sim->copy, &rules, &sim->look, sim->now, sim->why);
}

static void test_converging(void)
{
	bool ended = false;

	for (int i = 0; i < 2000; i++) {
		int64_t memory = CF_MS + any(CF_S), rate = memory / (1 + any(200)) + 8, dirty = memory;
		struct sim sim;

		begin(&sim, memory);
		for (int64_t pass = 1; dirty > rate / 10 && pass < 60;) {
			ended |= cf_copying_ends(step(&sim, rate, dirty - dirty / 8));
			if (sim.look.pass > pass) {
				pass = sim.look.pass;
				dirty -= dirty / 8;
			}
		}
	}
	/* Passes of up to 200 s: some of them alone last longer than a copy may go without getting smaller. */
	ok(!ended, "a copy whose passes have less and less to send goes on, however long one takes");
}

static int64_t seconds_until_end(struct sim *sim, int64_t rate, int64_t dirty, enum cf_copying *end)
{
	cf_mono from = sim->now;

	do
		*end = step(sim, rate, dirty + (dirty ? any(dirty / 50 + 1) : 0));
	while (!cf_copying_ends(*end) && cf_mono_since(sim->now, from).ns < 7200 * CF_S);
	return cf_mono_since(sim->now, from).ns / CF_S;
}

static void test_diverging(void)
{
	bool all = true, early = false, late = false;
	enum cf_copying end;
	struct sim sim;

	for (int i = 0; i < 300; i++) {
		int64_t rate = CF_MS + any(CF_S), took;

		begin(&sim, rate * 5);
		while (sim.look.pass < 2)
			step(&sim, rate, rate * 2);
		took = seconds_until_end(&sim, rate, rate * 2, &end);
		all &= end == CF_COPYING_DIVERGES;
		early |= took < 60;
		late |= took > 66;
	}
	ok(all && !early, "one whose passes always have the same to send is ended, and not before its time");
	ok(!late, "nor much later: %s", sim.why);
	ok(strstr(sim.why, "1 min"), "it says for how long");
}

static void test_stuck(void)
{
	enum cf_copying end;
	struct sim sim;
	int64_t took;

	begin(&sim, CF_S);
	took = seconds_until_end(&sim, 0, 0, &end);
	ok(end == CF_COPYING_STUCK && took == 30, "nothing moves: it is ended after %lld s: %s", (long long)took, sim.why);

	begin(&sim, CF_S);
	for (int i = 0; i < 10; i++)
		step(&sim, CF_MS, 0);
	took = seconds_until_end(&sim, 0, 0, &end);
	ok(end == CF_COPYING_STUCK && took == 30, "nothing moves any more: the same");

	begin(&sim, CF_S);
	end = CF_COPYING_ON;
	for (int i = 0; i < 4000 && !cf_copying_ends(end); i++)
		end = step(&sim, i % 100 == 0 ? 400 : 0, 0);
	ok(end == CF_COPYING_ON, "a byte now and then is progress");
}

static void test_nears_end(void)
{
	bool none = false, early = false, missed = false, quick = true;

	for (int i = 0; i < 1000; i++) {
		int64_t memory = CF_MS + any(CF_S), rate = memory / (3 + any(200)) + 8;
		bool seen = false;
		struct sim sim;

		begin(&sim, 0);
		cf_copy_look(&sim.copy, &rules, &sim.look, sim.now, sim.why);
		none |= cf_copy_nears_end(&sim.copy, &sim.look, sim.now);
		begin(&sim, memory);
		cf_copy_look(&sim.copy, &rules, &sim.look, sim.now, sim.why);
		while (step(&sim, rate, 0) == CF_COPYING_ON && sim.look.pass < 2) {
			seen |= cf_copy_nears_end(&sim.copy, &sim.look, sim.now);
			early |= seen && sim.look.left > memory / 2 && sim.look.left > rate / 2;
			quick &= seen || sim.look.left > rate / 2;
		}
		missed |= !seen;
	}
	ok(!none, "a copy that has not begun does not near its end");
	ok(!cf_copy_nears_end(&(struct cf_copy){ .most = CF_S }, &(struct cf_copy_look){ .left = 1 }, (cf_mono){ CF_S }),
	   "... nor one that copies disks");
	ok(!missed && !early, "the end of a first pass is seen before it comes, and not in its first half, unless that has half a second left");
	ok(quick, "it is always seen when there is half a second left");
}

static void test_held_back(void)
{
	enum cf_copying end = CF_COPYING_ON;
	struct sim sim;
	int64_t took;

	begin(&sim, CF_MS);
	sim.look.held_back = true;
	for (int i = 0; i < 4000 && !cf_copying_ends(end); i++)
		end = step(&sim, CF_MS, CF_MS);
	ok(end == CF_COPYING_ON, "a copy that we hold back ourselves is not said to diverge");
	sim.look.held_back = false;
	took = seconds_until_end(&sim, CF_MS, CF_MS, &end);
	ok(end == CF_COPYING_DIVERGES && took >= 59, "let go it has its whole time: %lld s", (long long)took);
}

static void test_slowed(void)
{
	enum cf_copying end;
	struct sim sim;
	int64_t took;

	begin(&sim, CF_MS);
	while (sim.look.pass < 3)
		step(&sim, CF_MS, CF_MS);
	for (int i = 1; i <= 10; i++) {
		sim.look.throttle_percent = 9 * i;
		end = CF_COPYING_ON;
		for (int n = 0; n < 4 * 50 && !cf_copying_ends(end); n++)
			end = step(&sim, CF_MS, CF_MS);
		if (end != CF_COPYING_SLOWED)
			break;
	}
	ok(end == CF_COPYING_SLOWED, "as long as the guest is slowed down more and more it goes on");
	took = seconds_until_end(&sim, CF_MS, CF_MS, &end);
	ok(end == CF_COPYING_DIVERGES && took < 12, "and ends when that was not enough: %s", sim.why);
}

int main(void)
{
	test_deadlines();
	test_way_back();
	test_watch();
	test_converging();
	test_diverging();
	test_stuck();
	test_nears_end();
	test_held_back();
	test_slowed();
	return done();
}
