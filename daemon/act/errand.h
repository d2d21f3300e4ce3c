/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Receipts that the other host has not had: its agent did not answer when they were
 * due.  They are brought to it until it takes them, or says that it will not: later and later, and when a peer
 * answers again (migrations_bring()).
 */

#include "daemon/act/migrations.h"

struct errand;

/* One more, of the ledger's row of that id, which has its end by now.  On the loop. */
void errand_add(struct migrations *all, const char *id);

/* The agent ends.  One that is on its way stays: it is the thread's. */
void errands_clear(struct migrations *all);

/*
 * Would the receipt be taken at another time?  A reservation whose answer was lost may reach the destination later than the receipt
 * does, as who hung up has what the kernel still holds for a peer delivered when that is to be had again: one that is not known
 * there may be yet.
 */
static inline bool errand_is_worth(const struct cf_error *err)
{
	return err->code != CF_CONFLICT && err->code != CF_BAD_REQUEST && err->code != CF_TOO_LARGE;
}
