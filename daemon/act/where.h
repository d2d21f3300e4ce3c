/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the guest is, by those who can tell: this host's libvirt, and the other host's agent.  On the thread. */

#include "daemon/act/work.h"
#include "policy/recover.h"

/* What libvirt says here of that domain. */
enum cf_here where_here(const struct work *work, const char *uuid);

/*
 * Source: ask the destination what it has seen, which is in work->receipt->landing then.
 * One that knows nothing of the migration is asked for the domain.  err says why there is
 * no answer.
 */
enum cf_there where_there(struct work *work, struct cf_error *err);

/* Source: does the destination have the domain running at this moment? */
bool where_runs_there(struct work *work);
