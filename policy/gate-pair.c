/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "policy/gate-inside.h"
#include "policy/words.h"
#include "proto/base.h"
#include "proto/text.h"

#define SILENT_GROWTH_PPM 50.0	/* of the bound of a host that gives no rate: an oscillator in holdover */

/*
 * Around a leap second a clock may be a second off, for which its bound does not
 * answer: the kernel steps, chronyd slews, and not all at the same moment.
 */
#define LEAP_MARGIN ((cf_span){ CF_S })

static struct cf_judged judged(const char *name, const struct cf_report *report, cf_real now)
{
	struct cf_judged host = { .name = name, .report = report, .now = now };
	cf_span age, growth;

	if (!report || !report->has_bound)
		return host;
	age = cf_span_max(cf_real_since(now, report->at), (cf_span){ 0 });
	growth = cf_span_ppm(age, report->has_growth_ppm ? report->growth_ppm : SILENT_GROWTH_PPM);
	host.has_bound = true;
	host.bound = cf_span_add(cf_span_max(report->bound, (cf_span){ 0 }),
				 cf_span_max(growth, (cf_span){ 0 }));

	return host;
}

void cf_judge_begin(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		    struct cf_findings *findings, struct cf_judge *ret)
{
	cf_span ahead = pair->has_host_offset ? pair->host_offset.high : (cf_span){ 0 };

	*ret = (struct cf_judge){ .pair = pair, .limits = &limits->limits, .owners = limits, .findings = findings };
	ret->hosts[0] = judged(pair->source, pair->source_report, pair->now);
	ret->hosts[1] = judged(pair->destination, pair->destination_report, cf_real_add(pair->now, ahead));
	words_set(ret->both, sizeof(ret->both), pair->source);
	words_add(ret->both, sizeof(ret->both), " -> ");
	words_add(ret->both, sizeof(ret->both), pair->destination);
}

/* To run on without a source is a warning for as long as policy lets it, then a refusal. */
static void holdover(const struct cf_judge *judge, const struct cf_judged *host)
{
	const struct cf_report *report = host->report;
	cf_span max = judge->limits->holdover_max;
	bool old = !report->has_good_age || cf_span_cmp(report->good_age, max) > 0;
	struct cf_finding *finding = cf_judge_add(judge, CF_FINDING_CLOCK_HOLDOVER, host->name,
						  old ? CF_SEVERITY_REFUSE : CF_SEVERITY_UNKNOWN);

	if (report->has_good_age)
		cf_finding_measured(finding, (struct cf_interval){ report->good_age, report->good_age });
	cf_finding_limit(finding, max, judge->owners->owner_holdover_max);
	cf_finding_detail(finding, report->why);
}

/* Each host judges its source by its own limit; the other one's may be stricter. */
static void stratum(const struct cf_judge *judge, const struct cf_judged *host)
{
	const struct cf_report *report = host->report;
	struct cf_finding *finding;

	if (!report->has_tracking || report->tracking.stratum <= judge->limits->max_stratum)
		return;
	finding = cf_judge_add(judge, CF_FINDING_CLOCK_UNSYNCHRONISED, host->name, CF_SEVERITY_UNKNOWN);
	cf_finding_detail(finding, "stratum ");
	cf_finding_number(finding, report->tracking.stratum);
	cf_finding_detail(finding, ", limit ");
	cf_finding_number(finding, judge->limits->max_stratum);
	cf_finding_owner(finding, judge->owners->owner_max_stratum);
}

void cf_judge_state(const struct cf_judge *judge, const struct cf_judged *host)
{
	if (!host->report) {
		cf_judge_say(judge, CF_FINDING_CLOCK_UNSYNCHRONISED, host->name,
			     "there is no clock report of it");
		return;
	}
	switch (host->report->state) {
	case CF_CLOCK_SYNCHRONISED:
		stratum(judge, host);
		break;
	case CF_CLOCK_HOLDOVER:
		holdover(judge, host);
		break;
	case CF_CLOCK_UNTRUSTED:
		cf_judge_say(judge, CF_FINDING_CLOCK_UNTRUSTED, host->name, host->report->why);
		break;
	case CF_CLOCK_UNSYNCHRONISED:
	default:
		cf_judge_say(judge, CF_FINDING_CLOCK_UNSYNCHRONISED, host->name, host->report->why);
		break;
	}
}

void cf_judge_stepped(const struct cf_judge *judge, const struct cf_judged *host)
{
	char text[CF_SPAN_TEXT_ROOM];
	struct cf_finding *finding;

	if (!host->report || !host->report->stepped)
		return;
	finding = cf_judge_add(judge, CF_FINDING_CLOCK_STEPPED, host->name, CF_SEVERITY_UNKNOWN);
	if (!host->report->has_stepped_ago)
		return;
	cf_finding_detail(finding, cf_span_text(host->report->stepped_ago, text));
	cf_finding_detail(finding, " ago");
}

