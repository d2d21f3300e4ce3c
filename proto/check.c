/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/check.h"

#define T struct cf_check_request
static const struct cf_field check_request_fields[] = {
	CF_TEXT(T, domain),
	CF_LIST(T, destinations, NULL),
	CF_STRUCT(T, terms, cf_terms_shape, CF_MAYBE(T, has_terms), CF_SINCE(1)),
	CF_STRUCT(T, options, cf_options_shape, CF_MAYBE(T, has_options), CF_SINCE(1)),
};
#undef T
const struct cf_shape cf_check_request_shape = CF_SHAPE(cf_check_request, check_request_fields);

#define T struct cf_check
static const struct cf_field check_fields[] = {
	CF_TEXT(T, destination),
	CF_BOOL(T, allowed),
	CF_INTERVAL(T, host_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_host_offset)),
	CF_SPAN(T, offset_half_width, 0, INT64_MAX, CF_MAYBE(T, has_offset_half_width)),
	CF_SPAN(T, predicted_blackout, 0, CF_YEAR, CF_MAYBE(T, has_predicted_blackout)),
	CF_SPAN(T, max_blackout, 0, CF_DAY),
	CF_ENUM(T, lever, cf_lever_words, CF_N_LEVERS, CF_MAYBE(T, has_lever), CF_SINCE(2)),
	CF_STRUCT(T, policy, cf_policy_used_shape, CF_MAYBE(T, has_policy), CF_SINCE(1)),
	CF_BOOL(T, would_refuse, CF_MAYBE(T, has_would_refuse), CF_SINCE(1)),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_check_shape = CF_SHAPE(cf_check, check_fields);

#define T struct cf_checks
static const struct cf_field checks_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid),
	CF_LIST(T, list, &cf_check_shape),
	CF_TEXT(T, next, CF_MAYBE(T, has_next), CF_SINCE(1)),
};
#undef T
const struct cf_shape cf_checks_shape = CF_SHAPE(cf_checks, checks_fields);
