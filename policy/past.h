/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a policy would have said to a migration that is over, by its receipt and
 * nothing else.
 *
 * What was measured then is judged anew; what was found then and is no matter of
 * figures is taken as found; and what the receipt does not tell is not guessed:
 * that is listed, and where it could have made a difference the answer is that
 * nobody knows.
 */

#include "policy/gate.h"
#include "proto/trial.h"

/* entry's verdict, findings, unmeasured and outcome now; what it was then is the caller's. */
void cf_past_judge(const struct cf_receipt *receipt, const struct cf_limits *limits, const char *policy,
		   struct cf_trial_entry *entry);

/* Would it have come out otherwise?  Not where nobody knows. */
bool cf_past_differs(const struct cf_trial_entry *entry);
