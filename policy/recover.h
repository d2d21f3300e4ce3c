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

/* The event that this is for a source that asks; CF_N_EVENTS while it has to go on asking. */
enum cf_event cf_where_event(enum cf_where where);

/*
 * What has become of an incoming domain, of which events may have been missed, by
 * how it stands now.  CF_N_EVENTS: it goes on waiting.
 */
enum cf_event cf_arrival(enum cf_phase phase, enum cf_here here);

/*
 * The same of one that was armed, and whose connection ended with the agent before this one.  COMMITTED: it was
 * obeyed, as far as is known, and is to be looked after; one that runs here was, whatever has become of
 * its mark.  GONE: it never ran, or nobody knows.  CF_N_EVENTS: libvirt is not done with it.
 */
enum cf_event cf_stand_again(enum cf_mark mark, enum cf_here here);
