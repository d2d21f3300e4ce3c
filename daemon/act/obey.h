/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Destination, with a gate: the end of what was prepared, before it ran. */

#include "daemon/act/work.h"

/*
 * From here nothing that comes in is obeyed; once that is durable the source may be told so, for that reason, and the
 * domain goes. false: that it never ran could not be promised, which is logged; it goes all the same.
 */
bool obey_give_up(struct work *work, const char *why);
