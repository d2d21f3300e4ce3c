/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Readings of a guest's clock, simulated: the guest is ahead by a known amount,
 * whatever the way there and back takes; and agents that lie.
 */

#include <errno.h>
#include <string.h>

#include "daemon/virt/readings.h"
#include "tests/tap.h"

#define NOW (INT64_C(1800000000) * CF_S)	/* in 2027 */

/* The host's clocks ns after the beginning, REALTIME set ahead by `stepped`. */
static struct cf_instant host(int64_t ns, int64_t stepped)
{
	return (struct cf_instant){ .raw = { 5 * CF_S + ns }, .real = { NOW + ns + stepped } };
}

/* A reading that begins at ns, takes there and back, of a guest that is ahead of the true time. */
static int read_at(struct readings *readings, int64_t ns, int64_t there, int64_t back, int64_t ahead)
{
	struct cf_error err = { 0 };
	int r = readings_add(readings, host(ns, 0), (cf_real){ NOW + ns + there + ahead },
			     host(ns + there + back, 0),
			     &err);

	if (r < 0 && !err.text[0])
		printf("# no reason was given\n");
	return r;
}

static bool holds(const struct readings *readings, int64_t ahead)
{
	return cf_interval_has(readings_offset(readings).offset, (cf_span){ ahead });
}

static void test_folding(void)
{
	struct readings readings = { 0 };
	struct cf_guest_offset offset;
	int64_t width;

	ok(read_at(&readings, 0, 900 * CF_US, 100 * CF_US, CF_S) == 0 && holds(&readings, CF_S),
	   "one reading");
	width = cf_interval_width(readings_offset(&readings).offset).ns;
	ok(width >= 18 * CF_MS && width < 19 * CF_MS, "is as wide as it took, and a tick that may have gone by");
	ok(read_at(&readings, 2 * CF_MS, 100 * CF_US, 900 * CF_US, CF_S) == 0 && holds(&readings, CF_S),
	   "two");
	offset = readings_offset(&readings);
	ok(cf_interval_width(offset.offset).ns < CF_MS, "show that it is none, and narrow each other");
	ok(offset.rounds == 2 && offset.at.raw.ns == host(3 * CF_MS, 0).raw.ns && !offset.has_rate,
	   "it is dated at the last");
	ok(readings.took.ns == CF_MS, "which took a millisecond");
	for (int i = 0; i < 1000; i++)
		read_at(&readings, (5 + 2 * i) * CF_MS, (100 + i % 7 * 50) * CF_US,
			(100 + i % 5 * 80) * CF_US,
			CF_S - i * 400);
	ok(readings.rounds == 1002 && holds(&readings, CF_S - 999 * 400),
	   "a thousand, of a clock that drifts by 200 ppm");
}

static void test_slewing(void)
{
	struct readings readings = { 0 };
	bool all = true;

	for (int i = 0; i < 100; i++)
		all = all && read_at(&readings, i * 10 * CF_MS, 50 * CF_US, 50 * CF_US, i * CF_MS) == 0 &&
		      holds(&readings, i * CF_MS);
	ok(all, "a guest that slews its clock by a tenth is followed");
}

static void test_host_step(void)
{
	struct readings readings = { 0 };
	int64_t hour = 3600 * CF_S;
	int r;

	read_at(&readings, 0, CF_MS, CF_MS, CF_S);
	r = readings_add(&readings, host(10 * CF_MS, hour), (cf_real){ NOW + 11 * CF_MS + CF_S },
			 host(12 * CF_MS, hour), NULL);
	ok(r == 0 && holds(&readings, CF_S - hour),
	   "a step of the host's clock between two readings is no jump of the guest's");
}

#define TICK (CF_S / 64)	/* of a Windows that nobody asked for a quicker one */

