/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The watchdog's guard of one copy with a gate, from Prepare until the guest is loaded or
 * back.  QEMU's events move its deadlines on the thread on which they come; nothing of
 * ours stands between.
 *
 * What cannot be guarded is not left alone for that: the copy goes on, and the receipt says
 * that it could not have been cut, and why.
 */

#include "daemon/act/work.h"

struct ward;

/* Watch the copy to that address.  Needs work->watch.  Never fails: a ward that has nothing to cut says so. */
void ward_begin(struct work *work, const char *uri);

/* Look for connections that came since; seldom, once all are there. */
void ward_look(struct work *work);

/* How far the copy is: what is left decides how long the way back takes. */
void ward_copied(struct work *work, const struct cf_progress *progress);

/* QEMU aims at that from now on: the more may be left when the guest stops. */
void ward_aims(struct work *work, cf_span max_downtime);

/* Cut now.  False when there is nothing to cut any more, or never was. */
bool ward_cut(struct work *work);

/*
 * Its connections were cut, and not long ago, nor was `answers`, since when libvirtd has answered without a break:
 * QEMU is about to end the migration by itself.  It is not to be told to cancel as well, see
 * guest_events.cancelled_late; and one that waits for libvirtd in `pre-switchover` goes into its last part as soon as
 * that one does anything at all.
 */
bool ward_ends(struct work *work, cf_mono answers);

/* It is loaded: no cut any more.  How it ended goes into the receipt. */
void ward_loaded(struct work *work);

/*
 * It was cut, and QEMU has not noticed: it waits for libvirtd alone (`pre-switchover`).  Only an
 * abort brings the guest back, whose call may hang.
 */
bool ward_is_held(struct work *work);

/* Why the watchdog has cut it, of which the receipt has how late that was; false when it has not. */
bool ward_has_cut(struct work *work, char why[static CF_DETAIL_ROOM]);

/* Has the guest's QEMU ended, and was that what the watchdog saw first? */
bool ward_saw_end(struct work *work);

struct ward *ward_free(struct ward *ward);
