/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/terms.h"

#define T struct cf_tighten
static const struct cf_field tighten_fields[] = {
	CF_SPAN(T, max_error_bound, 0, CF_DAY, CF_MAYBE(T, has_max_error_bound)),
	CF_SPAN(T, max_skew, 0, CF_DAY, CF_MAYBE(T, has_max_skew)),
	CF_SPAN(T, max_blackout, 0, CF_DAY, CF_MAYBE(T, has_max_blackout)),
	CF_SPAN(T, max_residual, 0, CF_DAY, CF_MAYBE(T, has_max_residual)),
	CF_ENUM(T, require_lever, cf_lever_words, CF_N_LEVERS, CF_MAYBE(T, has_require_lever)),
};
#undef T
static const struct cf_shape tighten_shape = CF_SHAPE(cf_tighten, tighten_fields);

#define T struct cf_override
static const struct cf_field override_fields[] = {
	CF_LIST(T, findings, NULL),
	CF_TEXT(T, reason),
};
#undef T
const struct cf_shape cf_override_shape = CF_SHAPE(cf_override, override_fields);

#define T struct cf_terms
static const struct cf_field terms_fields[] = {
	CF_TEXT(T, policy, CF_MAYBE(T, has_policy)),
	CF_STRUCT(T, tighten, tighten_shape, CF_MAYBE(T, has_tighten)),
	CF_STRUCT(T, override, cf_override_shape, CF_MAYBE(T, has_override)),
};
#undef T
const struct cf_shape cf_terms_shape = CF_SHAPE(cf_terms, terms_fields);

#define T struct cf_policy_used
static const struct cf_field policy_used_fields[] = {
	CF_TEXT(T, source),
	CF_TEXT(T, destination),
	CF_TEXT(T, requested),
	CF_BOOL(T, domains_choice),
	CF_TEXT(T, digest),
};
#undef T
const struct cf_shape cf_policy_used_shape = CF_SHAPE(cf_policy_used, policy_used_fields);
