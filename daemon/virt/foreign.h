/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a source's events say of a migration that somebody else drives.  Pure. */

#include "daemon/virt/switchover.h"
#include "policy/foreign.h"

/* Fills in what events can say, and leaves the rest of *ret as it is. */
void foreign_seen(const struct guest_events *events, struct cf_departure *ret);
