/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has become lately of attempts to move a guest from here, by the ledger. */

#include "daemon/act/context.h"
#include "proto/finding.h"

/*
 * Why its last attempt was rolled back or cut, after the guest had stood still for it; "" when none
 * was within the last hour, or the ledger does not say.  Blocks: not on the loop's thread.
 */
void lately_rolled_back(const struct act_context *context, const char *uuid, char ret[static CF_DETAIL_ROOM]);
