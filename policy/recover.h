/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What to make of a migration whose story has a gap: the agent was restarted, a
 * connection was lost, the driver gave up.  Then neither what the driver said nor what
 * was seen counts, but what libvirt says here and what the other host's agent says.
 */

#include "policy/phase.h"
#include "proto/commit.h"

/*
 * How an agent that was restarted goes on with what its ledger has in this phase.  The
 * event is that of an edge to take; without one (CF_N_EVENTS) the act of the phase is
 * handed out once more, and finds out by itself.
 */
struct cf_again {
	enum cf_event event;
	enum cf_act act;
};

/*
 * What the source noted of its decision before it sent anything (daemon/ledger/marks.h): it
 * survives the agent, and not the host.  The destination notes there whether it has told libvirt to let
 * the guest run: that is its commit.
 */
enum cf_decision {
	CF_DECISION_NONE,	/* no commit was sent */
	CF_DECISION_COMMIT,	/* one may have been */
	CF_DECISION_ROLL_BACK,	/* none was, and none will be */
	CF_DECISION_KEPT,	/* settled: its guest has been given back, and is in nobody's hands any more */
	CF_DECISION_LEFT,	/* settled: it runs there, and nothing of it is left here */
	CF_DECISION_LOST,	/* nobody knows: the host booted anew, or the page is damaged */
	CF_N_DECISIONS,
};

/* has_gate is a fact of its driver; decision counts at the source of one that has a gate. */
struct cf_again cf_recover(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision);

/*
 * What the destination has noted for good of one that it was prepared for: it survives the
 * host.  LOST: there is no such mark, or it cannot be read.
 */
enum cf_mark { CF_MARK_LOST, CF_MARK_ARMED, CF_MARK_OBEYED, CF_MARK_CLOSED, CF_N_MARKS };

/*
 * The destination's word on whether the guest ever ran there.  That it never did may be said
 * only of one that is dropped, with a mark that says closed; that libvirt has no such domain, or
 * that its QEMU is gone, or that the ledger has it as never prepared, says nothing about it: a
 * ledger that was lost has it anew when the source's call is repeated.
 */
enum cf_word cf_word(enum cf_phase phase, bool resumed, enum cf_mark mark);

/*
 * May the destination take it in, by what it has promised of it before?  Not what it obeyed, or
 * closed, once already: that would be forgotten with the new promise.
 */
bool cf_may_arm(enum cf_mark mark);

/*
 * May it promise CF_MARK_CLOSED?  Only over a promise that is there: what cannot be read may have said obeyed.
 * And over one that was obeyed only where it is noted that libvirt was never told to let the guest run.
 */
bool cf_may_close(enum cf_mark mark, enum cf_decision told);

/* What libvirt says here of the domain. */
enum cf_here {
	CF_HERE_UNKNOWN,	/* nothing */
	CF_HERE_ABSENT,		/* it does not run */
	CF_HERE_MOVING,		/* a migration has it */
	CF_HERE_RUNNING,	/* it has a QEMU, and no migration has it; somebody may have paused it */
	CF_N_HERES,
};

/* What the other host's agent says of the migration or, where it knows nothing of that, of the domain. */
enum cf_there {
	CF_THERE_UNKNOWN,	/* nothing */
	CF_THERE_WAITING,	/* that it waits for it, or that it is on its way */
	CF_THERE_RAN,		/* that it runs there, or did */
	CF_THERE_DROPPED,	/* that it came to nothing there */
	CF_THERE_STRANGE,	/* that it knows of no such migration, and the domain does not run there */
	CF_THERE_FOUND,		/* that it knows of no such migration, but that the domain runs there */
	CF_N_THERES,
};

/* Where the guest is, as the source concludes once its driver is done, however. */
enum cf_where {
	CF_WHERE_UNKNOWN,	/* to be asked again */
	CF_WHERE_SOON,		/* the same; at the source, if it stays like this for as long as libvirt needs to tidy up */
	CF_WHERE_SOURCE,
	CF_WHERE_DESTINATION,
	CF_WHERE_BOTH,		/* it should not be; what runs at the destination has the newer memory */
	CF_WHERE_NOWHERE,	/* it ended */
	CF_N_WHERES,
};
enum cf_where cf_where(enum cf_here here, enum cf_there there);

/* What is left of a migration of which this host's ledger has lost its half. */
struct cf_left {
	enum cf_side side;		/* this host's */
	bool has_gate;
	enum cf_phase theirs;		/* as the other host's agent has it */
	bool ended;			/* there */
	enum cf_word word;		/* the destination's; CF_WORD_UNKNOWN where it has none to say */
	enum cf_decision own;		/* at the source: what its page has of it */
	enum cf_here here;		/* how its domain stands on this host */
	bool has_job;			/* and whether somebody has a job on it */
};

/*
 * As what is it taken up again?  CF_PHASE_UNKNOWN: as nothing, it is told and no more.
 *
 * At the source one that the other host has open, and that has its guest yet, standing or not: with a gate it is taken back where
 * the page says that no commit was sent, as it would be with a ledger; else it is in doubt, as nobody knows whether one was, so
 * that nothing but the destination's word or the operator's leads out.  Without a gate, where the guest runs is asked of both
 * hosts.  One whose guest is gone from here, and ran there, has landed: its end is
 * waited for and told, and what is left of it here goes only where the page says that this was still to be done.
 *
 * At the source one that has ended at the destination: which migration it was that stopped the guest neither
 * libvirt nor the destination can say.  An older one of the same domain would be answered for this one, and its
 * `never-ran` would wake a copy that runs elsewhere by now.  The source's own page can, which lives as long as a QEMU may that
 * stands still: whatever it has as not settled was under way here, and nothing has come of it yet.  So without a decision in
 * it nothing is taken up; nor while somebody has a job on the domain, nor where page and destination contradict each
 * other, nor what runs here though it may have run there: where no commit was sent it did not, whatever the destination has
 * forgotten.  Else it goes on as if the ledger had it: where a commit may have been sent in doubt, and else it is taken back.
 *
 * At the destination one that runs here has landed, and says so.  One that does not may have run and ended: that it never
 * did is for an intact ledger to say, so nothing is said.
 */
enum cf_phase cf_relearn(const struct cf_left *left);

/* The event that this is for a source that asks; CF_N_EVENTS while it has to go on asking. */
enum cf_event cf_where_event(enum cf_where where);

/*
 * What has become of an incoming domain, of which events may have been missed, by
 * how it stands now.  CF_N_EVENTS: it goes on waiting.  With a gate what was prepared runs only
 * when that was obeyed, by this host's mark.
 */
enum cf_event cf_arrival(enum cf_phase phase, bool has_gate, enum cf_mark mark, enum cf_here here);

/*
 * The same of one that was armed, and whose connection ended with the agent before this one.  COMMITTED: it was
 * obeyed, as far as is known, and is to be looked after; one that runs here was, whatever has become of
 * its mark.  GONE: it never ran, or nobody knows.  CF_N_EVENTS: libvirt is not done with it.
 */
enum cf_event cf_stand_again(enum cf_mark mark, enum cf_here here);
