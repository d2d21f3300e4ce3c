/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/gate-inside.h"
#include "proto/base.h"

/* Has it been so for grace, going by *was and *since? */
static bool lasts(bool is, cf_mono now, cf_span grace, bool *was, cf_mono *since)
{
	if (is && !*was)
		*since = now;
	*was = is;

	return is && cf_span_cmp(cf_mono_since(now, *since), grace) >= 0;
}

/*
 * The interval's nearest end proves a violation; its farthest only says how little
 * is known, which the copy's own traffic brings about.  That is held against it
 * when it lasts.
 */
static void offset(const struct cf_judge *judge, cf_mono now, struct cf_gate_memory *memory)
{
	const struct cf_pair_evidence *pair = judge->pair;
	const struct cf_limits *limits = judge->limits;
	bool wide = !pair->has_host_offset || cf_span_cmp(cf_interval_far(pair->host_offset),
							  limits->max_skew) > 0;
	bool too_long = lasts(wide, now, limits->gate_grace, &memory->wide, &memory->wide_since);

	if (pair->has_host_offset && cf_span_cmp(cf_interval_near(pair->host_offset), limits->max_skew) > 0)
		cf_judge_skew(judge, "");
	else if (too_long && pair->has_host_offset)
		cf_judge_skew(judge, "not proven, but no better known for longer than gate-grace");
	else if (too_long)
		cf_judge_offset_unknown(judge);
}

/* What does not get better by waiting. */
static bool at_once(const struct cf_finding *finding)
{
	return cf_finding_refuses(finding) && (finding->code == CF_FINDING_CLOCK_STEPPED ||
					       finding->code == CF_FINDING_CLOCK_CONTRADICTION);
}

enum cf_gate_state cf_gate_during(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
				  cf_mono now, struct cf_gate_memory *memory, struct cf_findings *findings)
{
	struct cf_judge judge;
	bool closed, abort;

	findings->n_list = 0;
	cf_judge_begin(pair, limits, findings, &judge);
	for (size_t i = 0; i < CF_COUNT(judge.hosts); i++) {
		cf_judge_stepped(&judge, &judge.hosts[i]);
		cf_judge_state(&judge, &judge.hosts[i]);
	}
	cf_judge_contradiction(&judge);
	offset(&judge, now, memory);

	closed = !cf_gate_open(findings);
	abort = lasts(closed, now, limits->limits.gate_grace, &memory->closed, &memory->closed_since);
	for (size_t i = 0; i < findings->n_list; i++)
		abort |= at_once(&findings->list[i]);

	return abort ? CF_GATE_ABORT : closed ? CF_GATE_CLOSED : CF_GATE_OPEN;
}
