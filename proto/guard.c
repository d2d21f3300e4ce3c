/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/guard.h"

const char *const cf_guard_mode_words[CF_N_GUARD_MODES] = {
	[CF_GUARD_UNKNOWN] = "unknown",
	[CF_GUARD_OFF]     = "off",
	[CF_GUARD_OBSERVE] = "observe",
	[CF_GUARD_ENFORCE] = "enforce",
};

#define T struct cf_guard_request
static const struct cf_field guard_request_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid, CF_MAYBE(T, has_uuid)),
};
#undef T
const struct cf_shape cf_guard_request_shape = CF_SHAPE(cf_guard_request, guard_request_fields);

/* The hook reads the first two, with a reader of its own (hook/answer.h). */
#define T struct cf_guard_answer
static const struct cf_field guard_answer_fields[] = {
	CF_BOOL(T, let_in),
	CF_TEXT(T, text),
	CF_ENUM(T, mode, cf_guard_mode_words, CF_N_GUARD_MODES),
	CF_BOOL(T, expected),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_guard_answer_shape = CF_SHAPE(cf_guard_answer, guard_answer_fields);
