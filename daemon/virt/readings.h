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
 * second at the least (qemu-ga in Windows: GetSystemTimeAsFileTime()).  It shows when
 * two answers are the same, or a tick apart; from then on a reading says that the
 * clock is up to a tick further than what was told.
 */

#include "proto/error.h"
#include "proto/record.h"

struct readings {
	int64_t rounds;
	struct cf_interval raw;		/* guest - RAW, true at `at` */
	struct cf_instant at;		/* the newest */
	cf_real guest;			/* what it said then */
	cf_span took;			/* how long that took */
	cf_span slowest;		/* of all */
	bool ticks;			/* what it says stands still between ticks */
};

/*
 * One more: the guest said `guest` between before and after.  -EPROTO for a
 * time before 2000 or after 2200, a clock that goes back, and one that
 * jumps by more than a tick; *readings stays as it was then.  Zero it to begin.
 */
int readings_add(struct readings *readings, struct cf_instant before, cf_real guest, struct cf_instant after,
		 struct cf_error *err);

/* Guest - REALTIME at the newest; only when there are any. */
struct cf_guest_offset readings_offset(const struct readings *readings);

/* May a guest be told this time, or have it? */
bool readings_plausible(cf_real guest);
