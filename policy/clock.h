/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How good is this host's clock?
 *
 * What chronyd said, what the clock itself was seen to do, and how long ago,
 * become a state and an error bound.  Everything is an argument, `now` included.
 *
 *	error bound = |correction| + root dispersion + root delay / 2      as chronyd gave them
 *	            + (1 ppm + frequency error) x age, 50 ppm in holdover   since the last good reading
 *
 * The first line is chrony's own statement of its maximum error (chronyc(1),
 * "tracking").  It stays small when chronyd follows nothing at all, so a reading
 * has to be good before it counts.  Age is CLOCK_MONOTONIC_RAW's: a chronyd that
 * hangs cannot freeze the bound.
 *
 * The correction is chronyd's at the moment of the reading.  Afterwards it is
 * what is left of it: what CLOCK_REALTIME was seen to move against RAW, beyond
 * the frequency that chronyd gave, is taken from it.  So a chronyd that is killed
 * in the middle of a slew, whose rate the kernel then keeps for ever, is noticed.
 *
 * Under `chronyd -x` nobody steers the clock; chronyd then keeps the clock as it
 * should be in its head, and the correction is its whole distance from ours.  The
 * formula holds as it stands.
 */

#include "proto/report.h"

/* What a policy may set. */
struct cf_clock_limits {
	int64_t max_stratum;	/* of chronyd's own: its source's plus one */
	cf_span fresh;		/* a reading counts as news for so long */
	cf_span holdover_max;	/* and as memory for so long */
	double holdover_ppm;	/* growth in holdover */
	cf_span max_skew;	/* a correction below it ends the memory of a step */
};

extern const struct cf_clock_limits cf_clock_limits_default;

/* One answer of chronyd. */
struct cf_tracking_reading {
	struct cf_instant at;	/* just before it was asked, so that its age is never too small */
	cf_span took;
	enum cf_via via;
	struct cf_tracking tracking;
};

/* Why a clock is not synchronised. */
enum cf_clock_fault {
	CF_FAULT_NONE,
	CF_FAULT_NEVER,		/* chronyd never answered */
	CF_FAULT_SILENT,	/* it did, but not lately */
	CF_FAULT_LEAP,		/* it says it is not synchronised */
	CF_FAULT_REFID_NONE,
	CF_FAULT_REFID_LOCAL,	/* it follows its own clock: `local`, or the driver 127.127.1.x */
	CF_FAULT_STRATUM,
	CF_FAULT_UNSELECTED,
	CF_FAULT_UNREACHABLE,
	CF_FAULT_STALE,		/* it accepted no update for too long */
	CF_FAULT_STEPPED,	/* the clock was set, and no update accepted since */
	CF_FAULT_FUTURE,	/* an update that has not happened yet */
	CF_FAULT_NEGATIVE,	/* a distance below zero */
	CF_FAULT_MOVED,		/* two readings that cannot both be true */
	CF_N_FAULTS,
};

/* One sentence about the fault, without a full stop; empty for CF_FAULT_NONE. */
const char *cf_clock_fault_text(enum cf_clock_fault fault);

/*
 * What is wrong with a reading taken by itself; CF_FAULT_NONE makes it good.
 * FUTURE and NEGATIVE contradict themselves; the others are honest bad news.
 */
enum cf_clock_fault cf_reading_fault(const struct cf_clock_limits *limits, const struct cf_tracking_reading *reading);

/* chronyd's own formula for one reading; only as true as the reading is good. */
cf_span cf_reading_bound(const struct cf_tracking_reading *reading);

/* Something that voids the evidence from before it, until chronyd has measured afterwards. */
struct cf_clock_mark {
	bool set;
	bool answered;			/* an update was accepted since */
	enum cf_clock_fault fault;
	struct cf_instant at;
	cf_real reference_time;		/* of the last update known then; 0: none */
};

/* What is remembered of a clock.  All zero at the start. */
struct cf_clock_memory {
	bool has_sample;
	struct cf_instant sample;	/* the last look at the clock */
	bool has_last;
	struct cf_tracking_reading last;
	enum cf_clock_fault last_fault;
	bool has_good;
	struct cf_tracking_reading good;
	cf_span left;			/* the most that was left of its correction at any look since */
	struct cf_clock_mark step;
	struct cf_clock_mark doubt;
	bool has_before;
	struct cf_tracking_reading before;	/* the last good one before a step, until what comes after it agrees */
	int denials;			/* updates since the step that do not */
	cf_real denied;			/* the stamp of the last of them */
};

/*
 * The clock was looked at.  To be called every few seconds, and at once with
 * told = true when the kernel says that the clock was set.  A step is a move of
 * REALTIME against RAW that no slew explains (chronyd slews at up to 83333 ppm:
 * chrony.conf(5), maxslewrate); one that the kernel told of need only be a move,
 * because the kernel tells also when nothing but TAI - UTC was set.  Returns true
 * when this look shows a step.
 */
bool cf_clock_look(struct cf_clock_memory *memory, struct cf_instant now, bool told);

/* Was a step seen since, whether or not chronyd has made up for it? */
bool cf_clock_stepped_since(const struct cf_clock_memory *memory, cf_mono since);

/* chronyd answered.  An answer that does not come is no event: what there is grows old. */
void cf_clock_read(struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
		   const struct cf_tracking_reading *reading);

struct cf_clock_view {
	enum cf_clock_state state;
	enum cf_clock_fault fault;	/* why not synchronised */
	bool has_bound;
	cf_span bound;
	double growth_ppm;		/* of the bound, where there is one */
	bool stepped;			/* still remembered; see cf_report */
};

/* How the clock stands at an instant that is not before the last event. */
struct cf_clock_view cf_clock_at(const struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
				 struct cf_instant now);
