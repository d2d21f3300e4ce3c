/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What QEMU aims at as the blackout while it copies: policy/ramp.h, carried out. */

#include "daemon/act/work.h"

/* What QEMU aims at first. */
cf_span ramp_first(const struct settings *settings, const struct cf_guest_clock *guest);

/* Before the copy: between which bounds, by what this pair of hosts has needed in the past. */
void ramp_begin(struct work *work);

/* QEMU is on that pass through the memory (0: not known); raises the target where it has to be. */
void ramp_look(struct work *work, int64_t pass);

/*
 * The gate is closed, or open again.  While it is closed QEMU is to aim at a blackout that it does
 * not reach as long as the guest writes memory.  A guest that writes nothing goes all the same, to
 * the commit gate where the driver has one.
 */
void ramp_hold(struct work *work, bool hold);

/* What QEMU aims at as long as nobody holds it back. */
cf_span ramp_target(const struct work *work);

/* After the landing: what was needed beyond the memory that was left, for the receipt and the next one. */
void ramp_learn(struct work *work);
