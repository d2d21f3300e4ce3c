/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a test makes the agent fail: only in a build with --enable-faults.  In the one that
 * ships there is nothing of this.
 *
 * A point has a name.  CLOCKFERRY_FAULTS names a file of one line,
 *
 *	POINT kill | stop | sleep MILLISECONDS | fail ERRNO
 *
 * looked for whenever any point is reached.  It is renamed to FILE.fired before what it says is
 * done, so that it is done once, also by an agent that is started again.  Each point that is
 * reached is a line in FILE.reached, so that a test can show that it was.
 */

#include "proto/migration.h"

/* The points that are no phase's: enum, name, where the agent is. */
#define FAULT_POINTS(X)                                                                    \
	X(MARK_BEFORE,     "mark-before",     "a mark is to be set") \
	X(MARK_STORED,     "mark-stored",     "it is in memory, and may be nowhere else") \
	X(MARK_DURABLE,    "mark-durable",    "it is set, and nobody has been told") \
	X(LEDGER_BEFORE,   "ledger-before",   "entries are to be written") \
	X(LEDGER_WRITTEN,  "ledger-written",  "they are, and not committed") \
	X(LEDGER_DURABLE,  "ledger-durable",  "they are committed, and nobody has been told") \
	X(PREPARE_BEFORE,  "prepare-before",  "the promise is armed, there is no domain yet") \
	X(PREPARE_AFTER,   "prepare-after",   "libvirt has made the incoming domain") \
	X(FINISH_AFTER,    "finish-after",    "libvirt has said what came of that") \
	X(CONFIRM_BEFORE,  "confirm-before",  "the guest runs there, its copy is still here") \
	X(CONFIRM_AFTER,   "confirm-after",   "it is removed, or could not be")

enum fault_point {
#define X(point, name, where) FAULT_##point,
	FAULT_POINTS(X)
#undef X
	FAULT_N_POINTS,
};

/* Of each phase, as SIDE-PHASE-MOMENT: "source-armed-noted". */
enum fault_moment {
	FAULT_TAKEN,	/* its edge is taken, and is to be noted */
	FAULT_NOTED,	/* it is in the ledger */
	FAULT_ACT,	/* its act is to begin */
	FAULT_DONE,	/* that is done, and what came of it is not known yet */
	FAULT_N_MOMENTS,
};

#ifdef CF_FAULTS

void fault_reach(enum fault_point point);
void fault_reach_phase(enum cf_side side, enum cf_phase phase, enum fault_moment moment);

/* An errno for the caller to fail with, when that was asked for; 0 otherwise. */
int fault_fails(enum fault_point point);

/* Every point there can be, a line each: for tests. */
void fault_list(void (*fn)(void *userdata, const char *name), void *userdata);

#define FAULT(point)                      fault_reach(FAULT_##point)
#define FAULT_PHASE(side, phase, moment)  fault_reach_phase(side, phase, FAULT_##moment)
#define FAULT_FAILS(point)                fault_fails(FAULT_##point)

#else

#define FAULT(point)                      ((void)0)
#define FAULT_PHASE(side, phase, moment)  ((void)0)
#define FAULT_FAILS(point)                0

#endif
