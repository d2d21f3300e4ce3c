/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/commit.h"

#include "policy/gate-inside.h"
#include "proto/commit.h"

#define RECORD_LEAST ((cf_span){ 200 * CF_MS })
#define RECORD_MOST  ((cf_span){ 10 * CF_S })
#define RECORD_SHARE 8
#define NOT_ENFORCED ((cf_span){ 60 * CF_S })

const char *const cf_obey_words[CF_N_OBEYS] = {
	[CF_OBEY]            = "obeyed",
	[CF_OBEY_WITHDRAWN]  = "its source does not know any more what it has said, and takes it back",
	[CF_OBEY_LATE]       = "the commit came after the time until which it was valid",
	[CF_OBEY_BOOTED]     = "this host booted anew since the commit's time was reckoned",
	[CF_OBEY_NOT_LOADED] = "the guest's memory has not all arrived",
	[CF_OBEY_LOST]       = "libvirt has given the incoming domain up",
	[CF_OBEY_CLOCK]      = "this host's clock is worse than its limits allow",
};

/* What it is going to be.  Without STOP nobody can say what it is already. */
static void judge_blackout(const struct cf_commit_evidence *evidence, const struct cf_both_limits *limits,
			   struct cf_commit_decision *ret, struct cf_findings *findings)
{
	const char *subject = evidence->pair->source;
	struct cf_finding *finding;

	ret->limit = limits->limits.max_blackout;
	if (!evidence->has_stop) {
		cf_finding_detail(cf_findings_add(findings, limits, CF_FINDING_BLACKOUT_REACHED, subject),
				  "STOP was not seen: how long the guest has stood still is not known");
		return;
	}

	ret->so_far = cf_span_add(cf_span_add(cf_mono_since(evidence->now, evidence->stop.raw),
					      (cf_span){ evidence->stop.width.ns / 2 }), evidence->stop_slack);
	ret->expected = cf_span_add(ret->so_far, evidence->resume_takes);
	if (cf_span_cmp(ret->expected, ret->limit) <= 0)
		return;
	finding = cf_findings_add(findings, limits, CF_FINDING_BLACKOUT_REACHED, subject);
	cf_finding_measured(finding, (struct cf_interval){ ret->so_far, ret->expected });
	cf_finding_limit(finding, ret->limit, limits->owner_max_blackout);
}

/* Does going over the limit refuse, or is it only warned of?  By the same rule; findings are empty before and after. */
static bool limit_refuses(const struct cf_both_limits *limits, struct cf_findings *findings)
{
	bool refuses;

	cf_findings_add(findings, limits, CF_FINDING_BLACKOUT_REACHED, "");
	refuses = !cf_gate_open(findings);
	findings->n_list = 0;
	return refuses;
}

/*
 * After that the guest must not be let run there: its blackout would be over the limit.  What is
 * to come after the commit is taken off, and of the offset the end that makes it earliest.
 * A limit that only warns gives it as long again as the limit itself, whether it is reached
 * yet or not: a commit that was lost on its way must end at some time.
 */
static cf_mono valid_until(const struct cf_commit_evidence *evidence, const struct cf_commit_decision *decision,
			   bool refuses)
{
	cf_span left = cf_span_sub(decision->limit, decision->expected);

	if (!refuses)
		left = cf_span_max(left, decision->limit);
	return cf_mono_add(evidence->now, cf_span_add(left, evidence->raw_offset.low));
}

void cf_commit_judge(const struct cf_commit_evidence *evidence, const struct cf_both_limits *limits,
		     struct cf_commit_decision *ret, struct cf_findings *findings)
{
	bool refuses;

	*ret = (struct cf_commit_decision){ 0 };
	findings->n_list = 0;
	refuses = limit_refuses(limits, findings);
	judge_blackout(evidence, limits, ret, findings);
	cf_gate_pair(evidence->pair, limits, findings);
	if (evidence->needs_record && !evidence->record_there)
		cf_findings_add(findings, limits, CF_FINDING_RECORD_MISSING, evidence->pair->destination);

	ret->commit = evidence->has_stop && cf_gate_open(findings);
	if (ret->commit)
		ret->valid_until = valid_until(evidence, ret, refuses);
}

bool cf_blackout_enforced(const struct cf_both_limits *limits)
{
	bool observed = limits->limits.has_mode && limits->limits.mode == CF_OBSERVE;

	return !observed && !limits->overridden[CF_FINDING_BLACKOUT_REACHED] &&
	       cf_limits_severity(&limits->limits, CF_FINDING_BLACKOUT_REACHED) == CF_SEVERITY_REFUSE;
}

cf_span cf_record_patience(const struct cf_both_limits *limits)
{
	cf_span limit = limits->limits.max_blackout;
	cf_span least = cf_span_min(RECORD_LEAST, (cf_span){ limit.ns / 2 });

	return cf_span_min(cf_span_max((cf_span){ limit.ns / RECORD_SHARE }, least), RECORD_MOST);
}

bool cf_wait_over(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits)
{
	cf_span limit = limits->limits.max_blackout;
	bool enforced = cf_blackout_enforced(limits);
	cf_span most = enforced ? cf_span_add(limit, limit) : NOT_ENFORCED;
	cf_mono end;

	if (evidence->loaded && cf_span_cmp(cf_mono_since(evidence->now, evidence->loaded_at), most) > 0)
		return true;
	if (!enforced || !evidence->has_stop)
		return false;
	end = cf_mono_add(evidence->stop, cf_span_add(evidence->raw_offset.high, limit));
	return cf_mono_cmp(evidence->now, end) > 0;
}

/* By the rule that the source's gates have for it. */
static bool clock_refuses(const struct cf_report *clock, const struct cf_both_limits *limits)
{
	const struct cf_pair_evidence own = { .source = "", .destination = "", .source_report = clock, .now = clock->at };
	struct cf_findings findings = { .n_list = 0 };
	struct cf_judge judge;

	cf_judge_begin(&own, limits, &findings, &judge);
	cf_judge_state(&judge, &judge.hosts[0]);
	return !cf_gate_open(&findings);
}

enum cf_obey cf_obey_judge(const struct cf_obey_evidence *evidence, const struct cf_both_limits *limits)
{
	if (cf_mono_cmp(evidence->valid_until, CF_WITHDRAWN) == 0)
		return CF_OBEY_WITHDRAWN;
	if (!evidence->same_boot)
		return CF_OBEY_BOOTED;
	if (!evidence->incoming_alive)
		return CF_OBEY_LOST;
	if (!evidence->loaded)
		return CF_OBEY_NOT_LOADED;
	if (clock_refuses(evidence->clock, limits))
		return CF_OBEY_CLOCK;
	if (cf_mono_cmp(evidence->now, evidence->valid_until) > 0)
		return CF_OBEY_LATE;
	return CF_OBEY;
}
