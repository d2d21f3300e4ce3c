/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The gate during the copy: the pair is judged again and again by what the
 * lookout knows.
 */

#include "daemon/act/acts.h"

/* Begin to look at the destination; work->lookout is there then. */
int gate_watch(struct work *work, struct cf_error *err);

/* Judge once more, on the migration's thread.  why is filled when the copy has to end. */
void gate_judge(struct work *work, char why[static CF_DETAIL_ROOM]);

/* Does nobody wait for the guest there any more, or does somebody there want it called off?  why says it. */
bool gate_is_let_go(struct work *work, char why[static CF_DETAIL_ROOM]);

/*
 * What is known of the pair as of now, of which report is this host's; nobody is asked.  Both live as
 * long as the work does.
 */
void gate_evidence(struct work *work, struct cf_report *report, struct cf_pair_evidence *ret);

/* Show what was found at the commit gate. */
void gate_show(struct work *work, const struct cf_findings *findings);

/* The copy is over: what was learnt of the destination is kept. */
void gate_leave(struct work *work);
