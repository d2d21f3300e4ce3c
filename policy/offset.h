/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The offset between two hosts, from rounds of four timestamps.
 *
 * A round proves that raw_there - raw_here lies in [t3 - t4, t2 - t1] (RFC 5905
 * section 8; both one-way delays are >= 0, and nothing else is assumed of
 * them).  RAW is neither stepped nor slewed, so rounds can be intersected over
 * time once each has been widened by how far two oscillators may have drifted
 * apart since.  No clock report ever narrows the result: two chronyds can lie,
 * four timestamps cannot.
 */

#include "proto/probe.h"
#include "proto/record.h"
#include "proto/report.h"
#include "proto/time.h"

#define CF_RAW_DRIFT_PPM 500.0	/* two oscillators that nobody knows better: 2 x 250 ppm */

/*
 * How far the rate of two oscillators may be from the mean that they have shown
 * over some minutes.  A bare quartz changes by up to 1 ppm per K at the ends of its
 * range (AT cut) and by far less around room temperature; 10 K on either host is a
 * failed fan.  A clocksource that the kernel replaces is not covered: the next
 * rounds contradict what was known, and the offset starts anew.
 */
#define CF_RAW_WANDER_PPM 20.0

#define CF_SHOWN_AFTER ((cf_span){ 10 * CF_S })		/* below that a rate says little */
#define CF_SHOWN_ANEW  ((cf_span){ 900 * CF_S })	/* what is older speaks of another temperature */

/*
 * How fast REALTIME may run away from RAW without a step: chronyd's maxslewrate
 * is 83333 ppm unless set otherwise, the kernel's frequency adds up to 500.
 */
#define CF_SLEW_PPM 84000.0

struct cf_round {
	cf_mono t1, t4;		/* here: before the request, after the reply */
	cf_mono t2, t3;		/* there */
	struct cf_instant there; /* the other host's clocks between t2 and t3 */
};

/* What was proven at a moment of the past, to see how fast the pair moves since. */
struct cf_shown {
	struct cf_interval raw;
	cf_mono at;			/* here */
	struct cf_instant there;	/* the other host's clocks of about then */
};

/* What the rounds so far prove.  Zero it to begin, or when either host has booted anew. */
struct cf_offset {
	int64_t rounds;			/* accepted */
	struct cf_interval raw;		/* raw_there - raw_here, true at `at`; means nothing before the first round */
	cf_mono at;			/* here */
	struct cf_instant there;	/* the other host's clocks, newest reading */
	cf_mono there_at;		/* when that was, on our clock: t4 of its round */
	double drift_ppm;		/* of the pair, both ways, at most; 0 means CF_RAW_DRIFT_PPM */
	double wander_ppm;		/* from the rate it has shown; 0 means CF_RAW_WANDER_PPM */
	struct cf_shown shown[2];	/* the older first: 15 to 30 min back, or the first round */
};

/*
 * Fold one round in.  Returns 0; -ERANGE when the round contradicts itself
 * (t4 < t1, t3 < t2, the far side longer than the whole, an instant outside
 * t2..t3, a RAW below 0): it is not used; -ESTALE when it cannot be true together
 * with the rounds before: a clock that must not jump has jumped (a suspended host
 * does that), and *offset starts anew with this round.  Rounds may come in any
 * order.
 */
int cf_offset_add(struct cf_offset *offset, const struct cf_round *round);

/*
 * How fast raw_there gains on raw_here: from two intervals at least CF_SHOWN_AFTER
 * apart follow the smallest and the largest rate that lead from one to the other;
 * wander_ppm more to either side, because neither oscillator need be at one moment as
 * it is at another.  False, ret untouched, where the pair has shown nothing better
 * than +- drift_ppm.
 */
bool cf_offset_rate(const struct cf_offset *offset, struct cf_rate *ret);

/* How fast the pair may drift apart, in ppm: by the end of that rate that is farther from 0, and by drift_ppm at most. */
double cf_offset_drift(const struct cf_offset *offset);

/*
 * raw_there - raw_here at `now` (here): the intersection, widened by what
 * cf_offset_drift() allows since, or until, `at`.  Before the first round it is
 * every value there is, as is cf_offset_real().
 */
struct cf_interval cf_offset_raw(const struct cf_offset *offset, cf_mono now);

/*
 * The host offset at one instant: REALTIME there - REALTIME here, both hosts'
 * (REALTIME - RAW) included.  here is read now; of the other host there is its
 * newest reading, and how far its REALTIME may have been slewed against RAW since
 * (slew_ppm, CF_SLEW_PPM where nothing better is known) widens the result: at
 * 84000 ppm by 84 us for each ms of age, so it is asked right after a round.  A
 * step there since that reading cannot be seen from here; the peer's clock report
 * tells of it.
 */
struct cf_interval cf_offset_real(const struct cf_offset *offset, struct cf_instant here, double slew_ppm);

/*
 * The same for an instant at which both hosts' clocks are known: nothing has to
 * be assumed of slews.  raw is true at that instant.  Should here and there lie
 * apart (STOP and RESUME), this takes it that (REALTIME - RAW) stood still between.
 */
struct cf_interval cf_offset_real_between(struct cf_interval raw, struct cf_instant here, struct cf_instant there);

/*
 * How far the other host's REALTIME may have run from its RAW between its newest
 * reading and `now` (here), as ppm of that age: at the rate it has shown and
 * wander_ppm, because who steers a clock follows its oscillator, or the 500 ppm that
 * the kernel's frequency allows; and by what its chronyd had left to correct, and will
 * find to correct at its next update (four times what that usually is).  CF_SLEW_PPM
 * where no report says so: a chronyd whose sources jump can be worse than this.
 */
double cf_slew_since(const struct cf_offset *offset, const struct cf_report *report, cf_mono now);
