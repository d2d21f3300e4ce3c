/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/phase.h"

#include "proto/base.h"

/*
 * STOP may go unseen: an event can be lost with the connection that brings it.  A
 * copy that ended well without it, or only failed without saying where the guest
 * is, is taken for one that stopped it.
 */
static const struct cf_edge source[] = {
	{ CF_PHASE_UNKNOWN,     CF_EV_ASKED,     CF_PHASE_QUEUED,       CF_ACT_NONE      },

	{ CF_PHASE_QUEUED,      CF_EV_TURN,      CF_PHASE_CHECKING,     CF_ACT_CHECK     },
	{ CF_PHASE_QUEUED,      CF_EV_REFUSED,   CF_PHASE_REFUSED,      CF_ACT_CLOSE     },
	{ CF_PHASE_QUEUED,      CF_EV_ABORT,     CF_PHASE_ABORTED,      CF_ACT_UNDO      },

	{ CF_PHASE_CHECKING,    CF_EV_ALLOWED,   CF_PHASE_RESERVED,     CF_ACT_RESERVE   },
	{ CF_PHASE_CHECKING,    CF_EV_REFUSED,   CF_PHASE_REFUSED,      CF_ACT_CLOSE     },
	{ CF_PHASE_CHECKING,    CF_EV_BUSY,      CF_PHASE_QUEUED,       CF_ACT_NONE      },
	{ CF_PHASE_CHECKING,    CF_EV_FAILED,    CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_CHECKING,    CF_EV_ABORT,     CF_PHASE_ABORTED,      CF_ACT_UNDO      },

	{ CF_PHASE_RESERVED,    CF_EV_GRANTED,   CF_PHASE_CAPTURING,    CF_ACT_CAPTURE   },
	{ CF_PHASE_RESERVED,    CF_EV_REFUSED,   CF_PHASE_REFUSED,      CF_ACT_CLOSE     },
	{ CF_PHASE_RESERVED,    CF_EV_BUSY,      CF_PHASE_QUEUED,       CF_ACT_NONE      },
	{ CF_PHASE_RESERVED,    CF_EV_FAILED,    CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_RESERVED,    CF_EV_ABORT,     CF_PHASE_ABORTED,      CF_ACT_UNDO      },

	{ CF_PHASE_CAPTURING,   CF_EV_CAPTURED,  CF_PHASE_COPYING,      CF_ACT_COPY      },
	{ CF_PHASE_CAPTURING,   CF_EV_FAILED,    CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_CAPTURING,   CF_EV_ABORT,     CF_PHASE_ABORTED,      CF_ACT_UNDO      },

	{ CF_PHASE_COPYING,     CF_EV_STOPPED,   CF_PHASE_PAUSED,       CF_ACT_ASK       },
	{ CF_PHASE_COPYING,     CF_EV_KEPT,      CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_COPYING,     CF_EV_FAILED,    CF_PHASE_PAUSED,       CF_ACT_ASK       },
	{ CF_PHASE_COPYING,     CF_EV_ABORT,     CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_COPYING,     CF_EV_ARMED,     CF_PHASE_ARMED,        CF_ACT_COPY      },
	{ CF_PHASE_COPYING,     CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_COPYING,     CF_EV_DOUBT,     CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },

	{ CF_PHASE_ARMED,       CF_EV_STOPPED,   CF_PHASE_PAUSED,       CF_ACT_GATE      },
	{ CF_PHASE_ARMED,       CF_EV_KEPT,      CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_ARMED,       CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_ARMED,       CF_EV_DOUBT,     CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },
	{ CF_PHASE_ARMED,       CF_EV_FAILED,    CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_ARMED,       CF_EV_ABORT,     CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },

	{ CF_PHASE_PAUSED,      CF_EV_LOADED,    CF_PHASE_LOADED,       CF_ACT_DECIDE    },
	{ CF_PHASE_PAUSED,      CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_PAUSED,      CF_EV_DOUBT,     CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },
	{ CF_PHASE_PAUSED,      CF_EV_LANDED,    CF_PHASE_LANDED,       CF_ACT_LAND      },
	{ CF_PHASE_PAUSED,      CF_EV_KEPT,      CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_PAUSED,      CF_EV_FAILED,    CF_PHASE_PAUSED,       CF_ACT_ASK       },

	{ CF_PHASE_LOADED,      CF_EV_COMMITTED, CF_PHASE_COMMITTING,   CF_ACT_COMMIT    },
	{ CF_PHASE_LOADED,      CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_LOADED,      CF_EV_DOUBT,     CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },
	{ CF_PHASE_LOADED,      CF_EV_FAILED,    CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },

	{ CF_PHASE_COMMITTING,  CF_EV_LANDED,    CF_PHASE_LANDED,       CF_ACT_LAND      },
	{ CF_PHASE_COMMITTING,  CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_COMMITTING,  CF_EV_FAILED,    CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },

	{ CF_PHASE_IN_DOUBT,    CF_EV_LANDED,    CF_PHASE_LANDED,       CF_ACT_LAND      },
	{ CF_PHASE_IN_DOUBT,    CF_EV_NEVER_RAN, CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },
	{ CF_PHASE_IN_DOUBT,    CF_EV_FAILED,    CF_PHASE_IN_DOUBT,     CF_ACT_RESOLVE   },

	{ CF_PHASE_ROLLING_BACK, CF_EV_KEPT,      CF_PHASE_ABORTED,      CF_ACT_UNDO      },
	{ CF_PHASE_ROLLING_BACK, CF_EV_FAILED,    CF_PHASE_ROLLING_BACK, CF_ACT_TAKE_BACK },

	{ CF_PHASE_LANDED,      CF_EV_RESUMED,   CF_PHASE_CORRECTING,   CF_ACT_CORRECT   },
	{ CF_PHASE_LANDED,      CF_EV_FAILED,    CF_PHASE_CORRECTING,   CF_ACT_CORRECT   },

	{ CF_PHASE_CORRECTING,  CF_EV_CORRECTED, CF_PHASE_VERIFYING,    CF_ACT_VERIFY    },
	{ CF_PHASE_CORRECTING,  CF_EV_FAILED,    CF_PHASE_VERIFYING,    CF_ACT_VERIFY    },

	{ CF_PHASE_VERIFYING,   CF_EV_VERIFIED,  CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_VERIFYING,   CF_EV_FAILED,    CF_PHASE_DONE,         CF_ACT_CLOSE     },
};

