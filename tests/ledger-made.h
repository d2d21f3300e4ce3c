/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ledger in a folder of its own, for tests of it. */

#include <limits.h>

#include "daemon/ledger/ledger.h"
#include "daemon/loop.h"

struct ledger_made {
	char folder[64];		/* goes with all in it */
	struct ledger_options options;
	struct loop *loop;
	struct ledger *ledger;
	int changes;			/* calls of the listener */
};

/* A folder, no ledger yet. */
void ledger_made_begin(struct ledger_made *made);
void ledger_made_end(struct ledger_made *made);

/* Open it, and close it again. */
void ledger_made_open(struct ledger_made *made);
void ledger_made_close(struct ledger_made *made);

/* The n-th migration of a test: its id, and a line of it; an ended one has a receipt of a clean migration. */
const char *ledger_made_id(int n);
struct ledger_line *ledger_made_line(int n, enum cf_phase phase, bool ended);

/* Write it and turn the loop until that is answered: the answer. */
int ledger_made_write(struct ledger_made *made, struct ledger_line *line, cf_span patience, struct cf_error *err);

/* Turn the loop until the ledger is writable, or is not; false when that takes over half a minute. */
bool ledger_made_until(struct ledger_made *made, bool writable);

/* SQL on the file, past the ledger; "" or what went wrong. */
const char *ledger_made_sql(const struct ledger_made *made, const char *sql);

/* The number a query comes to; -1 when it fails. */
long long ledger_made_ask(const struct ledger_made *made, const char *sql);
