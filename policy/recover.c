/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/recover.h"

#include "proto/base.h"

/* Before the copy nothing has begun that could go on: it is called off.  Nobody tries it again. */
static const struct {
	enum cf_side side;
	enum cf_phase phase;
	struct cf_again again;
} phases[] = {
	{ CF_SOURCE, CF_PHASE_QUEUED,     { CF_EV_ABORT,  CF_ACT_NONE } },
	{ CF_SOURCE, CF_PHASE_CHECKING,   { CF_EV_ABORT,  CF_ACT_NONE } },
	{ CF_SOURCE, CF_PHASE_RESERVED,   { CF_EV_ABORT,  CF_ACT_NONE } },
	{ CF_SOURCE, CF_PHASE_CAPTURING,  { CF_EV_ABORT,  CF_ACT_NONE } },
	{ CF_SOURCE, CF_PHASE_COPYING,    { CF_N_EVENTS,  CF_ACT_COPY } },
	{ CF_SOURCE, CF_PHASE_PAUSED,     { CF_N_EVENTS,  CF_ACT_ASK } },
	{ CF_SOURCE, CF_PHASE_LANDED,     { CF_N_EVENTS,  CF_ACT_LAND } },
	{ CF_SOURCE, CF_PHASE_CORRECTING, { CF_N_EVENTS,  CF_ACT_CORRECT } },
	{ CF_SOURCE, CF_PHASE_VERIFYING,  { CF_N_EVENTS,  CF_ACT_VERIFY } },
	{ CF_SOURCE, CF_PHASE_DONE,       { CF_N_EVENTS,  CF_ACT_CLOSE } },
	{ CF_SOURCE, CF_PHASE_REFUSED,    { CF_N_EVENTS,  CF_ACT_CLOSE } },
	{ CF_SOURCE, CF_PHASE_ABORTED,    { CF_N_EVENTS,  CF_ACT_UNDO } },

	{ CF_DESTINATION, CF_PHASE_LEASED,     { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_PREPARED,   { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_RUNNING,    { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_CORRECTING, { CF_N_EVENTS, CF_ACT_CORRECT } },
	{ CF_DESTINATION, CF_PHASE_VERIFYING,  { CF_N_EVENTS, CF_ACT_VERIFY } },
	{ CF_DESTINATION, CF_PHASE_DONE,       { CF_N_EVENTS, CF_ACT_CLOSE } },
	{ CF_DESTINATION, CF_PHASE_DROPPED,    { CF_N_EVENTS, CF_ACT_UNDO } },
};

struct cf_again cf_recover(enum cf_side side, enum cf_phase phase)
{
	for (size_t i = 0; i < CF_COUNT(phases); i++)
		if (phases[i].side == side && phases[i].phase == phase)
			return phases[i].again;

	return (struct cf_again){ CF_N_EVENTS, CF_ACT_NONE };
}

/*
 * An agent that knows nothing may have lost its ledger: that its domain does not run
 * does not say that it never did, but then it has ended, and what runs here is all there
 * is.  A migration that still has the domain here will end; so will one there.
 */
static const enum cf_where wheres[CF_N_HERES][CF_N_THERES] = {
	[CF_HERE_UNKNOWN] = {
		[CF_THERE_RAN]     = CF_WHERE_DESTINATION,
		[CF_THERE_FOUND]   = CF_WHERE_DESTINATION,
	},
	[CF_HERE_ABSENT] = {
		[CF_THERE_RAN]     = CF_WHERE_DESTINATION,
		[CF_THERE_FOUND]   = CF_WHERE_DESTINATION,
		[CF_THERE_DROPPED] = CF_WHERE_NOWHERE,
		[CF_THERE_STRANGE] = CF_WHERE_NOWHERE,
	},
	[CF_HERE_MOVING] = {
		[CF_THERE_RAN]     = CF_WHERE_DESTINATION,
		[CF_THERE_FOUND]   = CF_WHERE_DESTINATION,
	},
	[CF_HERE_RUNNING] = {
		[CF_THERE_WAITING] = CF_WHERE_SOON,
		[CF_THERE_STRANGE] = CF_WHERE_SOON,
		[CF_THERE_RAN]     = CF_WHERE_BOTH,
		[CF_THERE_FOUND]   = CF_WHERE_BOTH,
		[CF_THERE_DROPPED] = CF_WHERE_SOURCE,
	},
};

enum cf_where cf_where(enum cf_here here, enum cf_there there)
{
	return wheres[here][there];
}

enum cf_event cf_where_event(enum cf_where where)
{
	switch (where) {
	case CF_WHERE_SOURCE:
	case CF_WHERE_NOWHERE:
		return CF_EV_KEPT;
	case CF_WHERE_DESTINATION:
	case CF_WHERE_BOTH:
		return CF_EV_LANDED;
	default:
		return CF_N_EVENTS;
	}
}

enum cf_event cf_arrival(enum cf_phase phase, enum cf_here here)
{
	if (here == CF_HERE_RUNNING)
		return CF_EV_RESUMED;
	if (here == CF_HERE_MOVING && phase == CF_PHASE_LEASED)
		return CF_EV_PREPARED;
	if (here == CF_HERE_ABSENT && phase == CF_PHASE_PREPARED)
		return CF_EV_GONE;
	return CF_N_EVENTS;
}
