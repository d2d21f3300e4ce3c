/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is asked of a migration that is not at hand: it has ended, and the ledger
 * has it.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/receipt.h"
#include "daemon/http/api.h"
#include "daemon/ledger/ledger.h"

#define DISK_PATIENCE ((cf_span){ 5 * CF_S })

/* --- as the ledger has it, on a thread --- */

static int take_view(struct api_job *job, const struct ledger_row *row)
{
	*(struct cf_migration *)job->reply = row->line.view;
	return 0;
}

static int fail_between_others(struct api_job *job)
{
	return cf_fail(&job->err, EACCES, CF_FORBIDDEN, "migration %.64s is one between other hosts", job->subject);
}

static int take_receipt(struct api_job *job, const struct ledger_row *row)
{
	if (!api_sees_all(job->caller) && !host_names_have(&job->caller->hosts, row->line.peer))
		return fail_between_others(job);
	if (*row->fault)
		return cf_fail(&job->err, EIO, CF_HOST, "%s", row->fault);
	if (!row->line.ended)
		return cf_fail(&job->err, EAGAIN, CF_CONFLICT, "the migration has not ended yet");

	*(struct cf_receipt *)job->reply = row->line.receipt;
	return 0;
}

static int has_ended(struct api_job *job, const struct ledger_row *row)
{
	return cf_fail(&job->err, EALREADY, CF_CONFLICT, "the migration has ended: %s",
		       cf_phase_words[row->line.view.phase]);
}

/* Of what came in, only the host that reserved it may speak. */
static int check_peer(struct api_job *job, const struct ledger_row *row)
{
	if (row->line.view.side != CF_DESTINATION)
		return cf_fail(&job->err, ENOENT, CF_NOT_FOUND, "nothing was reserved for migration %.64s", job->subject);
	if (!host_names_have(&job->caller->hosts, row->line.peer))
		return cf_fail(&job->err, EACCES, CF_FORBIDDEN, "migration %.64s was reserved by another host", job->subject);
	return 0;
}

static int take_landing(struct api_job *job, const struct ledger_row *row)
{
	struct cf_landing *landing = job->reply;
	int r = check_peer(job, row);

	if (r < 0)
		return r;
	*landing = row->line.entry.landing;
	landing->phase = row->line.view.phase;
	if (landing->lever == CF_LEVER_UNKNOWN)		/* the row's entry could not be read */
		landing->lever = CF_LEVER_NONE;
	return 0;
}

/* The ledger has it of each phase.  Once both have the receipt neither needs anything of this any more, and it is not kept. */
static int take_said(struct api_job *job, const struct ledger_row *row)
{
	const struct cf_entry *entry = &row->line.entry;
	struct cf_said *said = job->reply;

	if (!host_names_have(&job->caller->hosts, row->line.peer))
		return fail_between_others(job);
	if (!entry->has_reservation || !entry->has_lease)
		return cf_fail(&job->err, ENOENT, CF_NOT_FOUND, "nothing is kept of what was said of migration %.64s", job->subject);
	said->reservation = entry->reservation;
	said->lease = entry->lease;
	said->has_record = entry->has_record;
	said->record = entry->record;
	return 0;
}

static int take_record(struct api_job *job, const struct ledger_row *row)
{
	int r = check_peer(job, row);

	return r < 0 ? r : has_ended(job, row);
}

/* A commit that comes late: what became of it is known. */
static int take_word(struct api_job *job, const struct ledger_row *row)
{
	const struct cf_landing *landing = &row->line.entry.landing;
	struct cf_answer *answer = job->reply;
	int r = check_peer(job, row);

	if (r < 0)
		return r;
	answer->word = landing->has_word ? landing->word : CF_WORD_UNKNOWN;
	snprintf(answer->reason, sizeof(answer->reason), "it has ended here: %.200s", row->line.view.reason);
	return 0;
}

/* The source's receipt comes late. */
struct late {
	struct http_exchange *x;
	cf_real had_ended;
	struct ledger_line line;
};

/* It is the whole one all the same. */
static int take_closing(struct api_job *job, const struct ledger_row *row)
{
	const struct cf_closing *closing = job->body;
	const struct cf_migration *last = &closing->receipt.migration;
	struct late *late = job->reply;
	struct ledger_line *line = &late->line;
	int r = check_peer(job, row);

	if (r < 0)
		return r;
	*line = row->line;
	line->ended = true;
	line->receipt = closing->receipt;
	line->receipt.migration.side = CF_DESTINATION;
	late->had_ended = row->line.receipt.migration.ended;
	line->entry.has_reservation = line->entry.has_lease = line->entry.has_record = false;
	line->view.has_outcome = last->has_outcome;
	line->view.outcome = last->outcome;
	memcpy(line->view.reason, last->reason, sizeof(line->view.reason));
	return 0;
}

/* --- on the loop --- */

/* What the disk has not had yet it may have still, and then it is not late any more: it is logged now, or never. */
static void on_kept(void *arg, int result, const struct cf_error *err)
{
	CF_AUTO(cf_free) struct late *late = arg;
	const struct cf_accepted accepted = { .accepted = true };

	if (result == 0 || result == -ETIMEDOUT)
		receipt_log_late(&late->line.receipt, late->had_ended);
	if (result < 0)
		http_fail(late->x, err);
	else
		http_reply(late->x, &accepted);
}

static void keep_closing(struct api_job *job)
{
	struct ledger_line *line = malloc(sizeof(*line));
	struct late *late;

	if (!line) {
		api_no_memory(job->x);
		return;
	}
	late = CF_TAKE(job->reply);
	late->x = job->x;
	*line = late->line;
	ledger_write(job->api->context->ledger, line, DISK_PATIENCE, on_kept, late);
}

/* --- which of them --- */

static const struct {
	size_t size;		/* of the reply */
	int (*take)(struct api_job *job, const struct ledger_row *row);
	void (*finish)(struct api_job *job);
} asked[CF_N_ROUTES] = {
	[CF_ROUTE_MIGRATION] = { sizeof(struct cf_migration), take_view },
	[CF_ROUTE_RECEIPT]   = { sizeof(struct cf_receipt), take_receipt },
	[CF_ROUTE_ABORT]     = { sizeof(struct cf_migration), has_ended },
	[CF_ROUTE_LANDING]   = { sizeof(struct cf_landing), take_landing },
	[CF_ROUTE_SAID]      = { sizeof(struct cf_said), take_said },
	[CF_ROUTE_RESOLVE]   = { sizeof(struct cf_migration), has_ended },
	[CF_ROUTE_PREPARE]   = { sizeof(struct cf_prepared), take_record },
	[CF_ROUTE_COMMIT]    = { sizeof(struct cf_answer), take_word },
	[CF_ROUTE_RECORD]    = { sizeof(struct cf_accepted), take_record },
	[CF_ROUTE_COUNTERS]  = { sizeof(struct cf_accepted), take_record },
	[CF_ROUTE_CLOSE]     = { sizeof(struct late), take_closing, keep_closing },
};

static int look(struct api_job *job)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	int r = ledger_find(job->api->context->ledger, job->subject, &row, &job->err);

	return r < 0 ? r : asked[job->route].take(job, row);
}

void api_past(void *userdata, struct http_exchange *x)
{
	enum cf_route_id route = http_route(x);

	api_work(userdata, x, asked[route].size, look, asked[route].finish);
}
