/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/recover.h"

#include "proto/base.h"

#define ANY (-1)	/* of driver or decision: it makes no difference */

/*
 * The first row that fits.  What waits for its turn waits on.  What has had it, but no copy,
 * has not begun anything that could go on: it is called off, and nobody tries it again.  With
 * a gate a copy ends with the agent, and what was armed is taken back only where it is certain
 * that no commit was sent, or that it was in vain: the page said so before the ledger did. And not
 * twice: whoever has the guest since is none of ours.
 */
static const struct {
	enum cf_side side;
	enum cf_phase phase;
	int has_gate;
	int decision;
	struct cf_again again;
} phases[] = {
	{ CF_SOURCE,      CF_PHASE_QUEUED,       ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_CHECKING,     ANY,   ANY,                   { CF_EV_ABORT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_RESERVED,     ANY,   ANY,                   { CF_EV_ABORT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_CAPTURING,    ANY,   ANY,                   { CF_EV_ABORT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COPYING,      false, ANY,                   { CF_N_EVENTS, CF_ACT_COPY } },
	{ CF_SOURCE,      CF_PHASE_PAUSED,       false, ANY,                   { CF_N_EVENTS, CF_ACT_ASK } },

	{ CF_SOURCE,      CF_PHASE_COPYING,      true,  CF_DECISION_COMMIT,    { CF_EV_DOUBT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COPYING,      true,  CF_DECISION_LEFT,      { CF_EV_DOUBT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COPYING,      true,  CF_DECISION_KEPT,      { CF_EV_KEPT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COPYING,      true,  ANY,                   { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_ARMED,        true,  CF_DECISION_KEPT,      { CF_EV_KEPT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_ARMED,        true,  CF_DECISION_NONE,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_ARMED,        true,  CF_DECISION_ROLL_BACK, { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_ARMED,        true,  ANY,                   { CF_EV_DOUBT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_PAUSED,       true,  CF_DECISION_KEPT,      { CF_EV_KEPT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_PAUSED,       true,  CF_DECISION_NONE,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_PAUSED,       true,  CF_DECISION_ROLL_BACK, { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_PAUSED,       true,  ANY,                   { CF_EV_DOUBT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_LOADED,       true,  CF_DECISION_KEPT,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_LOADED,       true,  CF_DECISION_NONE,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_LOADED,       true,  CF_DECISION_ROLL_BACK, { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_LOADED,       true,  ANY,                   { CF_EV_DOUBT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COMMITTING,   true,  CF_DECISION_ROLL_BACK, { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COMMITTING,   true,  CF_DECISION_KEPT,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_COMMITTING,   ANY,   ANY,                   { CF_EV_FAILED, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_IN_DOUBT,     true,  CF_DECISION_ROLL_BACK, { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_IN_DOUBT,     true,  CF_DECISION_KEPT,      { CF_EV_NEVER_RAN, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_IN_DOUBT,     ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_RESOLVE } },
	{ CF_SOURCE,      CF_PHASE_ROLLING_BACK, true,  CF_DECISION_KEPT,      { CF_EV_KEPT, CF_ACT_NONE } },
	{ CF_SOURCE,      CF_PHASE_ROLLING_BACK, ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_TAKE_BACK } },

	{ CF_SOURCE,      CF_PHASE_LANDED,       ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_LAND } },
	{ CF_SOURCE,      CF_PHASE_CORRECTING,   ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_CORRECT } },
	{ CF_SOURCE,      CF_PHASE_VERIFYING,    ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_VERIFY } },
	{ CF_SOURCE,      CF_PHASE_DONE,         ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_CLOSE } },
	{ CF_SOURCE,      CF_PHASE_REFUSED,      ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_CLOSE } },
	{ CF_SOURCE,      CF_PHASE_ABORTED,      ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_UNDO } },

	{ CF_DESTINATION, CF_PHASE_LEASED,       ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_PREPARED,     ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_ARMED,        ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_STAND_BY } },
	{ CF_DESTINATION, CF_PHASE_LOADED,       ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_STAND_BY } },
	{ CF_DESTINATION, CF_PHASE_OBEYED,       ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_OBEY } },
	{ CF_DESTINATION, CF_PHASE_RUNNING,      ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_AWAIT } },
	{ CF_DESTINATION, CF_PHASE_CORRECTING,   ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_CORRECT } },
	{ CF_DESTINATION, CF_PHASE_VERIFYING,    ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_VERIFY } },
	{ CF_DESTINATION, CF_PHASE_DONE,         ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_CLOSE } },
	{ CF_DESTINATION, CF_PHASE_DROPPED,      ANY,   ANY,                   { CF_N_EVENTS, CF_ACT_UNDO } },
};

struct cf_again cf_recover(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision)
{
	for (size_t i = 0; i < CF_COUNT(phases); i++)
		if (phases[i].side == side && phases[i].phase == phase &&
		    (phases[i].has_gate == ANY || phases[i].has_gate == has_gate) &&
		    (phases[i].decision == ANY || phases[i].decision == (int)decision))
			return phases[i].again;

	return (struct cf_again){ CF_N_EVENTS, CF_ACT_NONE };
}

enum cf_word cf_word(enum cf_phase phase, bool resumed, enum cf_mark mark)
{
	if (resumed || (phase >= CF_PHASE_RUNNING && phase < CF_PHASE_DONE))
		return CF_WORD_RAN;
	if (phase == CF_PHASE_DROPPED && mark == CF_MARK_CLOSED)
		return CF_WORD_NEVER_RAN;
	if (phase >= CF_PHASE_LEASED && phase <= CF_PHASE_OBEYED)
		return CF_WORD_WAITING;
	return CF_WORD_UNKNOWN;
}

bool cf_may_arm(enum cf_mark mark)
{
	return mark == CF_MARK_LOST || mark == CF_MARK_ARMED;
}

bool cf_may_close(enum cf_mark mark, enum cf_decision told)
{
	return mark == CF_MARK_ARMED || mark == CF_MARK_CLOSED || (mark == CF_MARK_OBEYED && told == CF_DECISION_NONE);
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

/* May its guest be at the destination, for all that the source says? */
static bool may_have_left(enum cf_phase phase)
{
	return phase == CF_PHASE_PAUSED || phase == CF_PHASE_COMMITTING || phase == CF_PHASE_IN_DOUBT || phase == CF_PHASE_LANDED ||
	       phase == CF_PHASE_CORRECTING || phase == CF_PHASE_VERIFYING;
}

/* Of those that have ended at the destination, what is to be taken up, where all else is as it should be. */
enum { SENT = 1, UNSENT = 2 };
static const unsigned unsettled[CF_N_HERES][CF_N_WORDS] = {
	[CF_HERE_ABSENT]  = { [CF_WORD_NEVER_RAN] = SENT | UNSENT, [CF_WORD_RAN] = SENT },
	[CF_HERE_MOVING]  = { [CF_WORD_NEVER_RAN] = SENT | UNSENT, [CF_WORD_RAN] = SENT, [CF_WORD_UNKNOWN] = SENT | UNSENT },
	[CF_HERE_RUNNING] = { [CF_WORD_NEVER_RAN] = SENT | UNSENT, [CF_WORD_UNKNOWN] = UNSENT },
};

/* By its page it is one that this source had begun, and sent no commit for. */
static bool is_unsent(const struct cf_left *left)
{
	return left->own == CF_DECISION_NONE || left->own == CF_DECISION_ROLL_BACK;
}

static enum cf_phase relearn_ended(const struct cf_left *left)
{
	unsigned begun = left->own == CF_DECISION_COMMIT ? SENT : is_unsent(left) ? UNSENT : 0;

	if (!left->has_gate || left->has_job || !(unsettled[left->here][left->word] & begun))
		return CF_PHASE_UNKNOWN;
	return begun == SENT ? CF_PHASE_IN_DOUBT : CF_PHASE_ROLLING_BACK;
}

static enum cf_phase relearn_open(const struct cf_left *left)
{
	if (left->here == CF_HERE_RUNNING && left->has_gate && is_unsent(left) && !left->has_job && left->word != CF_WORD_RAN)
		return CF_PHASE_ROLLING_BACK;
	if (left->here == CF_HERE_MOVING && !left->has_gate)
		return CF_PHASE_PAUSED;
	if (left->here == CF_HERE_MOVING)
		return is_unsent(left) && left->word != CF_WORD_RAN ? CF_PHASE_ROLLING_BACK : CF_PHASE_IN_DOUBT;
	if (left->here == CF_HERE_ABSENT && left->has_gate && left->word == CF_WORD_RAN)
		return left->own == CF_DECISION_COMMIT ? CF_PHASE_LANDED : CF_PHASE_CORRECTING;
	return CF_PHASE_UNKNOWN;
}

enum cf_phase cf_relearn(const struct cf_left *left)
{
	if (left->side == CF_SOURCE)
		return left->ended ? relearn_ended(left) : relearn_open(left);
	if (left->side == CF_DESTINATION && !left->ended && left->here == CF_HERE_RUNNING && may_have_left(left->theirs))
		return CF_PHASE_RUNNING;
	return CF_PHASE_UNKNOWN;
}

enum cf_event cf_arrival(enum cf_phase phase, bool has_gate, enum cf_mark mark, enum cf_here here)
{
	bool may_run = !has_gate || phase != CF_PHASE_PREPARED || mark == CF_MARK_OBEYED;

	if (here == CF_HERE_RUNNING)
		return may_run ? CF_EV_RESUMED : CF_N_EVENTS;
	if (here == CF_HERE_MOVING && phase == CF_PHASE_LEASED)
		return CF_EV_PREPARED;
	if (here == CF_HERE_ABSENT && phase == CF_PHASE_PREPARED)
		return CF_EV_GONE;
	return CF_N_EVENTS;
}

enum cf_event cf_stand_again(enum cf_mark mark, enum cf_here here)
{
	if (mark == CF_MARK_OBEYED || here == CF_HERE_RUNNING)
		return CF_EV_COMMITTED;
	return here == CF_HERE_ABSENT ? CF_EV_GONE : CF_N_EVENTS;
}