static void error_bound(const struct cf_judge *judge, const struct cf_judged *host)
{
	cf_span max = judge->limits->max_error_bound;
	struct cf_finding *finding;

	if (host->has_bound && cf_span_cmp(host->bound, max) <= 0)
		return;
	finding = cf_judge_add(judge, CF_FINDING_ERROR_BOUND, host->name, CF_SEVERITY_UNKNOWN);
	cf_finding_limit(finding, max, judge->owners->owner_max_error_bound);
	if (host->has_bound)
		cf_finding_measured(finding, (struct cf_interval){ { 0 }, host->bound });
	else
		cf_finding_detail(finding, "it knows no bound");
}

/*
 * Does the time in which the guest may be on its way touch the leap second?  A host
 * without a bound cannot tell.
 */
static void leap(const struct cf_judge *judge, const struct cf_judged *host)
{
	cf_span around = cf_span_add(host->bound, LEAP_MARGIN), away;
	struct cf_finding *finding;

	if (!host->report->has_leap)
		return;
	away = cf_real_since(host->report->leap.at, host->now);
	if (host->has_bound && (cf_span_cmp(away, cf_span_add(judge->pair->expected_duration, around)) > 0 ||
				cf_span_cmp(away, cf_span_neg(around)) < 0))
		return;
	finding = cf_judge_add(judge, CF_FINDING_LEAP_SECOND, host->name, CF_SEVERITY_UNKNOWN);
	if (host->has_bound)
		cf_finding_measured(finding, cf_interval_around(away, around));
	cf_finding_detail(finding, host->report->leap.kind == CF_LEAP_DELETE ? "one is deleted" : "one is inserted");
}

void cf_judge_host(const struct cf_judge *judge, const struct cf_judged *host)
{
	const struct cf_report *report = host->report;

	cf_judge_state(judge, host);
	if (!report)
		return;
	cf_judge_stepped(judge, host);
	error_bound(judge, host);
	leap(judge, host);
	if (report->kernel_unsync &&
	    (report->state == CF_CLOCK_SYNCHRONISED || report->state == CF_CLOCK_HOLDOVER))
		cf_judge_say(judge, CF_FINDING_KERNEL_UNSYNC, host->name, "");
	if (!report->has_tai_s || report->tai_s == 0)
		cf_judge_say(judge, CF_FINDING_TAI_UNKNOWN, host->name, "");
}

void cf_judge_offset_unknown(const struct cf_judge *judge)
{
	cf_judge_say(judge, CF_FINDING_OFFSET_UNKNOWN, judge->both, judge->pair->offset_why);
}

void cf_judge_skew(const struct cf_judge *judge, const char *detail)
{
	struct cf_finding *finding = cf_judge_add(judge, CF_FINDING_SKEW, judge->both, CF_SEVERITY_UNKNOWN);

	cf_finding_measured(finding, judge->pair->host_offset);
	cf_finding_limit(finding, judge->limits->max_skew, judge->owners->owner_max_skew);
	cf_finding_detail(finding, detail);
}

/* Both clocks within their bounds of UTC could not be that far apart. */
void cf_judge_contradiction(const struct cf_judge *judge)
{
	const struct cf_judged *hosts = judge->hosts;
	cf_span together = cf_span_add(hosts[0].bound, hosts[1].bound);
	struct cf_finding *finding;

	if (!judge->pair->has_host_offset || !hosts[0].has_bound || !hosts[1].has_bound)
		return;
	if (cf_span_cmp(cf_interval_near(judge->pair->host_offset), together) <= 0)
		return;
	finding = cf_judge_add(judge, CF_FINDING_CLOCK_CONTRADICTION, judge->both, CF_SEVERITY_UNKNOWN);
	cf_finding_measured(finding, judge->pair->host_offset);
	cf_finding_limit(finding, together, "");
}

static bool tai_known(const struct cf_report *report)
{
	return report && report->has_tai_s && report->tai_s != 0;
}

void cf_judge_tai(const struct cf_judge *judge)
{
	const struct cf_report *a = judge->pair->source_report, *b = judge->pair->destination_report;
	struct cf_finding *finding;

	if (!tai_known(a) || !tai_known(b) || a->tai_s == b->tai_s)
		return;
	finding = cf_judge_add(judge, CF_FINDING_TAI_DIFFERS, judge->both, CF_SEVERITY_UNKNOWN);
	cf_finding_number(finding, a->tai_s);
	cf_finding_detail(finding, " s and ");
	cf_finding_number(finding, b->tai_s);
	cf_finding_detail(finding, " s");
}

void cf_gate_pair(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		  struct cf_findings *findings)
{
	struct cf_judge judge;

	cf_judge_begin(pair, limits, findings, &judge);
	if (strcmp(pair->source, pair->destination) == 0)
		cf_judge_say(&judge, CF_FINDING_SAME_HOST, pair->source, "");
	for (size_t i = 0; i < CF_COUNT(judge.hosts); i++)
		cf_judge_host(&judge, &judge.hosts[i]);
	if (!pair->has_host_offset)
		cf_judge_offset_unknown(&judge);
	else if (cf_span_cmp(cf_interval_far(pair->host_offset), limits->limits.max_skew) > 0)
		cf_judge_skew(&judge, "");
	cf_judge_contradiction(&judge);
	cf_judge_tai(&judge);
}

void cf_gate_source(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		    struct cf_findings *findings)
{
	struct cf_judge judge;

	cf_judge_begin(pair, limits, findings, &judge);
	cf_judge_host(&judge, &judge.hosts[0]);
}
