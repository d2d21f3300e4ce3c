/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Readings of a guest's clock within one conversation with its agent, folded
 * into one offset.  Pure.
 *
 * Against this host's RAW clock the guest's moves by drift and slewing alone,
 * so that readings can be intersected; what neither explains is a clock that
 * jumped, or an agent that invents.
 *
 * Some guests tell a clock that stands still between the ticks of their timer, 64 a
 * second at the least, up to 2048 (qemu-ga in Windows: GetSystemTimeAsFileTime()).  It
 * shows when two answers are the same, or one is ahead by no more than a tick; that it is
 * none of these shows only when two are no whole ticks from each other.  Where it is, or
 * does not show, the clock is up to a tick of 1/64 s further than what was told.
 */

#include "proto/error.h"
#include "proto/record.h"

struct readings {
	int64_t rounds;
	struct cf_interval raw;		/* guest - RAW, true at `at`, if it goes on evenly */
	struct cf_interval ticking;	/* and if what it says stands still between ticks */
	struct cf_instant at;		/* the newest */
	cf_real guest;			/* what it said then */
	cf_mono since;			/* when it had first said that */
	cf_span took;			/* how long that took */
	cf_span slowest;		/* of all */
	bool moved;			/* two of them differed */
	bool even;			/* by what no whole ticks come to */
	bool ticks;			/* it does stand still */
};

/*
 * One more: the guest said `guest` between before and after.  -EPROTO for a
 * time before 2000 or after 2200, a clock that goes back, and one that
 * jumps or stands still by more than a tick; *readings stays as it was then.  Zero it to begin.
 */
int readings_add(struct readings *readings, struct cf_instant before, cf_real guest, struct cf_instant after,
		 struct cf_error *err);

/*
 * Have all answers been the same so far?  That can be ticks, or a clock that stands still: read on, as nothing
 * is known of it before it moved.  After a tick it has, or is refused.
 */
bool readings_stand(const struct readings *readings);

/* Guest - REALTIME at the newest; only when there are any. */
struct cf_guest_offset readings_offset(const struct readings *readings);

/* May a guest be told this time, or have it? */
bool readings_plausible(cf_real guest);
