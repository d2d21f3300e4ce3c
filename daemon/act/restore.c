/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger that was begun anew: the receipts which it has lost are in the journal, as
 * this agent wrote them there, and those of migrations are with the other host, too.  They
 * are put back, each where it belongs by its time.  A thread reads them, some at a
 * time; the loop waits for nothing.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/act/migration.h"
#include "daemon/act/restore-peers.h"
#include "daemon/clock/kernel.h"
#include "daemon/journal.h"
#include "daemon/ledger/ledger.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/worker.h"
#include "policy/phase.h"
#include "proto/codec.h"

#define AT_ONCE       8
#define DISK_PATIENCE ((cf_span){ 30 * CF_S })

struct restore {
	struct migrations *all;			/* the loop's: may be gone before the thread is */
	const struct act_context *context;
	struct settings *settings;		/* as they were when it began */
	bool from_peers;			/* the journal has been read */
	struct journal_reading journal;
	struct peers_reading peers;
	int64_t room;				/* for so many more */
	int64_t put_back[2], known, strange;	/* from the journal, from peers */
	int64_t unwritten;
	bool failed;				/* it was not searched to the end here */

	/* between the loop and the thread */
	struct ledger_line *lines[AT_ONCE];
	int n_lines, n_strange;
	int result;				/* how many entries there were */
	struct cf_error err;

	int waiting;				/* lines whose answer has not come yet */
};

static void read_some(void *userdata);
static void write_some(void *userdata);

/* --- on the thread --- */

static bool is_whole(const struct cf_migration *m)
{
	return cf_is_uuid(m->id) && m->side != CF_SIDE_UNKNOWN && cf_phase_is_end(m->phase);
}

/* Takes the line over, which has a receipt so far. */
static void keep(struct restore *restore, struct ledger_line *line)
{
	const struct cf_migration *m = &line->receipt.migration;

	line->view = *m;
	line->at = m->has_ended ? m->ended : m->started;
	snprintf(line->peer, sizeof(line->peer), "%s", m->side == CF_SOURCE ? m->destination : m->source);
	line->ended = line->found = true;
	line->entry.has_landing = m->side == CF_DESTINATION && line->receipt.has_landing;
	line->entry.landing = line->receipt.landing;
	restore->lines[restore->n_lines++] = line;
}

static void take_json(void *userdata, const char *json, size_t size)
{
	struct restore *restore = userdata;
	CF_AUTO(cf_free) struct ledger_line *line = calloc(1, sizeof(*line));

	if (!line)
		return;
	if (cf_decode(&cf_receipt_shape, CF_TOLERANT, json, size, &line->receipt, NULL) < 0 ||
	    !is_whole(&line->receipt.migration))
		restore->n_strange++;
	else
		keep(restore, CF_TAKE(line));
}

static void take_receipt(void *userdata, const struct cf_receipt *receipt)
{
	struct restore *restore = userdata;
	CF_AUTO(cf_free) struct ledger_line *line = calloc(1, sizeof(*line));

	if (!line)
		return;
	line->receipt = *receipt;
	if (receipt->migration.side == CF_SOURCE && gated_unsettled(restore->context, receipt->migration.id))
		return;		/* it has ended there alone: what becomes of it here is relearn.c's */
	if (is_whole(&receipt->migration))
		keep(restore, CF_TAKE(line));
	else
		restore->n_strange++;
}

static void read_some(void *userdata)
{
	struct restore *restore = userdata;
	int n = restore->room < AT_ONCE ? (int)restore->room : AT_ONCE;

	restore->n_lines = restore->n_strange = 0;
	if (restore->from_peers)
		restore->result = peers_receipts(&restore->peers, n, take_receipt, restore);
	else
		restore->result = journal_receipts(&restore->journal, n, take_json, restore, &restore->err);
}

/* --- on the loop --- */

