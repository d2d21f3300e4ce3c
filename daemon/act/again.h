/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Taking up what an earlier agent was doing.
 *
 * The ledger says how far a migration had come; its act is handed out once more and
 * finds out by itself what has happened since (policy/recover.h).
 */

#include "daemon/act/work.h"

/*
 * On the thread, before the first act: have open what that agent had open.  A copy is
 * not looked at before libvirt can be asked.
 */
void again_open(struct work *work, enum cf_act act);

/* Source: the pair's offset for the receipt of one whose guest was taken back first; nothing where it is open already. */
void again_pair(struct work *work);
