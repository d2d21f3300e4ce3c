/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was gathered of both hosts, kept for a migration: one of ours, or one that is watched. */

#include "daemon/act/gather.h"
#include "daemon/act/work.h"

/* For later acts and the receipt, once work knows its driver: what the destination promised, the offset, the policies, and whether it went past them. */
void check_keep_pair(struct work *work, const struct gathered_pair *pair);

/* For whoever asks; max_blackout: the limit that is in force. */
void check_show_pair(struct cf_migration *shown, const struct gathered_pair *pair, cf_span max_blackout);