/* So many rounds, and more while it stands, of a guest that tells in what was its clock at its last tick. */
static bool told_by_ticks(int64_t rounds, int64_t ahead, int64_t took, int64_t pause, int64_t in, struct readings *ret)
{
	bool all = true;

	*ret = (struct readings){ 0 };
	for (int64_t ns = 0, i = 0; all && (i < rounds || readings_stand(ret)); i++, ns += took + pause) {
		int64_t there = took / 4 * (i % 4), says = (NOW + ns + there + ahead) / TICK * TICK / in * in;

		all = readings_add(ret, host(ns, 0), (cf_real){ says }, host(ns + took, 0), NULL) == 0;
	}
	return all && holds(ret, ahead);
}

/* A timer that somebody asked to be quicker: no two answers are the same, and none is ahead by a tick. */
static void test_fine_ticks(void)
{
	static const int64_t ticks[] = { CF_MS / 2, CF_S / 2048, CF_S / 1024, CF_MS, 2 * CF_MS, 5 * CF_MS };
	int64_t widest = 0;
	int n = 0, good = 0;

	for (size_t i = 0; i < CF_COUNT(ticks); i++)
		for (int64_t took = ticks[i]; took < 3 * ticks[i]; took += ticks[i] / 7)
			for (int64_t ahead = CF_S; ahead < CF_S + ticks[i]; ahead += ticks[i] / 13, n++) {
				struct readings readings = { 0 };
				bool all = true;

				for (int64_t round = 0, ns = 0; all && round < 8; round++, ns += took + 20 * CF_US) {
					int64_t says = (NOW + ns + took / 2 + ahead) / ticks[i] * ticks[i] / CF_US * CF_US;

					all = readings_add(&readings, host(ns, 0), (cf_real){ says }, host(ns + took, 0), NULL) == 0;
				}
				good += all && holds(&readings, ahead);
				widest = widest > cf_interval_width(readings_offset(&readings).offset).ns
					 ? widest : cf_interval_width(readings_offset(&readings).offset).ns;
			}
	ok(good == n, "%d of %d that tell what it was at the last tick of a quick timer are understood", good, n);
	ok(widest < 33 * CF_MS, "... to %lld us", (long long)(widest / CF_US));
}

static void test_ticks(void)
{
	int64_t widest = 0, pauses[] = { 5 * CF_US, 100 * CF_US, CF_MS, 5 * CF_MS };
	struct readings readings = { 0 };
	int n = 0, good = 0;

	for (int64_t ahead = CF_S; ahead < CF_S + 2 * TICK; ahead += 100 * CF_US)
		for (size_t i = 0; i < CF_COUNT(pauses); i++, n++) {
			good += told_by_ticks(8, ahead, (2 + n % 7) * 100 * CF_US, pauses[i], n % 2 ? CF_MS : 1, &readings);
			if (cf_interval_width(readings_offset(&readings).offset).ns > widest)
				widest = cf_interval_width(readings_offset(&readings).offset).ns;
		}
	ok(good == n, "%d of %d that tell what it was at the last tick are understood, whenever the next one is", good, n);
	ok(widest < TICK + 2 * CF_MS, "... to %lld us", (long long)(widest / CF_US));

	n = good = 0;
	for (int64_t ahead = CF_S; ahead < CF_S + TICK; ahead += 100 * CF_US)
		for (int64_t took = CF_MS; took < 60 * CF_MS; took += CF_MS, n++)
			good += told_by_ticks(n % 9 + 1, ahead, took, 10 * CF_US, n % 2 ? CF_MS : 1, &readings);
	ok(good == n, "nothing wrong is said of one that answers slowly, however few its answers are (%d of %d)", good, n);

	readings = (struct readings){ 0 };
	read_at(&readings, 0, 50 * CF_US, 50 * CF_US, CF_S);
	ok(read_at(&readings, CF_MS, 50 * CF_US, 50 * CF_US, CF_S + 9 * CF_MS) == 0 && holds(&readings, CF_S + 9 * CF_MS),
	   "a clock that is set by less than a tick lies in what is told of it, too");
	ok(readings_add(&readings, host(50 * CF_MS, 0), readings.guest, host(51 * CF_MS, 0), NULL) == -EPROTO,
	   "one that stands still for longer is none");
}

