/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a migration whose guest has landed came to. */

#include "proto/receipt.h"

/*
 * By what the receipt has of it, held against limits, which need not be its own.
 * The blackout's upper end counts, and of what remains wrong with the guest's clock
 * (cf_landing_residual()) the farther end.  reason is why it is not clean; "" when it is.
 */
enum cf_outcome cf_outcome_judge(const struct cf_receipt *receipt, const struct cf_limits *limits,
				 char reason[static CF_DETAIL_ROOM]);

/*
 * One that came to nothing, but whose guest may have stood still for longer than a blackout may last
 * before it ran on where it was: a breach, though no migration that was completed.
 */
bool cf_kept_breached(const struct cf_receipt *receipt);
