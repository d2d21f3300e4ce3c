/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Migrations that others drive: found by what happens to the domains of this host, and
 * taken into the list, where they are watched.
 *
 * A domain that begins to leave is looked after by a thread of its own until it is known
 * what that is and where it goes (departure.h).  One that comes in waits for the
 * source's agent to speak of it, and is taken alone where none does.
 *
 * On the loop's thread, where not said otherwise.
 */

#include <stdbool.h>

#include "daemon/virt/events.h"
#include "proto/error.h"

struct foreign;
struct migrations;

int foreign_new(struct foreign **ret, struct migrations *all, struct cf_error *err);

/* Waits for who is looked after just now, for seconds at most. */
void foreign_free(struct foreign *foreign);

/* Any thread, never blocks. */
void foreign_hear(struct foreign *foreign, const struct virt_news *news);

/* Did that domain begin to come in, and does it still wait for the source's agent?  So it does for seconds after it runs. */
bool foreign_comes_in(struct foreign *foreign, const char *uuid);

/* The source's agent speaks of that domain: what was seen of it so far, the caller's now; or NULL. */
struct guest_watch *foreign_announced(struct foreign *foreign, const char *uuid);
