/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/gate-inside.h"

#include "policy/words.h"

/* Where the next finding goes; a refusal displaces the last that is none. */
static struct cf_finding *room_for(struct cf_findings *findings, const struct cf_finding *fresh)
{
	if (findings->n_list < CF_FINDINGS_MAX)
		return &findings->list[findings->n_list++];
	if (!cf_finding_refuses(fresh))
		return NULL;
	for (size_t i = CF_FINDINGS_MAX; i-- > 0;)
		if (!cf_finding_refuses(&findings->list[i]))
			return &findings->list[i];

	return NULL;
}

/* Who takes a refusal back: a person, or a policy that only looks on. */
static void waive(const struct cf_both_limits *limits, struct cf_finding *finding)
{
	bool observed = limits->limits.has_mode && limits->limits.mode == CF_OBSERVE;

	if (!cf_finding_refuses(finding) || cf_finding_always_refuses(finding->code))
		return;
	if (limits->overridden[finding->code])
		finding->waived = CF_WAIVED_BY_OVERRIDE;
	else if (observed)
		finding->waived = CF_WAIVED_BY_OBSERVING;
	finding->has_waived = finding->waived != CF_WAIVER_UNKNOWN;
}

static enum cf_severity severity_of(const struct cf_both_limits *limits, enum cf_finding_code code)
{
	enum cf_severity severity = cf_limits_severity(&limits->limits, code);

	return severity == CF_SEVERITY_UNKNOWN ? cf_finding_default(code) : severity;
}

static struct cf_finding *add(struct cf_findings *findings, const struct cf_both_limits *limits,
			      enum cf_finding_code code, const char *subject, enum cf_severity severity)
{
	struct cf_finding fresh = { .code = code, .severity = severity }, *finding;

	if (severity == CF_SEVERITY_OFF)
		return NULL;
	waive(limits, &fresh);
	finding = room_for(findings, &fresh);
	if (!finding)
		return NULL;

	*finding = fresh;
	words_set(finding->subject, sizeof(finding->subject), subject);

	return finding;
}

struct cf_finding *cf_findings_add(struct cf_findings *findings, const struct cf_both_limits *limits,
				   enum cf_finding_code code, const char *subject)
{
	return add(findings, limits, code, subject, severity_of(limits, code));
}

struct cf_finding *cf_judge_add(const struct cf_judge *judge, enum cf_finding_code code, const char *subject,
				enum cf_severity at_least)
{
	enum cf_severity severity = severity_of(judge->owners, code);

	if (severity != CF_SEVERITY_OFF && severity < at_least)
		severity = at_least;
	return add(judge->findings, judge->owners, code, subject, severity);
}

void cf_judge_warn(const struct cf_judge *judge, enum cf_finding_code code, const char *subject, const char *detail)
{
	enum cf_severity severity = severity_of(judge->owners, code);

	if (severity > CF_SEVERITY_WARN)
		severity = CF_SEVERITY_WARN;
	cf_finding_detail(add(judge->findings, judge->owners, code, subject, severity), detail);
}

void cf_judge_say(const struct cf_judge *judge, enum cf_finding_code code, const char *subject,
		  const char *detail)
{
	cf_finding_detail(cf_findings_add(judge->findings, judge->owners, code, subject), detail);
}

void cf_finding_detail(struct cf_finding *finding, const char *detail)
{
	if (finding)
		words_add(finding->detail, sizeof(finding->detail), detail);
}

void cf_finding_number(struct cf_finding *finding, int64_t number)
{
	if (finding)
		words_add_int(finding->detail, sizeof(finding->detail), number);
}

void cf_finding_measured(struct cf_finding *finding, struct cf_interval measured)
{
	if (!finding)
		return;
	finding->has_measured = true;
	finding->measured = measured;
}

void cf_finding_limit(struct cf_finding *finding, cf_span limit, const char *owner)
{
	if (!finding)
		return;
	finding->has_limit = true;
	finding->limit = limit;
	cf_finding_owner(finding, owner);
}

void cf_finding_owner(struct cf_finding *finding, const char *owner)
{
	if (finding)
		words_set(finding->limit_of, sizeof(finding->limit_of), owner);
}

bool cf_gate_open(const struct cf_findings *findings)
{
	for (size_t i = 0; i < findings->n_list; i++)
		if (cf_finding_refuses(&findings->list[i]))
			return false;

	return true;
}

bool cf_gate_would_refuse(const struct cf_findings *findings, bool asked)
{
	bool observed = false, open = cf_gate_open(findings);

	for (size_t i = 0; i < findings->n_list; i++)
		observed |= findings->list[i].has_waived && findings->list[i].waived == CF_WAIVED_BY_OBSERVING;

	return asked ? observed && open : observed || !open;
}

bool cf_gate_only(const struct cf_finding *findings, size_t n, enum cf_finding_code code)
{
	bool some = false;

	for (size_t i = 0; i < n; i++) {
		if (!cf_finding_refuses(&findings[i]))
			continue;
		if (findings[i].code != code)
			return false;
		some = true;
	}
	return some;
}