/*
 * Without a gate nothing is aborted here once the incoming domain exists: libvirt has no call
 * that destroys it only if it does not run yet, so destroying it could take the
 * only copy.  The source calls the migration off, asked to from here as well (cf_phase_abort()),
 * and then says so (KEPT): ABORT in prepared is PREPARE's alone.  Nor is
 * anything dropped because libvirt could not be watched: the guest may have come
 * in unseen, and it will need its clock.
 */
static const struct cf_edge destination[] = {
	{ CF_PHASE_UNKNOWN,     CF_EV_ASKED,     CF_PHASE_LEASED,       CF_ACT_AWAIT     },

	{ CF_PHASE_LEASED,      CF_EV_OFFERED,   CF_PHASE_PREPARED,     CF_ACT_PREPARE   },
	{ CF_PHASE_LEASED,      CF_EV_PREPARED,  CF_PHASE_PREPARED,     CF_ACT_AWAIT     },
	{ CF_PHASE_LEASED,      CF_EV_RESUMED,   CF_PHASE_RUNNING,      CF_ACT_AWAIT     },
	{ CF_PHASE_LEASED,      CF_EV_KEPT,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_LEASED,      CF_EV_GONE,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_LEASED,      CF_EV_FAILED,    CF_PHASE_LEASED,       CF_ACT_AWAIT     },
	{ CF_PHASE_LEASED,      CF_EV_ABORT,     CF_PHASE_DROPPED,      CF_ACT_UNDO      },

	{ CF_PHASE_PREPARED,    CF_EV_ARMED,     CF_PHASE_ARMED,        CF_ACT_STAND_BY  },
	{ CF_PHASE_PREPARED,    CF_EV_RESUMED,   CF_PHASE_RUNNING,      CF_ACT_AWAIT     },
	{ CF_PHASE_PREPARED,    CF_EV_KEPT,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_PREPARED,    CF_EV_GONE,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_PREPARED,    CF_EV_FAILED,    CF_PHASE_PREPARED,     CF_ACT_AWAIT     },
	{ CF_PHASE_PREPARED,    CF_EV_ABORT,     CF_PHASE_DROPPED,      CF_ACT_UNDO      },

	{ CF_PHASE_ARMED,       CF_EV_LOADED,    CF_PHASE_LOADED,       CF_ACT_STAND_BY  },
	{ CF_PHASE_ARMED,       CF_EV_COMMITTED, CF_PHASE_OBEYED,       CF_ACT_OBEY      },
	{ CF_PHASE_ARMED,       CF_EV_KEPT,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_ARMED,       CF_EV_GONE,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_ARMED,       CF_EV_FAILED,    CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_ARMED,       CF_EV_ABORT,     CF_PHASE_DROPPED,      CF_ACT_UNDO      },

	{ CF_PHASE_LOADED,      CF_EV_COMMITTED, CF_PHASE_OBEYED,       CF_ACT_OBEY      },
	{ CF_PHASE_LOADED,      CF_EV_KEPT,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_LOADED,      CF_EV_GONE,      CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_LOADED,      CF_EV_FAILED,    CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_LOADED,      CF_EV_ABORT,     CF_PHASE_DROPPED,      CF_ACT_UNDO      },

	{ CF_PHASE_OBEYED,      CF_EV_RESUMED,   CF_PHASE_RUNNING,      CF_ACT_AWAIT     },
	{ CF_PHASE_OBEYED,      CF_EV_NEVER_RAN, CF_PHASE_DROPPED,      CF_ACT_UNDO      },
	{ CF_PHASE_OBEYED,      CF_EV_GONE,      CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_OBEYED,      CF_EV_FAILED,    CF_PHASE_OBEYED,       CF_ACT_OBEY      },

	{ CF_PHASE_RUNNING,     CF_EV_LANDED,    CF_PHASE_CORRECTING,   CF_ACT_CORRECT   },
	{ CF_PHASE_RUNNING,     CF_EV_GONE,      CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_RUNNING,     CF_EV_FAILED,    CF_PHASE_CORRECTING,   CF_ACT_CORRECT   },

	{ CF_PHASE_CORRECTING,  CF_EV_CORRECTED, CF_PHASE_VERIFYING,    CF_ACT_VERIFY    },
	{ CF_PHASE_CORRECTING,  CF_EV_GONE,      CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_CORRECTING,  CF_EV_FAILED,    CF_PHASE_VERIFYING,    CF_ACT_VERIFY    },

	{ CF_PHASE_VERIFYING,   CF_EV_VERIFIED,  CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_VERIFYING,   CF_EV_GONE,      CF_PHASE_DONE,         CF_ACT_CLOSE     },
	{ CF_PHASE_VERIFYING,   CF_EV_FAILED,    CF_PHASE_DONE,         CF_ACT_CLOSE     },
};

