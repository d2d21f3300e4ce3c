/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is missing in a receipt, and why. */

#include <stdio.h>
#include <string.h>

#include "daemon/act/receipt.h"
#include "proto/figure.h"
#include "tests/receipt-made.h"
#include "tests/tap.h"

/* Names that part a line in one way only. */
static void test_names(void)
{
	char line[CF_DETAIL_ROOM];
	bool found = true;

	for (int figure = CF_FIGURE_OTHER + 1; figure < CF_N_FIGURES; figure++) {
		snprintf(line, sizeof(line), "%s: lag: it is late", cf_figure_words[figure]);
		found = found && cf_figure_of(line) == (enum cf_figure)figure;
	}
	ok(found, "each figure's line is known by its name");
	ok(cf_figure_of("blackouts: many") == CF_FIGURE_OTHER && cf_figure_of("lag") == CF_FIGURE_OTHER &&
	   cf_figure_of("") == CF_FIGURE_OTHER, "and no other line is taken for one");
}

static const struct {
	const char *sentence;
	enum cf_side side;
	enum cf_outcome outcome;
	bool has_stop, checked;
} ends[] = {
	{ "clean",                     CF_SOURCE,      CF_OUTCOME_CLEAN,      true,  true },
	{ "breached",                  CF_SOURCE,      CF_OUTCOME_BREACHED,   true,  true },
	{ "unverified, STOP not seen", CF_SOURCE,      CF_OUTCOME_UNVERIFIED, false, true },
	{ "refused",                   CF_SOURCE,      CF_OUTCOME_REFUSED,    false, true },
	{ "aborted before the check",  CF_SOURCE,      CF_OUTCOME_ABORTED,    false, false },
	{ "aborted in the copy",       CF_SOURCE,      CF_OUTCOME_ABORTED,    false, true },
	{ "aborted after STOP",        CF_SOURCE,      CF_OUTCOME_ABORTED,    true,  true },
	{ "unverified, by itself",     CF_DESTINATION, CF_OUTCOME_UNVERIFIED, false, true },
	{ "aborted, by itself",        CF_DESTINATION, CF_OUTCOME_ABORTED,    false, true },
};

/* Of the figures, those of the set bits were measured. */
static void measure(struct cf_receipt *receipt, unsigned set)
{
	bool *const has[CF_N_FIGURES] = {
		[CF_FIGURE_SOURCE_CLOCK] = &receipt->has_source_report,
		[CF_FIGURE_DESTINATION_CLOCK] = &receipt->has_destination_report,
		[CF_FIGURE_OFFSET_BEFORE] = &receipt->has_offset_before,
		[CF_FIGURE_OFFSET_DURING] = &receipt->has_offset_during,
		[CF_FIGURE_OFFSET_AFTER] = &receipt->has_offset_after,
		[CF_FIGURE_BYTES] = &receipt->has_bytes,
		[CF_FIGURE_BLACKOUT] = &receipt->has_blackout,
		[CF_FIGURE_LIBVIRT_DOWNTIME] = &receipt->has_libvirt_downtime,
		[CF_FIGURE_SOURCE_LOST] = &receipt->has_source_lost,
		[CF_FIGURE_GUEST_BEFORE] = &receipt->has_guest_offset_before,
		[CF_FIGURE_PREDICTED_LAG] = &receipt->has_predicted_lag,
		[CF_FIGURE_LAG] = &receipt->landing.has_lag,
	};

	for (int i = 0; i < CF_N_FIGURES; i++)
		if (has[i])
			*has[i] = set & 1U << i;
	receipt->landing.n_residuals = set & 1U << CF_FIGURE_RESIDUAL ? 1 : 0;
	receipt->has_landing = set & 1;
	receipt->has_vmclock = true;	/* the last of the figures is in no set of its own */
	receipt->vmclock = set & 1;
	receipt->landing.has_disruption = set & 2;
}

/* A receipt leaves nobody to guess: what is not there has a reason, what is there has none. */
static bool tells_all(const struct cf_receipt *receipt)
{
	bool good = true;

	for (int i = CF_FIGURE_OTHER + 1; i < CF_N_FIGURES; i++) {
		bool why = *cf_figure_why(receipt, i);

		if (why == (cf_figure_due(receipt, i) && !cf_figure_there(receipt, i)))
			continue;
		printf("# %s: %s\n", cf_figure_words[i], why ? "needs no reason" : "needs a reason");
		good = false;
	}
	return good;
}

static void test_reasons(void)
{
	for (size_t i = 0; i < CF_COUNT(ends); i++) {
		bool good = true, repeats = false;

		for (unsigned set = 0; good && set < 1U << CF_FIGURE_DISRUPTION; set++) {
			struct work *work = work_made();
			struct cf_receipt *receipt = work->receipt;
			size_t n;

			work->side = ends[i].side;
			work->limits.owner_max_skew = ends[i].checked ? "hA" : NULL;
			receipt->migration.has_outcome = true;
			receipt->migration.outcome = ends[i].outcome;
			receipt->has_stop = ends[i].has_stop;
			measure(receipt, set);
			receipt_explain(work);
			good = tells_all(receipt);
			n = receipt->n_unmeasured;
			receipt_explain(work);
			repeats = repeats || receipt->n_unmeasured != n;
			work_unmade(work);
		}
		ok(good && !repeats, "%s: all that is missing has a reason, whatever is", ends[i].sentence);
	}
}

/* Whoever could not measure knows best. */
static void test_own_reason(void)
{
	struct work *work = work_made();
	struct cf_receipt *receipt = work->receipt;

	work->side = CF_SOURCE;
	receipt->has_source_report = true;
	receipt->migration.outcome = CF_OUTCOME_UNVERIFIED;
	receipt->has_landing = true;
	receipt->landing.n_unmeasured = 1;
	snprintf(receipt->landing.unmeasured[0], CF_DETAIL_ROOM, "lag: it hangs");
	receipt_explain(work);
	ok(strcmp(cf_figure_why(receipt, CF_FIGURE_LAG), "it hangs") == 0 &&
	   strcmp(cf_figure_why(receipt, CF_FIGURE_RESIDUAL), "it hangs") == 0,
	   "the destination's reason stands, for what follows from it too");
	work_unmade(work);
}

/* Of a guest that stood still, and that nobody watched any more: an agent was restarted, which is all that is known of it. */
static void test_unwatched(void)
{
	for (int watched = 0; watched < 2; watched++) {
		struct work *work = work_made();
		struct cf_receipt *receipt = work->receipt;
		bool named;

		work->side = CF_SOURCE;
		work->watch = watched ? (struct guest_watch *)work : NULL;
		receipt->has_source_report = receipt->has_stop = true;
		receipt->migration.outcome = CF_OUTCOME_ABORTED;
		receipt_explain(work);
		named = strstr(cf_figure_why(receipt, CF_FIGURE_SOURCE_LOST), "restarted") && strstr(cf_figure_why(receipt, CF_FIGURE_LAG), "restarted");
		ok(named == !watched, "how long it stood still, and its lag, are not known: %s", cf_figure_why(receipt, CF_FIGURE_SOURCE_LOST));
		work_unmade(work);
	}
}

int main(void)
{
	receipt_made_begin();
	test_names();
	test_reasons();
	test_own_reason();
	test_unwatched();
	receipt_made_end();
	return done();
}
