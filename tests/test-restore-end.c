/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Receipts are put back.  What is asked for meanwhile is not forgotten, and what was not searched is not taken for settled.  While
 * the agent ends its list goes first, and its threads are waited for after that.
 */

#include <errno.h>
#include <stdio.h>
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
static int read_here, read_there, settled;

/* What becomes of it. */
static int journal_result, write_result;
static const char *peers_why = "";

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
	read_here++;
	return journal_result;
}

static struct cf_receipt receipt = { .migration = {
	.id = "f4d8aebb-4699-4443-a4ce-34a2d71fd1f4", .side = CF_SOURCE, .phase = CF_PHASE_DONE,
} };

int peers_receipts(struct peers_reading *reading, int n, void (*fn)(void *userdata, const struct cf_receipt *receipt), void *userdata)
{
	(void)n;
	snprintf(reading->why, sizeof(reading->why), "%s", peers_why);
	fn(userdata, &receipt);
	read_there++;
	return 1;
}

void ledger_write(struct ledger *ledger, struct ledger_line *line, cf_span patience,
		  void (*done_with)(void *arg, int result, const struct cf_error *err), void *arg)
{
	struct cf_error err = { 0 };

	(void)ledger, (void)patience;
	free(line);
	done_with(arg, write_result, &err);
}

void ledger_settled(struct ledger *ledger)
{
	(void)ledger;
	settled++;
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

static struct settings settings = { .ledger.keep_count = 100 };
static const struct act_context context = { .settings = &settings };

static void go_on(void)
{
	given.work(given.arg);
	given.then(given.arg);
}

static void restore(struct migrations *all)
{
	settled = 0;
	migrations_restore(all);
	while (all->restoring)
		go_on();
}

static void test_meanwhile(struct migrations *all)
{
	read_here = settled = 0;
	migrations_restore(all);
	go_on();
	migrations_restore(all);
	go_on();
	ok(all->restoring && settled == 0, "a ledger is lost once more while receipts are put back: it is not settled then");
	while (all->restoring)
		go_on();
	ok(read_here == 2 && settled == 1, "... but when they were looked for once more: %d, %d", read_here, settled);
}

static void test_failed(struct migrations *all)
{
	write_result = -EEXIST;
	restore(all);
	ok(settled == 1, "what is there need not be written");
	write_result = -ENOSPC;
	restore(all);
	ok(settled == 0, "what is found, and cannot be written, is left to the next agent");
	migrations_settle(all);
	ok(settled == 0, "... whoever is through after that");
	write_result = 0;
	journal_result = -EIO;
	restore(all);
	ok(settled == 0, "so is a journal that cannot be read");
	journal_result = 0;
	restore(all);
	ok(settled == 1, "... until it is");
}

static void test_away(struct migrations *all)
{
	static int asking;

	peers_why = "hB: it does not answer";
	all->relearn = (struct relearn *)&asking;
	restore(all);
	ok(all->unrestored, "a peer that was away is asked for receipts again, once it was asked for what was under way");
	all->relearn = NULL;
	restore(all);
	ok(settled == 1, "... and then no more");
	peers_why = "";
}

static void test_end(struct migrations *all)
{
	read_there = 0;
	receipt.migration.side = CF_SOURCE;
	migrations_restore(all);
	go_on();
	ok(read_there == 0, "the journal is through, and peers are to be asked");
	memset(all, 0, sizeof(*all));
	given.work(given.arg);
	ok(read_there == 1 && asked == &context, "the thread that asks them needs no list of this agent's any more");
}

int main(void)
{
	struct migrations *all = calloc(1, sizeof(*all));

	if (!all)
		return 1;
	all->context = &context;
	settings_hold(&settings);	/* it is ours, whoever else lets go of it */
	receipt.migration.side = CF_DESTINATION;
	test_meanwhile(all);
	test_failed(all);
	test_away(all);
	test_end(all);

	free(all);
	return done();
}
