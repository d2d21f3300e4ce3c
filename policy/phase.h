/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The life of a migration: a table of edges for each side.
 *
 * This does nothing.  The agent finds the edge of an event, notes the new
 * phase, and hands the act to the migration's thread, which comes back with
 * the next event.
 *
 *	source       queued > checking > reserved > capturing > copying > [armed >] paused [> loaded > committing]
 *	               |         |          |           |          |         |                    > landed > correcting
 *	               |'--------'----------'-----------'----------'---------'> aborted           > verifying > done
 *	               '-------> '> refused <'
 *	destination  leased > prepared > [armed > loaded > obeyed >] running > correcting > verifying > done
 *	                '---------'---------'--------'> dropped
 *
 * What stands in [ ] is there where the driver has a gate: both agents drive libvirt's
 * phases between them, and between "loaded" and "runs" the source decides.
 *
 *	source       copying, armed, paused, loaded > rolling-back > aborted      no commit was sent
 *	             committing > landed | rolling-back | in-doubt > landed | rolling-back
 *
 * From committing and in-doubt only the destination's word leads out (COMMITTED's answer:
 * it ran, or it never will), or an operator's.  A source that may not have sent a commit
 * takes its guest back by itself; one that may have never does.  At the destination
 * obeyed is the point after which nobody can say that the guest never ran there.
 *
 * A migration is queued until its turn comes, and again when all that speaks against
 * it is that the destination has enough to do: nothing is held anywhere then, and
 * nothing of it has begun.  One that was begun is never tried again.
 *
 * From landed (running at the destination) there is no way back: whatever is
 * lost then, it ends in done, with what could not be measured reported so.
 *
 * From copying on, a failure does not say where the guest runs.  The source then
 * asks until it knows (ASK), the destination goes on watching (AWAIT), and nothing
 * is undone before.  Such an act is handed out again after FAILED, so it takes its
 * time before it says so.
 */

#include "proto/migration.h"

enum cf_event {
	CF_EV_ASKED,		/* a request for it came in: how both sides begin */
	CF_EV_TURN,		/* the queue lets it go */
	CF_EV_ALLOWED,		/* the gate is open; all evidence is in hand */
	CF_EV_REFUSED,		/* by policy, ours or the peer's; nothing is held anywhere */
	CF_EV_BUSY,		/* the destination has no room now, and nothing else speaks against it */
	CF_EV_GRANTED,		/* the destination reserved it */
	CF_EV_CAPTURED,		/* the clock record is at the destination */
	CF_EV_ARMED,		/* gate: source: the copy may converge; destination: the incoming domain waits for a commit */
	CF_EV_STOPPED,		/* the switchover began: STOP, then MIGRATION; STOP alone is a pause */
	CF_EV_LOADED,		/* gate: the copy is complete, and the guest runs nowhere */
	CF_EV_COMMITTED,	/* gate: source: decided, and noted so; destination: to be obeyed, and noted so for good */
	CF_EV_NEVER_RAN,	/* gate: no commit was sent, or by the destination's word none was or will be obeyed */
	CF_EV_DOUBT,		/* gate: after a restart: a commit may have been sent, for all that is left of what was noted */
	CF_EV_LANDED,		/* the guest runs at the destination, libvirt is done with it */
	CF_EV_CORRECTED,	/* its clock was corrected, or nothing was to be done, or nothing could be */
	CF_EV_VERIFIED,		/* the last residual is in */
	CF_EV_KEPT,		/* failed or aborted: the source still has the guest, by libvirt's word */
	CF_EV_OFFERED,		/* gate: destination: the source sent what libvirt prepares the domain from */
	CF_EV_PREPARED,		/* destination: an incoming domain exists */
	CF_EV_RESUMED,		/* RESUME: seen at the destination, told to the source */
	CF_EV_GONE,		/* destination: no such domain any more; before it came, the lease ended */
	CF_EV_FAILED,		/* the act could not be done; where the guest is, it does not say */
	CF_EV_ABORT,		/* the operator, a closed gate, or the agent's end says stop */
	CF_N_EVENTS,
};

/*
 * What is done, and the event it comes back with; each has its edge wherever the
 * act may be under way.  Nothing else makes events: what the operator, QEMU or the
 * other host says is seen by the act that is under way.
 */
