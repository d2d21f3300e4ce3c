/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The receipts that the log was given, read back from journald's files: for a ledger
 * that has lost its own.  Blocks: for a thread of one's own.
 */

#include <stddef.h>

#include "proto/error.h"
#include "proto/time.h"

/* Where the reading is, from the newest entry towards the oldest. */
struct journal_reading {
	const char *directory;	/* of the files; NULL: this host's */
	cf_real since;		/* nothing older */
	char *cursor;		/* NULL to begin with; in the end the caller's, to be freed */
};

/*
 * fn for each of the next n entries, with the receipt as JSON, which is not terminated and
 * valid during the call.  Only those count that came from a process of our own user: any
 * other one may write what it likes.  Returns how many there were, less than n at the
 * end; what this user may not read is not there.
 */
int journal_receipts(struct journal_reading *reading, int n, void (*fn)(void *userdata, const char *json, size_t size),
		     void *userdata, struct cf_error *err);
