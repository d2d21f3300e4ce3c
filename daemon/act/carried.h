/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The KVM library's part in a migration, as its acts see it.  On the source the carrier does
 * it; at the destination the library in the QEMU that waits is armed for this one
 * migration, with what has come of the source's counters, and asked afterwards.
 * On the migration's thread.  Where the lever kvm is not there nothing of this does anything.
 */

#include "daemon/act/work.h"

/* --- source --- */

/* The copy begins, somebody else's was found, or one goes on after a restart; work->watch and work->lookout are there. */
void carried_begin(struct work *work);

/* After a restart: what the agent before has armed for a guest that may stand does not expire meanwhile. */
void carried_again(struct work *work);

/* Has all that the destination's library needs reached its agent, if this migration is to have it? */
bool carried_there(struct work *work);

/* The guest runs there: into the receipt, if the destination's agent lacked what it needs. */
void carried_missed(struct work *work);

/* The value that travelled, for the commit. */
void carried_commit(struct work *work, struct cf_commit *commit);

/* The guest ran on here: into the receipt's `kept`. */
void carried_kept(struct work *work);

/* --- destination --- */

/* The incoming domain is made.  Fails, where policy requires the lever, when its QEMU does not have the library. */
int carried_prepare(struct work *work, struct cf_error *err);

/*
 * While the guest is on its way: arm with what has come since, for any value that may still travel, and anew once
 * QEMU has loaded it, which scales its counters then; but not while somebody has paused it.
 */
void carried_look(struct work *work);

/* It has come, and stands still: who lets it run later ends a pause, not its migration. */
void carried_let_be(struct work *work);

/*
 * The commit is to be obeyed: arm for the value that travelled.  false when it cannot be, or QEMU sets the
 * guest's counters no more, and policy requires the lever; why says so.
 */
bool carried_arm(struct work *work, const struct cf_commit *commit, char why[static CF_DETAIL_ROOM]);

/* Once more, just before: with the difference of the two clocks as of now, and the counters' scaling once it is loaded. */
void carried_arm_again(struct work *work, const struct cf_commit *commit);

/* The guest runs here: what the library did, into the landing, and it is disarmed; true when its clocks were carried: its lever is kvm then. */
bool carried_report(struct work *work);

/* What the destination keeps of it. */
struct carried;
struct carried *carried_free(struct carried *carried);
