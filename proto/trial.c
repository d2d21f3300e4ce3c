/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/trial.h"

const char *const cf_verdict_words[CF_N_VERDICTS] = {
	[CF_VERDICT_UNKNOWN] = "unknown",
	[CF_VERDICT_ALLOWED] = "allowed",
	[CF_VERDICT_REFUSED] = "refused",
	[CF_VERDICT_UNCLEAR] = "unclear",
};

#define T struct cf_trial_request
static const struct cf_field trial_request_fields[] = {
	CF_TEXT(T, file),
	CF_TEXT(T, text),
	CF_TEXT(T, policy, CF_MAYBE(T, has_policy)),
	CF_SPAN(T, since, 0, 100 * CF_YEAR),
};
#undef T
const struct cf_shape cf_trial_request_shape = CF_SHAPE(cf_trial_request, trial_request_fields);

#define T struct cf_trial_entry
static const struct cf_field trial_entry_fields[] = {
	CF_TEXT(T, id),
	CF_TEXT(T, domain),
	CF_TEXT(T, source),
	CF_TEXT(T, destination),
	CF_TIME(T, started),
	CF_ENUM(T, was, cf_outcome_words, CF_N_OUTCOMES),
	CF_TEXT(T, was_because),
	CF_ENUM(T, verdict, cf_verdict_words, CF_N_VERDICTS),
	CF_ENUM(T, outcome, cf_outcome_words, CF_N_OUTCOMES, CF_MAYBE(T, has_outcome)),
	CF_TEXT(T, because),
	CF_LIST(T, findings, &cf_finding_shape),
	CF_LIST(T, unmeasured, NULL),
};
#undef T
static const struct cf_shape trial_entry_shape = CF_SHAPE(cf_trial_entry, trial_entry_fields);

#define T struct cf_trial
static const struct cf_field trial_fields[] = {
	CF_TEXT(T, policy),
	CF_TEXT(T, digest),
	CF_STRUCT(T, limits, cf_limits_shape),
	CF_INT(T, receipts, 0, INT64_MAX),
	CF_INT(T, unreadable, 0, INT64_MAX),
	CF_INT(T, allowed, 0, INT64_MAX),
	CF_INT(T, refused, 0, INT64_MAX),
	CF_INT(T, unclear, 0, INT64_MAX),
	CF_INT(T, differ, 0, INT64_MAX),
	CF_LIST(T, list, &trial_entry_shape),
};
#undef T
const struct cf_shape cf_trial_shape = CF_SHAPE(cf_trial, trial_fields);
