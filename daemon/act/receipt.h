/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Filling the receipt: what can only be computed at the end, from what was measured on the way. */

#include "daemon/act/work.h"

/* The limits in force, as far as they are known: before the check they are this host's own. */
void receipt_limits(struct work *work);

/* The same, of limits that are known. */
void receipt_put_limits(const struct cf_both_limits *both, struct cf_receipt *ret);

/* What the two agents had said to each other before the copy began. */
void receipt_put_said(const struct cf_reservation *reservation, const struct cf_lease *lease, struct cf_receipt *ret);

/* Versions, bytes, blackout, offsets, predicted lag: all that does not depend on how it ended. */
void receipt_complete(struct work *work);

/* The same for a destination that got no receipt: what is known there without the source. */
void receipt_alone(struct work *work);

/* Once the outcome is known: a reason for each figure that such an end should have and this one has not. */
void receipt_explain(struct work *work);

/*
 * One line in the log, with the message id of its outcome; the journal gets the receipt as
 * a whole with it, and what rules match as fields of their own.
 */
void receipt_log(const struct cf_receipt *receipt);

/* The same of what the source's agent brings of one that had ended here by then; not if it only brings it again. */
void receipt_log_late(const struct cf_receipt *late, cf_real had_ended);

/* Take it, if it has come; of one that is over. */
bool receipt_take_late(struct work *work);
