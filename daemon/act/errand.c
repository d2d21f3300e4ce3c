/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/errand.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/migration.h"
#include "daemon/clock/kernel.h"
#include "daemon/ledger/ledger.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/peer/fleet.h"
#include "daemon/worker.h"

#define FIRST_WAIT    ((cf_span){ 2 * CF_S })
#define KNOWN_AFTER   ((cf_span){ 30 * CF_S })
#define LONGEST_WAIT  ((cf_span){ 300 * CF_S })
#define PATIENCE      ((cf_span){ 10 * CF_S })
#define DISK_PATIENCE ((cf_span){ 5 * CF_S })

struct errand {
	struct errand *next;
	struct migrations *all;		/* the loop's: may be gone before the thread is */
	char id[CF_UUID_ROOM];
	cf_span wait;
	bool unknown;			/* there, since: */
	cf_mono unknown_since;
	struct sd_event_source *timer;	/* NULL: it is on its way */

	/* between the loop and the thread */
	const struct act_context *context;
	struct ledger_row *row;		/* as it was brought */
	int result;
	struct cf_error err;
};

/* What the destination does not know by then it never will; and a row that is gone has no receipt. */
static bool is_in_vain(struct errand *errand)
{
	if (!errand_is_worth(&errand->err))
		return true;
	if (errand->err.code != CF_NOT_FOUND) {
		errand->unknown = false;
		return false;
	}
	if (!errand->row)
		return true;
	if (!errand->unknown) {
		errand->unknown = true;
		errand->unknown_since = kernel_raw();
		errand->wait = FIRST_WAIT;
	}
	return cf_span_cmp(cf_mono_since(kernel_raw(), errand->unknown_since), KNOWN_AFTER) >= 0;
}

/* What cannot be read of a row is zeroed: there is nothing to bring, and what is left of it must not be written over. */
static bool is_spoilt(const struct errand *errand)
{
	return errand->row && *errand->row->fault;
}

/* On the thread. */
static void bring(void *userdata)
{
	struct errand *errand = userdata;
	const struct act_context *context = errand->context;
	const char *segments[] = { errand->id };
	CF_AUTO(call_free) struct call *call = NULL;
	struct cf_accepted accepted;
	struct cf_closing *closing;

	errand->err = (struct cf_error){ 0 };
	errand->result = ledger_find(context->ledger, errand->id, &errand->row, &errand->err);
	if (is_spoilt(errand))
		return;
	if (errand->result == 0)
		errand->result = fleet_call(context->fleet, errand->row->line.view.destination, &call, &errand->err);
	if (errand->result < 0)
		return;

	closing = malloc(sizeof(*closing));
	if (!closing)
		abort();
	closing->receipt = errand->row->line.receipt;
	errand->result = call_do(call, CF_ROUTE_CLOSE, segments, NULL, closing, &accepted, PATIENCE, NULL, &errand->err);
	free(closing);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata);

/* Again, later and later. */
static void wait_for(struct errand *errand)
{
	sd_event_add_time_relative(loop_sd(errand->all->context->loop), &errand->timer, CLOCK_MONOTONIC,
				   (uint64_t)(errand->wait.ns / CF_US), 0, on_time, errand);
	errand->wait = cf_span_min(cf_span_add(errand->wait, errand->wait), LONGEST_WAIT);
}

static void drop(struct errand *errand)
{
	struct errand **at = &errand->all->errands;

	while (*at != errand)
		at = &(*at)->next;
	*at = errand->next;
	sd_event_source_disable_unref(errand->timer);
	free(errand->row);
	free(errand);
}

/* Nothing is owed any more: the ledger says so, and that is all that is left of it. */
static void settle(struct errand *errand)
{
	struct ledger_line *line = errand->row ? malloc(sizeof(*line)) : NULL;

	if (line) {
		*line = errand->row->line;
		line->owed = false;
		ledger_write(errand->all->context->ledger, line, DISK_PATIENCE, NULL, NULL);
	}
	drop(errand);
}

static void brought(void *userdata)
{
	struct errand *errand = userdata;

	if (is_spoilt(errand)) {
		log_error_about(LOG_ABOUT(.migration = errand->id), "migration %s: the destination is owed a receipt that cannot be read: %s",
				errand->id, errand->row->fault);
		drop(errand);
		return;
	}
	if (errand->result < 0 && !is_in_vain(errand)) {
		free(CF_TAKE(errand->row));
		wait_for(errand);
		return;
	}
	if (errand->result == 0)
		log_info_about(LOG_ABOUT(.migration = errand->id), "migration %s: the destination has the receipt now",
			       errand->id);
	else
		log_notice_about(LOG_ABOUT(.migration = errand->id), "migration %s: the destination does not take the receipt: %s",
				 errand->id, errand->err.text);
	settle(errand);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct errand *errand = userdata;

	(void)source, (void)usec;
	errand->timer = sd_event_source_unref(errand->timer);
	if (worker_run(errand->all->context->loop, bring, brought, errand, NULL) < 0)
		wait_for(errand);
	return 0;
}

void errand_add(struct migrations *all, const char *id)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return;		/* the ledger still says that it is owed: at the next start */
	errand->all = all;
	errand->context = all->context;
	snprintf(errand->id, sizeof(errand->id), "%s", id);
	errand->wait = FIRST_WAIT;
	errand->next = all->errands;
	all->errands = errand;
	wait_for(errand);
}

void migrations_bring(struct migrations *all)
{
	for (struct errand *errand = all->errands; errand; errand = errand->next) {
		errand->wait = FIRST_WAIT;
		if (errand->timer)
			sd_event_source_set_time_relative(errand->timer, 0);
	}
}

void errands_clear(struct migrations *all)
{
	struct errand *next;

	for (struct errand *errand = all->errands; errand; errand = next) {
		next = errand->next;
		if (errand->timer)
			drop(errand);
	}
}
