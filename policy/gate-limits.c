/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/gate.h"

#include <string.h>

/* The smaller of two spans, and whose it is. */
static cf_span smaller(cf_span a, const char *whose_a, cf_span b, const char *whose_b, const char **owner)
{
	*owner = cf_span_cmp(b, a) < 0 ? whose_b : whose_a;

	return cf_span_min(a, b);
}

/* How much is asked: a lever that this version does not know cannot be had. */
static int demand(enum cf_lever lever)
{
	return lever == CF_LEVER_UNKNOWN ? CF_N_LEVERS : (int)lever;
}

/* How much may be done to a guest's clock. */
static int freedom(enum cf_correction correction)
{
	return correction == CF_CORRECTION_STEP ? 2 : correction == CF_CORRECTION_STEP_FORWARD ? 1 : 0;
}

/* What this version does not know is not done. */
static enum cf_correction known(enum cf_correction correction)
{
	return freedom(correction) == 0 ? CF_CORRECTION_REPORT : correction;
}

/* It is looked at as long as the one wants, and no more is done to the guest than both do. */
static struct cf_aftercare care_both(const struct cf_limits *a, const struct cf_limits *b)
{
	struct cf_aftercare one = cf_limits_aftercare(a), other = cf_limits_aftercare(b);
	bool known = one.notice != CF_NOTICE_UNKNOWN && other.notice != CF_NOTICE_UNKNOWN;
	enum cf_notice less = one.notice < other.notice ? one.notice : other.notice;

	return (struct cf_aftercare){ cf_span_max(one.verify_until, other.verify_until),
				      one.correct_again && other.correct_again, known ? less : CF_NOTICE_NONE };
}

static bool observes(const struct cf_limits *limits)
{
	return limits->has_mode && limits->mode == CF_OBSERVE;
}

static enum cf_severity severity_of(const struct cf_limits *limits, enum cf_finding_code code)
{
	enum cf_severity severity = cf_limits_severity(limits, code);

	return severity == CF_SEVERITY_UNKNOWN ? cf_finding_default(code) : severity;
}

static void severities_both(const struct cf_limits *a, const struct cf_limits *b, struct cf_limits *ret)
{
	ret->n_severities = 0;
	for (int code = CF_FINDING_UNKNOWN + 1; code < CF_N_FINDING_CODES; code++) {
		enum cf_severity mine = severity_of(a, code), theirs = severity_of(b, code);
		enum cf_severity higher = mine > theirs ? mine : theirs;

		if (higher != cf_finding_default(code))
			ret->severities[ret->n_severities++] = (struct cf_severity_of){ code, higher };
	}
}

void cf_limits_both(const struct cf_limits *source, const char *source_host,
		    const struct cf_limits *destination,
		    const char *destination_host, struct cf_both_limits *ret)
{
	const struct cf_limits *a = source, *b = destination;
	const char *wa = source_host, *wb = destination_host;
	struct cf_limits *both = &ret->limits;
	bool theirs;

	*ret = (struct cf_both_limits){ 0 };
	both->max_error_bound = smaller(a->max_error_bound, wa, b->max_error_bound, wb,
					&ret->owner_max_error_bound);
	both->max_skew = smaller(a->max_skew, wa, b->max_skew, wb, &ret->owner_max_skew);
	both->max_blackout = smaller(a->max_blackout, wa, b->max_blackout, wb, &ret->owner_max_blackout);
	both->max_residual = smaller(a->max_residual, wa, b->max_residual, wb, &ret->owner_max_residual);
	both->holdover_max = smaller(a->holdover_max, wa, b->holdover_max, wb, &ret->owner_holdover_max);
	both->gate_grace = smaller(a->gate_grace, wa, b->gate_grace, wb, &ret->owner_gate_grace);
	both->correction_floor = smaller(a->correction_floor, wa, b->correction_floor, wb,
					 &ret->owner_correction_floor);

	theirs = b->max_stratum < a->max_stratum;
	both->max_stratum = theirs ? b->max_stratum : a->max_stratum;
	ret->owner_max_stratum = theirs ? wb : wa;

	theirs = demand(b->require_lever) > demand(a->require_lever);
	both->require_lever = theirs ? b->require_lever : a->require_lever;
	ret->owner_require_lever = theirs ? wb : wa;

	theirs = freedom(b->correction) < freedom(a->correction);
	both->correction = known(theirs ? b->correction : a->correction);
	ret->owner_correction = theirs ? wb : wa;

	both->has_aftercare = true;
	both->aftercare = care_both(a, b);
	both->has_mode = true;
	both->mode = observes(a) && observes(b) ? CF_OBSERVE : CF_ENFORCE;
	severities_both(a, b, both);
}

static void tighten_span(bool has, cf_span wanted, const char *owner, cf_span *limit, const char **whose)
{
	if (has && cf_span_cmp(wanted, *limit) < 0) {
		*limit = wanted;
		*whose = owner;
	}
}

void cf_limits_tighten(struct cf_both_limits *both, const struct cf_tighten *tighten, const char *owner)
{
	const struct cf_tighten *t = tighten;
	struct cf_limits *limits = &both->limits;

	tighten_span(t->has_max_error_bound, t->max_error_bound, owner, &limits->max_error_bound,
		     &both->owner_max_error_bound);
	tighten_span(t->has_max_skew, t->max_skew, owner, &limits->max_skew, &both->owner_max_skew);
	tighten_span(t->has_max_blackout, t->max_blackout, owner, &limits->max_blackout, &both->owner_max_blackout);
	tighten_span(t->has_max_residual, t->max_residual, owner, &limits->max_residual, &both->owner_max_residual);
	if (t->has_require_lever && demand(t->require_lever) > demand(limits->require_lever)) {
		limits->require_lever = t->require_lever;
		both->owner_require_lever = owner;
	}
}

void cf_limits_override(struct cf_both_limits *both, const struct cf_override *override)
{
	for (int code = CF_FINDING_UNKNOWN + 1; code < CF_N_FINDING_CODES; code++)
		for (size_t i = 0; i < override->n_findings; i++)
			both->overridden[code] |= !cf_finding_always_refuses(code) &&
						  strcmp(cf_finding_words[code], override->findings[i]) == 0;
}
