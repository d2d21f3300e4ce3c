/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the log is told of a migration that has ended. */

#include <inttypes.h>
#include <stdio.h>

#include "daemon/act/receipt.h"
#include "daemon/log.h"
#include "policy/outcome.h"
#include "proto/codec.h"
#include "proto/text.h"

#define NUMBER_ROOM 24

static const struct {
	int priority;
	const char *id;
} said[CF_N_OUTCOMES] = {
	[CF_OUTCOME_UNKNOWN]    = { LOG_WARNING, LOG_ID_MIGRATION_UNVERIFIED },
	[CF_OUTCOME_CLEAN]      = { LOG_NOTICE, LOG_ID_MIGRATION_CLEAN },
	[CF_OUTCOME_BREACHED]   = { LOG_WARNING, LOG_ID_MIGRATION_BREACHED },
	[CF_OUTCOME_UNVERIFIED] = { LOG_WARNING, LOG_ID_MIGRATION_UNVERIFIED },
	[CF_OUTCOME_REFUSED]    = { LOG_NOTICE, LOG_ID_MIGRATION_REFUSED },
	[CF_OUTCOME_ABORTED]    = { LOG_WARNING, LOG_ID_MIGRATION_ABORTED },
};

/* The figures that a rule may want to compare. */
struct figures {
	struct {
		char low[NUMBER_ROOM], high[NUMBER_ROOM];	/* ns; "" when it was not measured */
	} blackout, source_lost, residual;
};

static void spell(bool has, struct cf_interval i, char low[static NUMBER_ROOM], char high[static NUMBER_ROOM])
{
	if (!has)
		return;
	snprintf(low, NUMBER_ROOM, "%" PRId64, i.low.ns);
	snprintf(high, NUMBER_ROOM, "%" PRId64, i.high.ns);
}

static struct cf_interval residual_of(const struct cf_receipt *receipt)
{
	static const struct cf_interval none;

	return cf_figure_there(receipt, CF_FIGURE_RESIDUAL) ? *cf_landing_residual(cf_receipt_ran_on(receipt)) : none;
}

static struct figures figures_of(const struct cf_receipt *receipt)
{
	struct figures f = { 0 };

	spell(receipt->has_blackout, receipt->blackout, f.blackout.low, f.blackout.high);
	spell(receipt->has_source_lost, receipt->source_lost, f.source_lost.low, f.source_lost.high);
	spell(cf_figure_there(receipt, CF_FIGURE_RESIDUAL), residual_of(receipt), f.residual.low, f.residual.high);
	return f;
}

/* "; blackout +83.0 ms .. +86.0 ms, residual not measured", of the figures that such an end should have. */
static void say_figures(const struct cf_receipt *receipt, char *text, size_t room)
{
	const struct {
		enum cf_figure figure;
		const char *name;
		struct cf_interval measured;
	} rows[] = {
		{ CF_FIGURE_BLACKOUT, "blackout", receipt->blackout },
		{ CF_FIGURE_SOURCE_LOST, "it stood still for", receipt->source_lost },
		{ CF_FIGURE_RESIDUAL, "residual", residual_of(receipt) },
	};
	char measured[CF_INTERVAL_TEXT_ROOM];
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < CF_COUNT(rows); i++)
		if (cf_figure_due(receipt, rows[i].figure))
			n += snprintf(text + n, room - n, "%s%s %s", n ? ", " : "; ", rows[i].name,
				      cf_figure_there(receipt, rows[i].figure)
					      ? cf_interval_text(rows[i].measured, measured)
					      : "not measured");
}

void receipt_log(const struct cf_receipt *receipt)
{
	CF_AUTO(cf_free) char *json = cf_encode(&cf_receipt_shape, receipt, CF_MINOR);
	const struct cf_migration *m = &receipt->migration;
	const struct figures figures = figures_of(receipt);
	const struct log_field fields[] = {
		{ "CLOCKFERRY_SIDE", cf_side_words[m->side] },
		{ "CLOCKFERRY_OUTCOME", cf_outcome_words[m->outcome] },
		{ "CLOCKFERRY_REASON", m->reason },
		{ "CLOCKFERRY_UUID", m->uuid },
		{ "CLOCKFERRY_SOURCE", m->source },
		{ "CLOCKFERRY_DESTINATION", m->destination },
		{ "CLOCKFERRY_REQUESTER", m->requester.name },
		{ "CLOCKFERRY_BLACKOUT_LOW_NS", figures.blackout.low },
		{ "CLOCKFERRY_BLACKOUT_HIGH_NS", figures.blackout.high },
		{ "CLOCKFERRY_SOURCE_LOST_LOW_NS", figures.source_lost.low },
		{ "CLOCKFERRY_SOURCE_LOST_HIGH_NS", figures.source_lost.high },
		{ "CLOCKFERRY_RESIDUAL_LOW_NS", figures.residual.low },
		{ "CLOCKFERRY_RESIDUAL_HIGH_NS", figures.residual.high },
		{ "CLOCKFERRY_RECEIPT", json },
	};
	char measured[4 * CF_INTERVAL_TEXT_ROOM], over[32 + CF_SPAN_TEXT_ROOM] = "", limit[CF_SPAN_TEXT_ROOM];
	bool breached = cf_kept_breached(receipt);

	say_figures(receipt, measured, sizeof(measured));
	if (breached)
		snprintf(over, sizeof(over), ", beyond the limit of %s", cf_span_text(receipt->limits.max_blackout, limit));
	log_write(said[m->outcome].priority,
		  LOG_ABOUT(.id = breached ? LOG_ID_MIGRATION_BREACHED : said[m->outcome].id, .migration = m->id, .domain = m->domain,
			    .peer = m->side == CF_DESTINATION ? m->source : m->destination,
			    .fields = fields, .n_fields = CF_COUNT(fields)),
		  "migration of %s from %s to %s: %s%s%s%s%s", m->domain, m->source, m->destination,
		  cf_outcome_words[m->outcome], over, measured, *m->reason ? ": " : "", m->reason);
}
