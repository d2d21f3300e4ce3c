/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger that was begun anew: the receipts which it has lost are in the journal, as
 * this agent wrote them there, and are put back, each where it belongs by its time.
 * A thread reads them, some at a time; the loop waits for nothing.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/migration.h"
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
	struct migrations *all;
	struct journal_reading reading;
	int64_t room;				/* for so many more */
	int64_t put_back, known, strange;

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

static void take(void *userdata, const char *json, size_t size)
{
	struct restore *restore = userdata;
	CF_AUTO(cf_free) struct ledger_line *line = calloc(1, sizeof(*line));
	const struct cf_migration *m;

	if (!line)
		return;
	m = &line->receipt.migration;
	if (cf_decode(&cf_receipt_shape, CF_TOLERANT, json, size, &line->receipt, NULL) < 0 || !is_whole(m)) {
		restore->n_strange++;
		return;
	}
	line->view = *m;
	line->at = m->has_ended ? m->ended : m->started;
	snprintf(line->peer, sizeof(line->peer), "%s", m->side == CF_SOURCE ? m->destination : m->source);
	line->ended = line->found = true;
	line->entry.has_landing = m->side == CF_DESTINATION && line->receipt.has_landing;
	line->entry.landing = line->receipt.landing;
	restore->lines[restore->n_lines++] = CF_TAKE(line);
}

static void read_some(void *userdata)
{
	struct restore *restore = userdata;
	int n = restore->room < AT_ONCE ? (int)restore->room : AT_ONCE;

	restore->n_lines = restore->n_strange = 0;
	restore->result = journal_receipts(&restore->reading, n, take, restore, &restore->err);
}

/* --- on the loop --- */

static void end(struct restore *restore)
{
	struct migrations *all = restore->all;
	char note[CF_DETAIL_ROOM];

	if (restore->result < 0)
		log_warning("the journal was not searched to its end for lost receipts: %s", restore->err.text);
	if (restore->strange > 0)
		log_warning("the journal has %lld receipts that cannot be understood", (long long)restore->strange);
	if (restore->put_back > 0) {
		snprintf(note, sizeof(note), "%lld receipts were taken from the journal", (long long)restore->put_back);
		log_notice("%s; %lld of those there were known", note, (long long)restore->known);
		ledger_note(all->context->ledger, note);
	}
	free(restore->reading.cursor);
	free(restore);
	all->restoring = false;
}

static void go_on(struct restore *restore)
{
	bool more = restore->result == AT_ONCE && restore->room > 0;

	if (!more || worker_run(restore->all->context->loop, read_some, write_some, restore, &restore->err) < 0) {
		restore->result = more ? -EBUSY : restore->result;
		end(restore);
	}
}

static void written(void *arg, int result, const struct cf_error *err)
{
	struct restore *restore = arg;

	(void)err;
	restore->put_back += result == 0;
	restore->known += result == -EEXIST;
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

	if (!restore)
		return;
	all->restoring = true;
	restore->all = all;
	restore->room = settings->ledger.keep_count;
	restore->reading.since = cf_real_add(kernel_instant().real, (cf_span){ -settings->ledger.keep_for.ns });
	restore->result = AT_ONCE;
	go_on(restore);
}
