/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/outcome.h"

#include "policy/words.h"
#include "proto/text.h"

static void say(char reason[static CF_DETAIL_ROOM], const char *what, struct cf_interval measured, cf_span limit)
{
	char interval[CF_INTERVAL_TEXT_ROOM], span[CF_SPAN_TEXT_ROOM];

	words_set(reason, CF_DETAIL_ROOM, what);
	words_add(reason, CF_DETAIL_ROOM, cf_interval_text(measured, interval));
	words_add(reason, CF_DETAIL_ROOM, ", the limit is ");
	words_add(reason, CF_DETAIL_ROOM, cf_span_text(limit, span));
}

enum cf_outcome cf_outcome_judge(const struct cf_receipt *receipt, const struct cf_limits *limits,
				 char reason[static CF_DETAIL_ROOM])
{
	const struct cf_landing *landing = &receipt->landing;
	const struct cf_interval *left;

	if (receipt->has_landing && landing->torn) {
		words_set(reason, CF_DETAIL_ROOM, "post-copy failed: the guest lacks memory that was still at the source");
		return CF_OUTCOME_UNVERIFIED;
	}
	if (receipt->has_blackout && cf_span_cmp(receipt->blackout.high, limits->max_blackout) > 0) {
		say(reason, "the blackout was ", receipt->blackout, limits->max_blackout);
		return CF_OUTCOME_BREACHED;
	}

	left = receipt->has_landing ? cf_landing_residual(landing) : NULL;
	if (left && cf_span_cmp(cf_interval_far(*left), limits->max_residual) > 0) {
		say(reason, "the guest's clock is still off by ", *left, limits->max_residual);
		return CF_OUTCOME_BREACHED;
	}
	if (!receipt->has_blackout || !left) {
		words_set(reason, CF_DETAIL_ROOM, receipt->has_blackout ? "the guest's clock"
						  : left ? "the blackout" : "blackout and guest clock");
		words_add(reason, CF_DETAIL_ROOM, " could not be measured");
		return CF_OUTCOME_UNVERIFIED;
	}

	*reason = '\0';
	return CF_OUTCOME_CLEAN;
}

bool cf_kept_breached(const struct cf_receipt *receipt)
{
	return receipt->migration.outcome == CF_OUTCOME_ABORTED && receipt->has_source_lost &&
	       receipt->limits.max_blackout.ns > 0 &&
	       cf_span_cmp(receipt->source_lost.high, receipt->limits.max_blackout) > 0;
}