enum cf_act {
	CF_ACT_NONE,		/* it waits, and the queue itself says what comes of it: TURN REFUSED ABORT */
	CF_ACT_CHECK,		/* gather the evidence and judge it: ALLOWED REFUSED BUSY FAILED ABORT */
	CF_ACT_RESERVE,		/* ask the destination for a lease: GRANTED REFUSED BUSY FAILED ABORT */
	CF_ACT_CAPTURE,		/* read the guest's clock, push the record: CAPTURED FAILED ABORT */
	CF_ACT_COPY,		/* migrate: STOPPED KEPT FAILED; ABORT when nothing had begun yet; with a gate ARMED
				   before STOPPED, and NEVER_RAN instead of FAILED */
	CF_ACT_GATE,		/* gate: source: wait for the copy to be complete: LOADED NEVER_RAN */
	CF_ACT_DECIDE,		/* gate: source: commit or roll back: COMMITTED NEVER_RAN */
	CF_ACT_COMMIT,		/* gate: source: send it, hear what came of it: LANDED NEVER_RAN FAILED */
	CF_ACT_RESOLVE,		/* gate: source: go on asking, and listen to the operator: LANDED NEVER_RAN FAILED */
	CF_ACT_TAKE_BACK,	/* gate: source: have the guest run here again: KEPT FAILED */
	CF_ACT_ASK,		/* source: learn from both hosts where the guest runs: LANDED KEPT FAILED */
	CF_ACT_LAND,		/* source: learn RESUME from the destination: RESUMED FAILED */
	CF_ACT_AWAIT,		/* destination: the next of OFFERED, PREPARED, RESUMED, LANDED; GONE KEPT FAILED, ABORT when leased */
	CF_ACT_PREPARE,		/* gate: destination: have libvirt make the incoming domain: ARMED GONE ABORT */
	CF_ACT_STAND_BY,	/* gate: destination: the next of LOADED, COMMITTED; GONE KEPT ABORT */
	CF_ACT_OBEY,		/* gate: destination: let it run: RESUMED GONE FAILED */
	CF_ACT_CORRECT,		/* at the source hear of it: CORRECTED FAILED; at the destination GONE too */
	CF_ACT_VERIFY,		/* at the source hear of it: VERIFIED FAILED; at the destination GONE too */
	CF_ACT_UNDO,		/* release what is reserved, correct the guest's clock, then as CLOSE */
	CF_ACT_CLOSE,		/* write the receipt, hand it to the other side; the last act: no event */
	CF_N_ACTS,
};

struct cf_edge {
	enum cf_phase from;
	enum cf_event on;
	enum cf_phase to;
	enum cf_act act;
};

/* The edge taken on one side, or NULL when the event means nothing in this phase. */
const struct cf_edge *cf_phase_next(enum cf_side side, enum cf_phase from, enum cf_event on);

/* Where a side begins, and what it does first: the edge of CF_EV_ASKED from CF_PHASE_UNKNOWN. */
const struct cf_edge *cf_phase_first(enum cf_side side);

/* The same at the source of one that somebody else drives: its memory flows already. */
const struct cf_edge *cf_phase_watched(void);

bool cf_phase_is_end(enum cf_phase phase);

/*
 * Who ends it when DELETE asks for that on this host?  Nobody once the guest may run at the
 * destination: an abort that comes after STOP is too late with a driver that has no gate, and
 * with one that has from the moment on in which a commit may have been sent.
 *
 * At the destination the source is asked wherever memory may flow, if its agent hears of that
 * (hears): it knows where the guest is, and calls its own copy off.  Without a gate nobody else can: libvirt
 * has no call that destroys an incoming domain only if it does not run yet.  With one this
 * host can do so by itself as well, since nothing runs here without it: its promise that
 * nothing ever will is durable before the domain goes.
 */
enum cf_abort {
	CF_ABORT_LATE,		/* nobody any more */
	CF_ABORT_HERE,		/* this host, at once */
	CF_ABORT_SOURCE,	/* the source alone */
	CF_ABORT_SOURCE_FIRST,	/* the source; this host, should that not do it soon */
};
enum cf_abort cf_phase_abort(enum cf_side side, enum cf_phase phase, bool has_gate, bool hears);

/*
 * Does it count against what its host may have leave, or come in, at once?  From its
 * turn, or the reservation, until the guest runs at the destination.
 */
bool cf_phase_takes_room(enum cf_side side, enum cf_phase phase);

/*
 * What the agent's end means for one that has had time to end by itself.  outlives: its
 * driver goes on with a copy when the agent does not.
 */
enum cf_stop {
	CF_STOP_LEAVE,		/* it waits, or others go on with it; the agent finds it again when it is back */
	CF_STOP_ABORT,
	CF_STOP_FINISH,		/* a matter of seconds, and a guest stands still or its clock is wrong: to be waited for */
};
enum cf_stop cf_phase_stop(enum cf_side side, enum cf_phase phase, bool outlives);

/*
 * What its entry in the ledger means for the act of an edge into this phase.  One that
 * can still be called off is, when it could not be written down: nothing begins
 * that nobody would know of after a restart.  What is under way goes on, and its
 * receipt says what is missing.
 */
enum cf_noting {
	CF_NOTE_BESIDE,		/* it is not waited for: there is no act, or a guest stands still */
	CF_NOTE_BEFORE,		/* it is waited for */
	CF_NOTE_OR_ABORT,	/* it is waited for, and without it ABORT follows and not the act */
};
enum cf_noting cf_phase_noting(enum cf_side side, enum cf_phase phase, bool has_gate);

const char *cf_event_name(enum cf_event event);
const char *cf_act_name(enum cf_act act);
