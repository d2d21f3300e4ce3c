/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commit gate: the guest stands still in two memories.  Let it run at the destination, or
 * here again?  One pure decision, of what is in hand: nobody is asked anything now.
 */

#include "policy/gate.h"

/* What the source knows at the gate; all instants on its CLOCK_MONOTONIC_RAW. */
struct cf_commit_evidence {
	const struct cf_pair_evidence *pair;	/* both reports, and the host offset as of now */
	bool has_stop;
	struct cf_instant stop;		/* QEMU's STOP, as well as it is known */
	cf_span stop_slack;		/* how long before that the guest may have stood still */
	cf_mono now;
	cf_span resume_takes;		/* what is still to come at the destination, as this pair has shown it */
	struct cf_interval raw_offset;	/* destination RAW - source RAW, as of now */
	bool needs_record;		/* policy demands a lever, which needs the record of STOP */
	bool record_there;		/* the destination has it */
};

/* The decision, and the figures it was made of: they stand in the receipt. */
struct cf_commit_decision {
	bool commit;
	cf_span so_far;			/* from the guest's last instruction, at the most */
	cf_span expected;		/* so_far and resume_takes: the blackout it would come to */
	cf_span limit;
	cf_mono valid_until;		/* commit: by the destination's RAW clock, at the worst end of the offset */
};

/*
 * Commit only if the blackout stays below its limit, the full rule for the two clocks holds
 * as of now (cf_gate_pair(): the offset's largest end), and the record is there where a
 * lever needs it.  Without STOP the blackout cannot be bounded: roll back.  findings
 * (emptied first) say why not, and what is only warned of.  A limit that policy only
 * warns of holds nothing back: it is measured, and judged afterwards.
 */
void cf_commit_judge(const struct cf_commit_evidence *evidence, const struct cf_both_limits *limits,
		     struct cf_commit_decision *ret, struct cf_findings *findings);

/* Does policy hold a guest to its blackout's limit?  Else it is measured, and nobody cuts or drops anything for it. */
bool cf_blackout_enforced(const struct cf_both_limits *limits);

/*
 * How long the record of STOP may take to get there, before the gate is thought of: an eighth of what the guest
 * may stand still, 200 ms at least (a segment that was lost), but never more than half of it, and 10 s at most.  A call that is given up takes its connection with it, and
 * the next one has to shake hands anew.  So long after STOP what has to be known there of the guest's counters is waited for, too.
 */
cf_span cf_record_patience(const struct cf_both_limits *limits);

/* What the destination knows while none has come; all instants but stop on its own RAW clock. */
struct cf_wait_evidence {
	cf_mono now;
	bool loaded;
	cf_mono loaded_at;		/* since when its QEMU has all of the guest */
	bool has_stop;			/* by the source's record, with both of these: */
	cf_mono stop;			/* QEMU's STOP, on the source's RAW clock */
	struct cf_interval raw_offset;	/* destination RAW - source RAW */
};

/*
 * Has it waited for long enough?  The guest stands still since STOP, and no commit can be obeyed after its limit; the
 * record that says when that was may be lost, so that twice the limit is enough since it was loaded.  Where the limit holds
 * nothing back that is a minute: a commit that was lost is not sent again, and the source asks until somebody can answer.
 */
bool cf_wait_over(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits);

/* What the destination knows when a commit comes in. */
struct cf_obey_evidence {
	cf_mono now;			/* its own RAW clock */
	cf_mono valid_until;
	bool same_boot;			/* for which valid_until was reckoned */
	bool loaded;			/* its QEMU has all of the guest */
	bool incoming_alive;		/* libvirt still has the incoming domain for us */
	const struct cf_report *clock;	/* its own */
};

/*
 * The destination judges last.  CF_OBEY, or why it will not: then the guest never runs here.  Its clock may be as
 * bad as the limits let it: at the source's gate it was held against the same.
 */
enum cf_obey {
	CF_OBEY,
	CF_OBEY_WITHDRAWN,
	CF_OBEY_LATE,
	CF_OBEY_BOOTED,
	CF_OBEY_NOT_LOADED,
	CF_OBEY_LOST,
	CF_OBEY_CLOCK,
	CF_N_OBEYS,
};
enum cf_obey cf_obey_judge(const struct cf_obey_evidence *evidence, const struct cf_both_limits *limits);
extern const char *const cf_obey_words[CF_N_OBEYS];
