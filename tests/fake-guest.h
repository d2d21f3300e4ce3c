/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * In place of a guest whose clock is read and set, in the time of tests/fake-host.h: its agent's calls take as long as
 * chance says, the first ones after RESUME longest, and what its clock really shows is known.  In place of the
 * libvirtd between, too, and of its host's REALTIME.
 */

#include <stdbool.h>
#include <stdint.h>

enum kind { GOOD, DEAF, REFUSING, HANGING, DISCONNECTED, LATER, DYING, TICKING, N_KINDS };

extern struct fake_guest {
	uint64_t random;
	enum kind kind;
	int64_t cold;		/* extra time of the first round, and of the first set */
	int64_t jitter;		/* of every round */
	int64_t outlier;	/* of one set in so many */
	int64_t ahead;		/* guest - host REALTIME */
	int64_t where;		/* where that should be */
	int64_t stepped;	/* RAW when the reporter saw REALTIME stepped; 0: never */
	int64_t jump, jump_at;	/* by how much it was, seen or not, and when */
	int64_t hangs, thaws;	/* libvirtd: from when to when */
	bool late;		/* it has a call in hand that sets the clock, */
	int64_t late_by;	/* to what was right, guest - host REALTIME, when that was made */
	int64_t late_at;	/* which was then */
	int64_t wakes;		/* HANGING: when it answers, as a GOOD one */
	bool read, set;		/* once already */
	bool dead;		/* of being told the time */
	int64_t best;		/* quickest round of the last reading */
	int64_t slowest;	/* and its slowest */
	int reads, sets, backwards, beyond;
	int excused;		/* of them by a call slower than any of the last reading */
	int64_t overshot;
} sim;

/* A number from 0 up to that. */
int64_t chance(int64_t most);
