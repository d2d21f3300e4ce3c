/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The queue of migrations that wait to leave this host.  policy/queue.h decides whose
 * turn it is; this gathers who waits, and lets them go.  On the loop's thread.
 */

#include "daemon/act/migration.h"

/* Is there room for one more? */
int queue_has_room(const struct migrations *all, struct cf_error *err);

/*
 * Let everybody go whose turn it is, and show the others their places.  To be called
 * whenever something has changed that it could follow from.
 */
void queue_move(struct migrations *all);

/*
 * The migration's destination has no room: it goes back to the queue for a while, or,
 * with no place or no time to wait, it is refused.
 */
enum cf_event queue_again(struct migration *m);

/* A destination may have room again that had none: it need not be waited for any longer. */
void queue_room_at(struct migrations *all, const char *destination);
