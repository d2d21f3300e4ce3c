/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/notice.h"

#define T struct cf_notice_message
static const struct cf_field notice_message_fields[] = {
	CF_TEXT(T, migration),
	CF_TIME(T, void_from, CF_MAYBE(T, has_void_from)),
	CF_TIME(T, void_until),
	CF_INTERVAL(T, residual, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_residual)),
};
#undef T
const struct cf_shape cf_notice_message_shape = CF_SHAPE(cf_notice_message, notice_message_fields);
