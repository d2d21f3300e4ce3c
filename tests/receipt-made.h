/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A migration whose receipt is to be completed, and what stands in place of the rest of its agent. */

#include "daemon/act/work.h"

#define MS(n) ((cf_span){ (n) * CF_MS })
#define FROM(low, high) { MS(low), MS(high) }

/* An agent without a file of settings, before the first receipt and after the last. */
void receipt_made_begin(void);
void receipt_made_end(void);

/* One migration, of which nothing is known yet. */
struct work *work_made(void);
void work_unmade(struct work *work);
