/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/past.h"

#include <string.h>

#include "policy/gate-inside.h"
#include "policy/outcome.h"
#include "policy/words.h"
#include "proto/figure.h"

/* The judgement of one receipt while it is made. */
struct past {
	const struct cf_receipt *receipt;
	const struct cf_limits *limits;
	struct cf_judge judge;
	struct cf_trial_entry *entry;
};

/* What becomes of a finding that stands in the receipt. */
enum treatment {
	HELD,		/* no matter of figures: it holds, as severe as it is now */
	ANEW,		/* judged anew by the reports, if they are there */
	IN_COPY,	/* the same; one that is not found anew came up while the guest was copied */
	BY_FIGURE,	/* its own figure is held against the limit of now */
	BY_LEVER,	/* what is known of the lever decides */
};

static const enum treatment treatments[CF_N_FINDING_CODES] = {
	[CF_FINDING_CLOCK_UNSYNCHRONISED] = IN_COPY,
	[CF_FINDING_CLOCK_UNTRUSTED]      = IN_COPY,
	[CF_FINDING_CLOCK_HOLDOVER]       = IN_COPY,
	[CF_FINDING_CLOCK_STEPPED]        = IN_COPY,
	[CF_FINDING_CLOCK_CONTRADICTION]  = IN_COPY,
	[CF_FINDING_ERROR_BOUND]          = ANEW,
	[CF_FINDING_KERNEL_UNSYNC]        = ANEW,
	[CF_FINDING_LEAP_SECOND]          = ANEW,
	[CF_FINDING_TAI_DIFFERS]          = ANEW,
	[CF_FINDING_TAI_UNKNOWN]          = ANEW,
	[CF_FINDING_SKEW]                 = BY_FIGURE,
	[CF_FINDING_BLACKOUT_PREDICTED]   = BY_FIGURE,
	[CF_FINDING_LEVER_MISSING]        = BY_LEVER,
};

/* --- what the receipt does not tell --- */

static bool refuses(const struct past *past, enum cf_finding_code code)
{
	bool observed = past->limits->has_mode && past->limits->mode == CF_OBSERVE;

	return cf_limits_severity(past->limits, code) == CF_SEVERITY_REFUSE &&
	       (!observed || cf_finding_always_refuses(code));
}

/* It matters only where the finding that it may hide would refuse. */
static void lack(const struct past *past, enum cf_finding_code code, const char *subject, const char *why)
{
	struct cf_trial_entry *entry = past->entry;
	char *line;

	if (!refuses(past, code) || entry->n_unmeasured == CF_COUNT(entry->unmeasured))
		return;
	line = entry->unmeasured[entry->n_unmeasured++];
	words_set(line, CF_DETAIL_ROOM, cf_finding_words[code]);
	words_add(line, CF_DETAIL_ROOM, *subject ? " of " : "");
	words_add(line, CF_DETAIL_ROOM, subject);
	words_add(line, CF_DETAIL_ROOM, ": ");
	words_add(line, CF_DETAIL_ROOM, why);
}

static void lack_clock(const struct past *past, const char *host)
{
	lack(past, CF_FINDING_CLOCK_UNSYNCHRONISED, host, "there is no report of its clock");
	lack(past, CF_FINDING_ERROR_BOUND, host, "there is no report of its clock");
}

/* --- the clocks --- */

static void clocks(struct past *past)
{
	const struct cf_receipt *receipt = past->receipt;
	const char *why = cf_figure_why(receipt, CF_FIGURE_OFFSET_BEFORE);
	const struct cf_judge *judge = &past->judge;

	if (receipt->has_source_report)
		cf_judge_host(judge, &judge->hosts[0]);
	else
		lack_clock(past, judge->hosts[0].name);
	if (receipt->has_destination_report)
		cf_judge_host(judge, &judge->hosts[1]);
	else
		lack_clock(past, judge->hosts[1].name);
	if (receipt->has_source_report && receipt->has_destination_report)
		cf_judge_tai(judge);
	if (!receipt->has_offset_before) {
		lack(past, CF_FINDING_SKEW, "", *why ? why : "the host offset was not measured");
		if (receipt->has_destination_report)
			lack(past, CF_FINDING_ERROR_BOUND, judge->hosts[1].name,
			     "how old its report was is not known without the host offset");
		return;
	}
	if (cf_span_cmp(cf_interval_far(receipt->offset_before), past->limits->max_skew) > 0)
		cf_judge_skew(judge, "");
	cf_judge_contradiction(judge);
}

/* --- what was found then --- */

