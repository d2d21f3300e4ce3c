/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/lately.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/ledger/ledger.h"

#define LATELY ((cf_span){ 3600 * CF_S })

#define PAGES  10

static bool is_recent(const struct cf_migration *attempt, cf_real now)
{
	return attempt->side == CF_SOURCE && attempt->has_ended &&
	       cf_span_cmp(cf_span_abs(cf_real_since(now, attempt->ended)), LATELY) <= 0;
}

/* An attempt that was called off earlier cost the guest nothing. */
static bool counts(const struct act_context *context, const char *id)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	const struct cf_receipt *receipt;

	if (ledger_find(context->ledger, id, &row, NULL) < 0)
		return false;
	receipt = &row->line.receipt;
	return receipt->has_source_lost || receipt->has_cut_late || (receipt->has_gated && !receipt->gated.committed);
}

/* The newest of them that counts; *any: some are of the last hour. */
static const struct cf_migration *find(const struct act_context *context, const struct cf_migrations *attempts, bool *any)
{
	cf_real now = kernel_instant().real;

	*any = false;
	for (size_t i = 0; i < attempts->n_list; i++) {
		const struct cf_migration *attempt = &attempts->list[i];

		if (!is_recent(attempt, now))
			continue;
		*any = true;
		if (counts(context, attempt->id))
			return attempt;
	}
	return NULL;
}

void lately_rolled_back(const struct act_context *context, const char *uuid, char ret[static CF_DETAIL_ROOM])
{
	struct ledger_query query = { .phase = cf_phase_words[CF_PHASE_ABORTED], .only_ended = true, .domain = uuid };
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));
	bool any = page != NULL;

	ret[0] = '\0';
	for (int n = 0; any && n < PAGES; n++) {
		const struct cf_migration *found;

		if (ledger_list(context->ledger, &query, page, NULL) < 0)
			return;
		found = find(context, &page->migrations, &any);
		if (found) {
			snprintf(ret, CF_DETAIL_ROOM, "%s", *found->reason ? found->reason : "its receipt does not say why");
			return;
		}
		if (!page->more)
			return;
		query.before = page->numbers[page->migrations.n_list - 1];
	}
}
