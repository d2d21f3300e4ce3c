/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/limits.h"

const char *const cf_lever_words[CF_N_LEVERS] = {
	[CF_LEVER_UNKNOWN]     = "unknown",
	[CF_LEVER_NONE]        = "none",
	[CF_LEVER_GUEST_AGENT] = "guest-agent",
	[CF_LEVER_KVM]         = "kvm",
};

const char *const cf_correction_words[CF_N_CORRECTIONS] = {
	[CF_CORRECTION_UNKNOWN]      = "unknown",
	[CF_CORRECTION_STEP_FORWARD] = "step-forward",
	[CF_CORRECTION_STEP]         = "step",
	[CF_CORRECTION_REPORT]       = "report",
};

const char *const cf_notice_words[CF_N_NOTICES] = {
	[CF_NOTICE_UNKNOWN] = "unknown",
	[CF_NOTICE_NONE]    = "none",
	[CF_NOTICE_FILE]    = "file",
	[CF_NOTICE_EXEC]    = "exec",
};

const char *const cf_policy_mode_words[CF_N_POLICY_MODES] = {
	[CF_POLICY_MODE_UNKNOWN] = "unknown",
	[CF_ENFORCE]             = "enforce",
	[CF_OBSERVE]             = "observe",
};

#define T struct cf_severity_of
static const struct cf_field severity_of_fields[] = {
	CF_FINDING_CODE(T, code),
	CF_ENUM(T, severity, cf_severity_words, CF_N_SEVERITIES),
};
#undef T
static const struct cf_shape severity_of_shape = CF_SHAPE(cf_severity_of, severity_of_fields);

#define T struct cf_aftercare
static const struct cf_field aftercare_fields[] = {
	CF_SPAN(T, verify_until, 0, CF_DAY),
	CF_BOOL(T, correct_again),
	CF_ENUM(T, notice, cf_notice_words, CF_N_NOTICES),
};
#undef T
static const struct cf_shape aftercare_shape = CF_SHAPE(cf_aftercare, aftercare_fields);

#define T struct cf_limits
static const struct cf_field limits_fields[] = {
	CF_ENUM(T, mode, cf_policy_mode_words, CF_N_POLICY_MODES, CF_MAYBE(T, has_mode), CF_SINCE(1)),
	CF_SPAN(T, max_error_bound, 0, CF_DAY),
	CF_SPAN(T, max_skew, 0, CF_DAY),
	CF_SPAN(T, max_blackout, 0, CF_DAY),
	CF_SPAN(T, max_residual, 0, CF_DAY),
	CF_SPAN(T, gate_grace, 0, CF_DAY),
	CF_SPAN(T, holdover_max, 0, 7 * CF_DAY),
	CF_INT(T, max_stratum, 1, 15),
	CF_ENUM(T, require_lever, cf_lever_words, CF_N_LEVERS),
	CF_ENUM(T, correction, cf_correction_words, CF_N_CORRECTIONS),
	CF_SPAN(T, correction_floor, 0, CF_S),
	CF_STRUCT(T, aftercare, aftercare_shape, CF_MAYBE(T, has_aftercare), CF_SINCE(2)),
	CF_LIST(T, severities, &severity_of_shape),
};
#undef T
const struct cf_shape cf_limits_shape = CF_SHAPE(cf_limits, limits_fields);

struct cf_aftercare cf_limits_aftercare(const struct cf_limits *limits)
{
	if (limits->has_aftercare)
		return limits->aftercare;
	return (struct cf_aftercare){ .verify_until = { 10 * CF_S }, .notice = CF_NOTICE_NONE };
}

enum cf_severity cf_limits_severity(const struct cf_limits *limits, enum cf_finding_code code)
{
	if (cf_finding_always_refuses(code))
		return CF_SEVERITY_REFUSE;
	for (size_t i = 0; i < limits->n_severities; i++)
		if (limits->severities[i].code == code)
			return limits->severities[i].severity;

	return cf_finding_default(code);
}
