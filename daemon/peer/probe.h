/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rounds of four timestamps with another agent. */

#include "daemon/peer/call.h"
#include "policy/offset.h"

/*
 * Up to n rounds, each of at most timeout, folded into *offset, which begins anew
 * when *boot is not the boot id that the other host answers with; *boot becomes
 * that id ("" to begin with).  Ends with the first round that fails, and with
 * CF_PEER when none of them was consistent in itself.  What was folded in before
 * stays.  Blocks; any thread.
 */
int probe_rounds(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM],
		 cf_span timeout, struct cf_error *err);

/* The same where no guest waits for it: a connection that is to be made first has the time that takes, which is more than a round's. */
int probe_calmly(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM],
		 cf_span timeout, struct cf_error *err);
