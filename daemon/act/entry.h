/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between a migration and its line in the ledger.  On the loop, while no act is
 * under way.
 */

#include "daemon/act/migration.h"
#include "daemon/ledger/ledger.h"

/*
 * Make of a new migration, of that id and side, what the ledger has of it.  What only
 * the boot could use that it was written in is left out.
 */
void entry_read(struct migration *m, const struct ledger_line *line);

/* How it stands; NULL without memory.  The caller adds what led there, and whether it is over. */
struct ledger_line *entry_write(const struct migration *m);

/* The same once the last act is over: the receipt is whole, and what was kept to finish it is no longer needed. */
struct ledger_line *entry_write_last(const struct migration *m);
