/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The clock record on the source: acts of several phases refresh it and send it on. */

#include "daemon/act/work.h"

/* Measure the guest's offset anew within patience; on failure the last one stays, and false. */
bool record_guest_offset(struct work *work, cf_span patience);

/* Complete the record with this host's clocks of now and send it to the destination. */
int record_send(struct work *work, struct cf_error *err);
