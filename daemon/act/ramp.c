/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/ramp.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/ledger/ledger.h"
#include "daemon/peer/fleet.h"

#define HELD_BACK ((cf_span){ CF_MS })
#define PAST      16	/* migrations of the pair, both ways: twice what the fleet remembers */

/* As the receipt has it. */
static void learn(struct fleet *fleet, const char *destination, const struct cf_receipt *receipt)
{
	const struct cf_ramp_past past = {
		.above = receipt->ramp.above,
		.mishap = cf_span_cmp(receipt->blackout.high, receipt->limits.max_blackout) > 0,
		.at = receipt->stop.real,
	};

	fleet_learn(fleet, destination, &past);
}

/* An agent that was restarted has forgotten what the pair needed; its receipts have not. */
static void recall(struct work *work, const char *destination)
{
	struct host_names there = { 0 };
	const struct ledger_query query = { .phase = cf_phase_words[CF_PHASE_DONE], .peers = &there, .limit = PAST };
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));

	host_names_add(&there, destination);
	if (!page || ledger_list(work->context->ledger, &query, page, NULL) < 0)
		return;
	for (size_t i = page->migrations.n_list; i-- > 0;) {
		CF_AUTO(cf_free) struct ledger_row *row = NULL;
		const struct cf_receipt *receipt;

		if (page->migrations.list[i].side != CF_SOURCE ||
		    ledger_find(work->context->ledger, page->migrations.list[i].id, &row, NULL) < 0)
			continue;
		receipt = &row->line.receipt;
		if (receipt->has_ramp && receipt->ramp.has_above)
			learn(work->context->fleet, destination, receipt);
	}
}

cf_span ramp_first(const struct settings *settings, const struct cf_guest_clock *guest)
{
	return cf_ramp_first(settings->copy.max_downtime, strcmp(guest->type, "kvm") != 0);
}

void ramp_begin(struct work *work)
{
	const char *destination = work->reservation.destination;
	struct fleet *fleet = work->context->fleet;
	cf_span above = { 0 };
	bool known;

	known = fleet_overhead(fleet, destination, &above);
	if (!known) {
		recall(work, destination);
		known = fleet_overhead(fleet, destination, &above);
	}
	work->ramp_rules = cf_ramp_rules(ramp_first(work->settings, &work->record->guest), work->limits.limits.max_blackout,
					 known, above);
	cf_ramp_begin(&work->ramp, &work->ramp_rules);
}

cf_span ramp_target(const struct work *work)
{
	return work->ramp.target;
}

/* QEMU hears of it from the looker; the watchdog before, as more may be left from then on. */
static void aim(struct work *work)
{
	ward_aims(work, work->ramp.target);
	if (work->looker)
		looker_aim(work->looker, work->held_back ? HELD_BACK : work->ramp.target);
}

/* Passes count while QEMU aims at the target, and not at what it was told before, or is held back. */
static bool is_measure(const struct work *work)
{
	struct looker_news news;

	if (work->held_back || !work->looker)
		return false;
	looker_read(work->looker, &news);
	return cf_span_cmp(news.aims_at, work->ramp.target) == 0;
}

void ramp_look(struct work *work, int64_t pass)
{
	if (!is_measure(work))
		cf_ramp_skip(&work->ramp);
	else if (pass > 0)
		cf_ramp_pass(&work->ramp, &work->ramp_rules, pass, kernel_raw());
	aim(work);
}

void ramp_hold(struct work *work, bool hold)
{
	work->held_back = hold;
	aim(work);
}

void ramp_learn(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;
	struct cf_ramp_used *used = &receipt->ramp;
	const struct cf_ramp *ramp = &work->ramp;
	struct cf_migration shown;

	if (ramp->target.ns == 0)	/* an agent that died had it */
		return;
	receipt->has_ramp = true;
	*used = (struct cf_ramp_used){ .first = work->ramp_rules.first, .most = work->ramp_rules.most,
				       .last = ramp->target, .raises = ramp->raises };
	if (!receipt->has_blackout)
		return;
	used->has_above = true;
	used->above = cf_ramp_above(ramp, &work->ramp_rules, &(struct cf_ramp_end){
		.blackout = receipt->blackout.high,
		.has_expected = work->has_expected_downtime,
		.expected = work->expected_downtime,
		.has_so_far = receipt->has_gated && receipt->gated.has_so_far,
		.so_far = receipt->gated.so_far,
	});
	learn(work->context->fleet, work->reservation.destination, receipt);
	work_shown(work, &shown);
	used->has_error = shown.has_progress && shown.progress.has_predicted_blackout;
	if (used->has_error)
		used->error = cf_interval_shift(receipt->blackout, cf_span_neg(shown.progress.predicted_blackout));
}
