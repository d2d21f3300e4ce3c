/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/policy.h"

#define T struct cf_policy_row
static const struct cf_field policy_row_fields[] = {
	CF_TEXT(T, key),
	CF_TEXT(T, value),
	CF_TEXT(T, otherwise),
	CF_TEXT(T, range),
	CF_TEXT(T, meaning),
};
#undef T
static const struct cf_shape policy_row_shape = CF_SHAPE(cf_policy_row, policy_row_fields);

#define T struct cf_policy_head
static const struct cf_field policy_head_fields[] = {
	CF_TEXT(T, name),
	CF_TEXT(T, description),
	CF_TEXT(T, origin),
	CF_BOOL(T, in_use),
	CF_TEXT(T, digest),
	CF_STRUCT(T, limits, cf_limits_shape),
};
#undef T
static const struct cf_shape policy_head_shape = CF_SHAPE(cf_policy_head, policy_head_fields);

#define T struct cf_policies
static const struct cf_field policies_fields[] = {
	CF_LIST(T, list, &policy_head_shape),
};
#undef T
const struct cf_shape cf_policies_shape = CF_SHAPE(cf_policies, policies_fields);

#define T struct cf_policy
static const struct cf_field policy_fields[] = {
	CF_STRUCT(T, policy, policy_head_shape),
	CF_LIST(T, rows, &policy_row_shape),
};
#undef T
const struct cf_shape cf_policy_shape = CF_SHAPE(cf_policy, policy_fields);
