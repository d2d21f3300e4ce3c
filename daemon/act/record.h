/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The clock record on the source: acts of several phases refresh it and send it on. */

#include "daemon/act/work.h"

/* What the check has found out of the guest is where its record begins. */
void record_begin(struct work *work, const struct cf_guest_clock *guest);

/* Measure the guest's offset anew within patience; on failure the last one stays, and false. */
bool record_guest_offset(struct work *work, cf_span patience);

/* The same with a reading that was made elsewhere, or why it came to nothing. */
bool record_take_guest_offset(struct work *work, bool read, const struct cf_guest_offset *fresh, const char *why);

/* Complete the record with this host's clocks of now and send it to the destination. */
int record_send(struct work *work, cf_span patience, struct cf_error *err);
