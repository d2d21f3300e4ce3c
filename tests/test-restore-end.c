/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Receipts are read from peers while the agent ends: its list goes first, and its threads are waited for after that. */

#include <stdlib.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/act/migration.h"
#include "daemon/act/restore-peers.h"
#include "daemon/journal.h"
#include "daemon/ledger/ledger.h"
#include "daemon/settings.h"
#include "daemon/worker.h"
#include "tests/tap.h"

/* What the thread was given last. */
static struct {
	void (*work)(void *arg);
	void (*then)(void *arg);
	void *arg;
} given;

static const struct act_context *asked;
static int read_there;

int worker_run(struct loop *loop, void (*work)(void *arg), void (*then)(void *arg), void *arg, struct cf_error *err)
{
	(void)loop, (void)err;
	given.work = work;
	given.then = then;
	given.arg = arg;
	return 0;
}

int journal_receipts(struct journal_reading *reading, int n, void (*fn)(void *userdata, const char *json, size_t size),
		     void *userdata, struct cf_error *err)
{
	(void)reading, (void)n, (void)fn, (void)userdata, (void)err;
	return 0;
}

int peers_receipts(struct peers_reading *reading, int n, void (*fn)(void *userdata, const struct cf_receipt *receipt), void *userdata)
{
	static struct cf_receipt receipt = { .migration = { .side = CF_SOURCE } };

	(void)reading, (void)n;
	fn(userdata, &receipt);
	return ++read_there;
}

void ledger_write(struct ledger *ledger, struct ledger_line *line, cf_span patience,
		  void (*done_with)(void *arg, int result, const struct cf_error *err), void *arg)
{
	(void)ledger, (void)line, (void)patience, (void)done_with, (void)arg;
}

void ledger_settled(struct ledger *ledger)
{
	(void)ledger;
}

void ledger_note(struct ledger *ledger, const char *note)
{
	(void)ledger, (void)note;
}

void peers_reading_end(struct peers_reading *reading)
{
	(void)reading;
}

bool gated_unsettled(const struct act_context *context, const char *id)
{
	(void)id;
	asked = context;
	return true;
}

int main(void)
{
	static struct settings settings = { .ledger.keep_count = 100 };
	static const struct act_context context = { .settings = &settings };
	struct migrations *all = calloc(1, sizeof(*all));

	if (!all)
		return 1;
	all->context = &context;
	migrations_restore(all);
	given.work(given.arg);
	given.then(given.arg);
	ok(read_there == 0, "the journal is through, and peers are to be asked");
	memset(all, 0, sizeof(*all));
	given.work(given.arg);
	ok(read_there == 1 && asked == &context, "the thread that asks them needs no list of this agent's any more");

	free(all);
	return done();
}
