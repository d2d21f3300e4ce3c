/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between a migration and its line in the ledger.  On the loop, while no act is
 * under way, but for entry_write_again().
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

/*
 * The line that was written last, with what has been asked of the migration since; at any time, as what is the
 * thread's own is taken from there.
 */
struct ledger_line *entry_write_again(const struct migration *m, const struct ledger_line *last);

/* How it stands once the last act is over: the receipt is whole, and what was kept to finish it is no longer needed. */
struct ledger_line *entry_write_last(const struct migration *m);