static const struct {
	const struct cf_edge *edges;
	size_t n;
} sides[CF_N_SIDES] = {
	[CF_SOURCE]      = { source,      CF_COUNT(source) },
	[CF_DESTINATION] = { destination, CF_COUNT(destination) },
};

static const char *const events[CF_N_EVENTS] = {
	[CF_EV_ASKED]     = "asked",
	[CF_EV_TURN]      = "turn",
	[CF_EV_ALLOWED]   = "allowed",
	[CF_EV_REFUSED]   = "refused",
	[CF_EV_BUSY]      = "busy",
	[CF_EV_GRANTED]   = "granted",
	[CF_EV_CAPTURED]  = "captured",
	[CF_EV_ARMED]     = "armed",
	[CF_EV_STOPPED]   = "stopped",
	[CF_EV_LOADED]    = "loaded",
	[CF_EV_COMMITTED] = "committed",
	[CF_EV_NEVER_RAN] = "never-ran",
	[CF_EV_DOUBT]     = "doubt",
	[CF_EV_LANDED]    = "landed",
	[CF_EV_CORRECTED] = "corrected",
	[CF_EV_VERIFIED]  = "verified",
	[CF_EV_KEPT]      = "kept",
	[CF_EV_OFFERED]   = "offered",
	[CF_EV_PREPARED]  = "prepared",
	[CF_EV_RESUMED]   = "resumed",
	[CF_EV_GONE]      = "gone",
	[CF_EV_FAILED]    = "failed",
	[CF_EV_ABORT]     = "abort",
};

static const char *const acts[CF_N_ACTS] = {
	[CF_ACT_NONE]      = "none",
	[CF_ACT_CHECK]     = "check",
	[CF_ACT_RESERVE]   = "reserve",
	[CF_ACT_CAPTURE]   = "capture",
	[CF_ACT_COPY]      = "copy",
	[CF_ACT_GATE]      = "gate",
	[CF_ACT_DECIDE]    = "decide",
	[CF_ACT_COMMIT]    = "commit",
	[CF_ACT_RESOLVE]   = "resolve",
	[CF_ACT_TAKE_BACK] = "take-back",
	[CF_ACT_ASK]       = "ask",
	[CF_ACT_LAND]      = "land",
	[CF_ACT_AWAIT]     = "await",
	[CF_ACT_PREPARE]   = "prepare",
	[CF_ACT_STAND_BY]  = "stand-by",
	[CF_ACT_OBEY]      = "obey",
	[CF_ACT_CORRECT]   = "correct",
	[CF_ACT_VERIFY]    = "verify",
	[CF_ACT_UNDO]      = "undo",
	[CF_ACT_CLOSE]     = "close",
};

