/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The queue: which of the migrations that wait to leave this host goes next.
 *
 * By priority, and of the same priority in the order they were asked for.  Only one
 * rule lets a later one go first: a destination that has no room, or is about to say
 * whether it has, holds back those who want to go there and nobody else.  They are held
 * back together, so that a later one does not take the room that an earlier one waits for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cf_queued {
	int64_t priority;		/* the higher goes first */
	int64_t ticket;			/* unlike anybody else's: the lower was asked for first */
	const char *destination;
	bool held;			/* its destination is being asked, or was busy and is not to be asked yet */
};

/* What this host may do at once. */
struct cf_queue_limits {
	int64_t outgoing;		/* that leave */
	int64_t queued;			/* that wait */
};

/*
 * The one that goes now, while `leaving` others take room (cf_phase_takes_room());
 * n when none does.
 */
size_t cf_queue_next(const struct cf_queued *queued, size_t n, size_t leaving,
		     const struct cf_queue_limits *limits);

/* Does it have to wait for its destination, itself or behind one that has? */
bool cf_queue_is_held(const struct cf_queued *queued, size_t n, size_t which);

/* How many would go before this one, were there room everywhere. */
size_t cf_queue_ahead(const struct cf_queued *queued, size_t n, size_t which);

/* Is there room for one more: in the queue, or past an empty one? */
bool cf_queue_admits(size_t waiting, size_t leaving, const struct cf_queue_limits *limits);