/* A clock of microseconds whose agent takes from 8 ms to 100 ms for each of eight answers, never twice the same. */
static void test_slow(void)
{
	int64_t n = 0, even = 0, good = 0;

	for (int64_t least = 8 * CF_MS; least < 90 * CF_MS; least += 77 * CF_US, n++) {
		struct readings readings = { 0 };
		bool all = true;

		for (int64_t i = 0, ns = 0; i < 8; i++) {
			int64_t took = least + (n * 131 + i * 7919) % 9973 * CF_US;

			all = all && readings_add(&readings, host(ns, 0), (cf_real){ (NOW + ns + took / 2 + CF_S) / CF_US * CF_US },
						  host(ns + took, 0), NULL) == 0;
			ns += took + 10 * CF_US;
		}
		good += all && holds(&readings, CF_S);
		even += readings.even;
	}
	ok(good == n, "a slow agent tells what its guest's clock is (%lld of %lld)", (long long)good, (long long)n);
	ok(even >= n - n / 100, "... which is seen to go on evenly, by %lld of them", (long long)even);
}

/* Read until it moves; when is it refused?  -1: it is not. */
static int64_t refused_after(int64_t ahead, int64_t took)
{
	struct readings readings = { 0 };

	for (int64_t ns = 0, i = 0; i < 8 || readings_stand(&readings); i++, ns += took + 10 * CF_US) {
		int64_t says = (NOW + ns + ahead) / CF_S * CF_S;

		if (readings_add(&readings, host(ns, 0), (cf_real){ says }, host(ns + took, 0), NULL) == -EPROTO)
			return ns + took;
	}
	return -1;
}

static void test_stands(void)
{
	int64_t longest = 0, after;
	int believed = 0;

	for (int64_t ahead = 0; ahead < CF_S; ahead += 500 * CF_US) {
		after = refused_after(ahead, CF_MS);
		believed += after < 0;
		longest = after > longest ? after : longest;
	}
	ok(believed == 0 && longest <= 20 * CF_MS, "a clock of whole seconds is never believed (but %d), which takes %lld us",
	   believed, (long long)(longest / CF_US));
}

static void refused(const char *sentence, int64_t ns, int64_t ahead)
{
	struct readings readings = { 0 }, before;

	read_at(&readings, 0, CF_MS, CF_MS, CF_S);
	before = readings;
	ok(read_at(&readings, ns, CF_MS, CF_MS, ahead) == -EPROTO, "%s", sentence);
	ok(memcmp(&before, &readings, sizeof(before)) == 0, "... which changes nothing");
}

static void test_lies(void)
{
	static const int64_t absurd[] = { INT64_MIN, -1, 0, 1, INT64_C(946684799) * CF_S,
								       INT64_C(7258118401) * CF_S,
								       INT64_MAX };
	struct readings readings = { 0 };

	for (size_t i = 0; i < CF_COUNT(absurd); i++)
		ok(readings_add(&readings, host(0, 0), (cf_real){ absurd[i] }, host(CF_MS, 0),
		   NULL) == -EPROTO &&
		   !readings.rounds && !readings_plausible((cf_real){ absurd[i] }), "%lld ns is no time",
		   (long long)absurd[i]);
	refused("a clock that goes back", 10 * CF_MS, 0);
	refused("one that goes back by little", 3 * CF_MS, CF_S - 4 * CF_MS);
	refused("one that jumps ahead", 10 * CF_MS, 2 * CF_S);
	refused("... if by little more than a tick", 3 * CF_MS, CF_S + 22 * CF_MS);
	refused("one that lags by more than it can", 10 * CF_S, -9 * CF_S);
	ok(readings_plausible((cf_real){ NOW }), "and now is a time");
}

int main(void)
{
	test_folding();
	test_slewing();
	test_host_step();
	test_ticks();
	test_fine_ticks();
	test_slow();
	test_stands();
	test_lies();
	return done();
}