static void tell(const struct restore *restore)
{
	long long journal = restore->put_back[false], peers = restore->put_back[true];
	char note[CF_DETAIL_ROOM];

	if (restore->strange > 0)
		log_warning("%lld receipts that were found cannot be understood", (long long)restore->strange);
	if (restore->peers.foreign > 0)
		log_notice("%lld migrations that peers told of were not between them and this host, by any name of its certificate",
			   (long long)restore->peers.foreign);
	if (restore->unwritten > 0)
		log_warning("%lld receipts that were found could not be written", (long long)restore->unwritten);
	if (*restore->peers.why)
		log_warning("not all peers were asked for lost receipts: %s", restore->peers.why);
	if (journal + peers == 0)
		return;
	snprintf(note, sizeof(note), "%lld receipts were taken from the journal, %lld from peers", journal, peers);
	log_notice("%s; %lld of those there were known", note, (long long)restore->known);
	ledger_note(restore->all->context->ledger, note);
}

/* While relearn.c asks the peers again, one that was away is worth another search; after that it is not waited for. */
static bool is_whole_search(const struct restore *restore)
{
	return !restore->failed && restore->unwritten == 0 && !(*restore->peers.why && restore->all->relearn);
}

/* Both of what a ledger that was begun is restored by are through. */
void migrations_settle(struct migrations *all)
{
	if (!all->restoring && !all->unrestored && !all->relearn)
		ledger_settled(all->context->ledger);
}

static void end(struct restore *restore)
{
	struct migrations *all = restore->all;

	tell(restore);
	all->restoring = false;
	all->unrestored = !is_whole_search(restore);
	peers_reading_end(&restore->peers);
	settings_free(restore->settings);
	free(restore->journal.cursor);
	free(restore);
	if (all->restore_again)
		migrations_restore(all);
	else
		migrations_settle(all);
}

static void go_on(struct restore *restore)
{
	bool more = restore->result == AT_ONCE && restore->room > 0;
	struct cf_error err = { 0 };

	if (restore->result < 0) {
		log_warning("the journal was not searched to its end for lost receipts: %s", restore->err.text);
		restore->failed = true;
	}
	if (!more && !restore->from_peers)
		more = restore->from_peers = true;
	if (more && worker_run(restore->all->context->loop, read_some, write_some, restore, &err) == 0)
		return;
	if (more) {
		log_warning("lost receipts were not searched for to the end: %s", err.text);
		restore->failed = true;
	}
	end(restore);
}

static void written(void *arg, int result, const struct cf_error *err)
{
	struct restore *restore = arg;

	(void)err;
	restore->put_back[restore->from_peers] += result == 0;
	restore->known += result == -EEXIST;
	restore->unwritten += result != 0 && result != -EEXIST;
	if (--restore->waiting == 0)
		go_on(restore);
}

static void write_some(void *userdata)
{
	struct restore *restore = userdata;
	int n = restore->n_lines;

	restore->room -= restore->result > 0 ? restore->result : 0;
	restore->strange += restore->n_strange;
	restore->waiting = n;
	for (int i = 0; i < n; i++)
		ledger_write(restore->all->context->ledger, restore->lines[i], DISK_PATIENCE, written, restore);
	if (n == 0)
		go_on(restore);
}

void migrations_restore(struct migrations *all)
{
	const struct settings *settings = all->context->settings;
	struct restore *restore = all->restoring ? NULL : calloc(1, sizeof(*restore));

	all->restore_again = all->restoring;
	if (!restore) {
		all->unrestored = true;
		return;
	}
	all->restoring = true;
	restore->all = all;
	restore->context = all->context;
	restore->room = settings->ledger.keep_count;
	restore->settings = settings_hold(all->context->settings);
	restore->journal.since = cf_real_add(kernel_instant().real, (cf_span){ -settings->ledger.keep_for.ns });
	restore->peers = (struct peers_reading){
		.fleet = all->context->fleet,
		.settings = restore->settings,
		.since = restore->journal.since,
	};
	restore->result = AT_ONCE;
	go_on(restore);
}