static const struct cf_finding *in(const struct cf_finding *list, size_t n, enum cf_finding_code code,
				   const char *subject)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].code == code && (!subject || strcmp(list[i].subject, subject) == 0))
			return &list[i];
	return NULL;
}

static const struct cf_finding *then(const struct past *past, enum cf_finding_code code)
{
	return in(past->receipt->migration.findings, past->receipt->migration.n_findings, code, NULL);
}

/* As it was found, and as severe as now; what had been raised above its severity stays so. */
static void hold(const struct past *past, const struct cf_finding *found)
{
	bool raised = found->severity > cf_limits_severity(&past->receipt->limits, found->code);
	struct cf_finding *finding = cf_judge_add(&past->judge, found->code, found->subject,
						  raised ? found->severity : CF_SEVERITY_UNKNOWN);

	if (!finding)
		return;
	finding->has_measured = found->has_measured;
	finding->measured = found->measured;
	finding->has_limit = found->has_limit;
	finding->limit = found->limit;
	words_set(finding->limit_of, sizeof(finding->limit_of), found->limit_of);
	words_set(finding->detail, sizeof(finding->detail), found->detail);
}

/* Did the reports tell all that the finding is about? */
static bool reported(const struct cf_receipt *receipt, const char *subject)
{
	if (strcmp(subject, receipt->migration.source) == 0)
		return receipt->has_source_report;
	if (strcmp(subject, receipt->migration.destination) == 0)
		return receipt->has_destination_report;
	return receipt->has_source_report && receipt->has_destination_report;
}

static void hold_in_copy(const struct past *past, const struct cf_finding *found)
{
	const struct cf_findings *anew = past->judge.findings;
	bool by_stratum = found->code == CF_FINDING_CLOCK_UNSYNCHRONISED && *found->limit_of;
	bool by_age = found->code == CF_FINDING_CLOCK_HOLDOVER && found->has_measured;

	if (in(anew->list, anew->n_list, found->code, found->subject) ||
	    (by_stratum && reported(past->receipt, found->subject)))
		return;
	if (by_age && cf_span_cmp(found->measured.high, past->limits->holdover_max) <= 0)
		cf_judge_say(&past->judge, found->code, found->subject, found->detail);
	else
		hold(past, found);
}

/* What is proven of the figure, as it was during the copy; before the copy the offset was judged anew. */
static void hold_figure(const struct past *past, const struct cf_finding *found)
{
	const struct cf_findings *anew = past->judge.findings;
	bool skew = found->code == CF_FINDING_SKEW;
	cf_span limit = skew ? past->limits->max_skew : past->limits->max_blackout;
	cf_span proven = skew ? cf_interval_near(found->measured) : found->measured.high;
	struct cf_finding *finding;

	if (!found->has_measured || cf_span_cmp(proven, limit) <= 0 ||
	    in(anew->list, anew->n_list, found->code, found->subject))
		return;
	finding = cf_judge_add(&past->judge, found->code, found->subject, CF_SEVERITY_UNKNOWN);
	cf_finding_measured(finding, found->measured);
	cf_finding_limit(finding, limit, past->judge.owners->owner_max_skew);
}

static void found_then(const struct past *past)
{
	const struct cf_migration *migration = &past->receipt->migration;

	for (size_t i = 0; i < migration->n_findings; i++) {
		const struct cf_finding *found = &migration->findings[i];

		switch (treatments[found->code]) {
		case HELD:
			hold(past, found);
			break;
		case ANEW:
			if (!reported(past->receipt, found->subject))
				hold(past, found);
			break;
		case IN_COPY:
			hold_in_copy(past, found);
			break;
		case BY_FIGURE:
			hold_figure(past, found);
			break;
		case BY_LEVER:
			break;
		}
	}
}

/* Nobody looked for what was off, and no figure tells of it afterwards. */
static void not_looked_for(const struct past *past)
{
	for (int code = CF_FINDING_UNKNOWN + 1; code < CF_N_FINDING_CODES; code++)
		if (treatments[code] == HELD && !then(past, code) &&
		    cf_limits_severity(&past->receipt->limits, code) == CF_SEVERITY_OFF)
			lack(past, code, "", "it was off, so that nobody looked");
}

/* --- lever and blackout --- */

static enum cf_lever best_known(const struct cf_receipt *receipt)
{
	enum cf_lever best = receipt->has_guest_offset_before ? CF_LEVER_GUEST_AGENT : CF_LEVER_NONE;

	return receipt->has_landing && receipt->landing.lever > best ? receipt->landing.lever : best;
}