const struct cf_edge *cf_phase_next(enum cf_side side, enum cf_phase from, enum cf_event on)
{
	for (size_t i = 0; i < sides[side].n; i++)
		if (sides[side].edges[i].from == from && sides[side].edges[i].on == on)
			return &sides[side].edges[i];

	return NULL;
}

const struct cf_edge *cf_phase_first(enum cf_side side)
{
	return cf_phase_next(side, CF_PHASE_UNKNOWN, CF_EV_ASKED);
}

const struct cf_edge *cf_phase_watched(void)
{
	static const struct cf_edge edge = { CF_PHASE_UNKNOWN, CF_EV_ASKED, CF_PHASE_COPYING, CF_ACT_COPY };

	return &edge;
}

bool cf_phase_is_end(enum cf_phase phase)
{
	return phase == CF_PHASE_DONE || phase == CF_PHASE_REFUSED || phase == CF_PHASE_ABORTED ||
	       phase == CF_PHASE_DROPPED;
}

/* At the gate the source can take its guest back: nothing has been sent yet. */
static bool is_at_gate(enum cf_side side, enum cf_phase phase)
{
	return side == CF_SOURCE && (phase == CF_PHASE_PAUSED || phase == CF_PHASE_LOADED);
}

enum cf_abort cf_phase_abort(enum cf_side side, enum cf_phase phase, bool has_gate, bool hears)
{
	if (side == CF_DESTINATION && phase == CF_PHASE_PREPARED && !has_gate)
		return hears ? CF_ABORT_SOURCE : CF_ABORT_LATE;
	if (side == CF_DESTINATION && phase == CF_PHASE_ARMED && hears)
		return CF_ABORT_SOURCE_FIRST;
	if (cf_phase_next(side, phase, CF_EV_ABORT) || (has_gate && is_at_gate(side, phase)))
		return CF_ABORT_HERE;
	return CF_ABORT_LATE;
}

bool cf_phase_takes_room(enum cf_side side, enum cf_phase phase)
{
	switch (phase) {
	case CF_PHASE_CHECKING:
	case CF_PHASE_RESERVED:
	case CF_PHASE_CAPTURING:
	case CF_PHASE_COPYING:
	case CF_PHASE_PAUSED:
	case CF_PHASE_COMMITTING:
	case CF_PHASE_ROLLING_BACK:
		return side == CF_SOURCE;
	case CF_PHASE_LEASED:
	case CF_PHASE_PREPARED:
	case CF_PHASE_OBEYED:
		return side == CF_DESTINATION;
	case CF_PHASE_ARMED:
	case CF_PHASE_LOADED:
		return side == CF_SOURCE || side == CF_DESTINATION;
	default:
		return false;
	}
}

enum cf_stop cf_phase_stop(enum cf_side side, enum cf_phase phase, bool outlives)
{
	switch (phase) {
	case CF_PHASE_CHECKING:
	case CF_PHASE_RESERVED:
	case CF_PHASE_CAPTURING:
		return CF_STOP_ABORT;
	case CF_PHASE_COPYING:
	case CF_PHASE_ARMED:
		return outlives ? CF_STOP_LEAVE : CF_STOP_ABORT;
	case CF_PHASE_PAUSED:
	case CF_PHASE_LOADED:
	case CF_PHASE_COMMITTING:
	case CF_PHASE_ROLLING_BACK:
	case CF_PHASE_OBEYED:
	case CF_PHASE_LANDED:
	case CF_PHASE_RUNNING:
	case CF_PHASE_CORRECTING:
		return CF_STOP_FINISH;
	case CF_PHASE_DONE:
	case CF_PHASE_REFUSED:
	case CF_PHASE_ABORTED:	/* the receipt; the destination may have to wait for the source's */
		return side == CF_SOURCE ? CF_STOP_FINISH : CF_STOP_LEAVE;
	default:
		return CF_STOP_LEAVE;
	}
}

enum cf_noting cf_phase_noting(enum cf_side side, enum cf_phase phase, bool has_gate)
{
	if (phase == CF_PHASE_QUEUED || phase == CF_PHASE_PAUSED || phase == CF_PHASE_LOADED ||
	    phase == CF_PHASE_COMMITTING || phase == CF_PHASE_ROLLING_BACK || phase == CF_PHASE_OBEYED)
		return CF_NOTE_BESIDE;
	if (phase == CF_PHASE_CHECKING)		/* changes nothing, and finds what is wrong with the ledger too */
		return CF_NOTE_BEFORE;
	return cf_phase_abort(side, phase, has_gate, false) == CF_ABORT_HERE ? CF_NOTE_OR_ABORT : CF_NOTE_BEFORE;
}

const char *cf_event_name(enum cf_event event)
{
	return events[event];
}

const char *cf_act_name(enum cf_act act)
{
	return acts[act];
}
