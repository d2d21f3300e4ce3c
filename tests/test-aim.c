/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a guest's clock should be: against made-up hosts whose true clocks are known. */

#include "daemon/act/aim.h"
#include "proto/base.h"
#include "tests/tap.h"

#define S(ns) ((cf_span){ ns })

static struct cf_instant at(int64_t raw, int64_t real)
{
	return (struct cf_instant){ .raw = { raw }, .real = { real } };
}

/* A guest `ahead` of its source; the destination's REALTIME is `skew` ahead and may be slewed by `slew` afterwards. */
static void one(const char *what, int64_t ahead, int64_t skew, int64_t slew)
{
	const int64_t raw_source = 1000 * CF_S, raw_destination = 77 * CF_S, real = 1700000000 * CF_S;
	const int64_t blackout = 300 * CF_MS, later = 10 * CF_S;
	struct aim aim = {
		.offset = cf_interval_around(S(ahead), S(CF_US)),
		.raw = cf_interval_around(S(raw_destination - raw_source), S(30 * CF_US)),
		.from = at(raw_source, real),
		.resume = at(raw_destination + blackout, real + skew + blackout),
	};
	struct cf_instant now = at(raw_destination + blackout + later, real + skew + blackout + later + slew);
	/* What an undisturbed guest would show now, against the destination's REALTIME. */
	int64_t truth = (real + ahead + blackout + later) - now.real.ns;
	struct cf_interval should = aim_at(&aim, now, false);

	ok(cf_interval_has(should, S(truth)), "%s: the truth lies inside", what);
	ok(cf_interval_half(should).ns <= 120 * CF_US + (slew < 0 ? -slew : slew), "... and not much else does");
	ok(cf_interval_has(aim_at(&aim, aim.resume, false), S(ahead - skew)), "... at RESUME too");
}

/* The destination's REALTIME is stepped after RESUME, and its RAW is off by 200 ppm. */
static void stepped(int64_t by)
{
	const int64_t raw_source = 1000 * CF_S, raw_destination = 77 * CF_S, real = 1700000000 * CF_S;
	const int64_t blackout = 300 * CF_MS, later = 10 * CF_S;
	const int64_t raw_resume = raw_destination + blackout;
	struct aim aim = {
		.offset = cf_interval_around(S(0), S(CF_US)),
		.raw = cf_interval_around(S(raw_destination - raw_source), S(30 * CF_US)),
		.from = at(raw_source, real),
		.resume = at(raw_resume, real + blackout),
	};
	struct cf_instant now = at(raw_resume + later / 1000000 * 999800, real + blackout + later + by);
	struct cf_interval should = aim_at(&aim, now, true);

	ok(cf_interval_has(should, S(-by)), "a destination that is stepped by %+lld s: the truth lies inside", (long long)(by / CF_S));
	ok(cf_interval_half(should).ns <= 3 * CF_MS, "... and not much else does");
}

/*
 * The record that names STOP never came: the guest ran on for 20 s after the one there
 * is, at a rate of its own, and the destination's RAW is off by 200 ppm.
 */
static void ran_on(void)
{
	const int64_t raw_source = 1000 * CF_S, raw_destination = 77 * CF_S, real = 1700000000 * CF_S;
	const int64_t ran = 20 * CF_S, gained = ran / 1000000 * 400, blackout = 300 * CF_MS;
	const int64_t raw_resume = raw_destination + (ran + blackout) / 1000000 * 999800;
	struct aim aim = {
		.offset = cf_interval_around(S(0), S(CF_US)),
		.raw = cf_interval_around(S(raw_destination - raw_source), S(CF_US)),
		.from = at(raw_source, real),
		.resume = at(raw_resume, real + ran + blackout),
		.ran_on = true,
	};

	ok(cf_interval_has(aim_at(&aim, aim.resume, false), S(gained)), "a guest that ran on: the truth lies inside");
	ok(cf_interval_half(aim_at(&aim, aim.resume, false)).ns < 20 * CF_MS, "... and not much else does");
	aim.ran_on = false;
	ok(!cf_interval_has(aim_at(&aim, aim.resume, false), S(gained)), "... nor would it had it been stopped then");
}

int main(void)
{
	ran_on();
	stepped(7 * CF_S);
	stepped(-7 * CF_S);
	one("two hosts that agree", 0, 0, 0);
	one("a guest an hour ahead on purpose", 3600 * CF_S, 0, 0);
	one("a destination 20 ms ahead", 5 * CF_MS, 20 * CF_MS, 0);
	one("a destination 2 s behind", -5 * CF_MS, -2 * CF_S, 0);
	one("a destination that is slewed back meanwhile", 0, 20 * CF_MS, -8 * CF_MS);
	one("a destination that is slewed on meanwhile", 0, -20 * CF_MS, 8 * CF_MS);

	return done();
}
