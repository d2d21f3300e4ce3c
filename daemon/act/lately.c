/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/lately.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/ledger/ledger.h"

#define LATELY ((cf_span){ 3600 * CF_S })

/* Its newest attempt from here that ended as one that was aborted. */
static bool find_newest(const struct act_context *context, const char *uuid, struct cf_migration *ret)
{
	const struct ledger_query query = { .phase = cf_phase_words[CF_PHASE_ABORTED], .only_ended = true, .domain = uuid,
					    .limit = 1 };
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));
	bool found = page && ledger_list(context->ledger, &query, page, NULL) == 0 && page->migrations.n_list > 0;

	if (found)
		*ret = page->migrations.list[0];
	return found;
}

/* An attempt that was called off earlier cost the guest nothing. */
static bool stood_still(const struct act_context *context, const char *id)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	const struct cf_receipt *receipt;

	if (ledger_find(context->ledger, id, &row, NULL) < 0)
		return false;
	receipt = &row->line.receipt;
	return receipt->has_source_lost || (receipt->has_gated && !receipt->gated.committed);
}

void lately_rolled_back(const struct act_context *context, const char *uuid, char ret[static CF_DETAIL_ROOM])
{
	struct cf_migration last;

	ret[0] = '\0';
	if (!find_newest(context, uuid, &last) || last.side != CF_SOURCE || !last.has_ended ||
	    cf_span_cmp(cf_span_abs(cf_real_since(kernel_instant().real, last.ended)), LATELY) > 0 ||
	    !stood_still(context, last.id))
		return;
	snprintf(ret, CF_DETAIL_ROOM, "%s", *last.reason ? last.reason : "its receipt does not say why");
}
