/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has become lately of attempts to move a guest from here, by the ledger. */

#include "daemon/act/context.h"
#include "proto/finding.h"

/*
 * Why the last attempt that was cut or rolled back was, whatever came of later ones; "" when none was
 * within the last hour, or the ledger does not say.  Blocks: not on the loop's thread.
 */
void lately_rolled_back(const struct act_context *context, const char *uuid, char ret[static CF_DETAIL_ROOM]);