/* The lever kvm is used wherever it is: a guest that landed without had none. */
static void lever(const struct past *past)
{
	const struct cf_receipt *receipt = past->receipt;
	enum cf_lever wanted = past->limits->require_lever, best = best_known(receipt);
	const struct cf_finding *missed = then(past, CF_FINDING_LEVER_MISSING);
	bool landed = receipt->has_landing && receipt->landing.has_resume;
	struct cf_finding *finding;

	if (wanted == CF_LEVER_NONE || (wanted != CF_LEVER_UNKNOWN && best >= wanted))
		return;
	if (!landed && !(missed && wanted >= receipt->limits.require_lever)) {
		lack(past, CF_FINDING_LEVER_MISSING, "", "the receipt does not tell which lever there was");
		return;
	}
	finding = cf_judge_add(&past->judge, CF_FINDING_LEVER_MISSING, receipt->migration.domain,
			       CF_SEVERITY_UNKNOWN);
	cf_finding_detail(finding, cf_lever_words[wanted]);
	cf_finding_detail(finding, " is required, the best that was known: ");
	cf_finding_detail(finding, cf_lever_words[best]);
}

/* A blackout that was measured says more than what had been predicted. */
static void prediction(const struct past *past)
{
	const struct cf_receipt *receipt = past->receipt;

	if (!receipt->has_blackout && !then(past, CF_FINDING_BLACKOUT_PREDICTED) &&
	    cf_span_cmp(past->limits->max_blackout, receipt->limits.max_blackout) < 0)
		lack(past, CF_FINDING_BLACKOUT_PREDICTED, "", "what was predicted is not kept");
}

/* --- the whole --- */

/* Those that refuse first. */
static void tell(const struct cf_findings *findings, struct cf_trial_entry *entry)
{
	for (int refusing = 1; refusing >= 0; refusing--)
		for (size_t i = 0; i < findings->n_list; i++)
			if (cf_finding_refuses(&findings->list[i]) == refusing &&
			    entry->n_findings < CF_COUNT(entry->findings))
				entry->findings[entry->n_findings++] = findings->list[i];
}

static bool has_landed(const struct cf_migration *migration)
{
	return migration->has_outcome && (migration->outcome == CF_OUTCOME_CLEAN ||
					  migration->outcome == CF_OUTCOME_BREACHED ||
					  migration->outcome == CF_OUTCOME_UNVERIFIED);
}

void cf_past_judge(const struct cf_receipt *receipt, const struct cf_limits *limits, const char *policy,
		   struct cf_trial_entry *entry)
{
	const struct cf_migration *migration = &receipt->migration;
	const struct cf_pair_evidence pair = {
		.source = migration->source,
		.destination = migration->destination,
		.source_report = receipt->has_source_report ? &receipt->source_report : NULL,
		.destination_report = receipt->has_destination_report ? &receipt->destination_report : NULL,
		.has_host_offset = receipt->has_offset_before,
		.host_offset = receipt->offset_before,
		.now = migration->started,
		.expected_duration = CF_EXPECTED_DURATION,
	};
	struct cf_findings findings = { .n_list = 0 };
	struct past past = { .receipt = receipt, .limits = limits, .entry = entry };
	struct cf_both_limits both;

	cf_limits_both(limits, policy, limits, policy, &both);
	if (receipt->has_override)
		cf_limits_override(&both, &receipt->override);
	cf_judge_begin(&pair, &both, &findings, &past.judge);
	entry->n_findings = entry->n_unmeasured = 0;
	if (*receipt->limit_owners.max_skew) {
		clocks(&past);
		lever(&past);
		prediction(&past);
		not_looked_for(&past);
	} else {
		lack(&past, CF_FINDING_OFFSET_UNKNOWN, "", "it ended before it was checked");
	}
	found_then(&past);

	tell(&findings, entry);
	entry->verdict = !cf_gate_open(&findings) ? CF_VERDICT_REFUSED
			 : entry->n_unmeasured > 0 ? CF_VERDICT_UNCLEAR : CF_VERDICT_ALLOWED;
	entry->has_outcome = has_landed(migration);
	if (entry->has_outcome)
		entry->outcome = cf_outcome_judge(receipt, limits, entry->because);
}

bool cf_past_differs(const struct cf_trial_entry *entry)
{
	if (entry->was == CF_OUTCOME_REFUSED)
		return entry->verdict == CF_VERDICT_ALLOWED;

	return entry->verdict == CF_VERDICT_REFUSED || (entry->has_outcome && entry->outcome != entry->was);
}
