/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/probe.h"

#define T struct cf_instant
static const struct cf_field instant_fields[] = {
	CF_MONO(T, raw),
	CF_TIME(T, real),
	CF_SPAN(T, width, 0, CF_DAY),
};
#undef T
const struct cf_shape cf_instant_shape = CF_SHAPE(cf_instant, instant_fields);

const struct cf_shape cf_round_request_shape = { .name = "cf_round_request", .size = 1 };

#define T struct cf_round_reply
static const struct cf_field round_reply_fields[] = {
	CF_MONO(T, t2),
	CF_MONO(T, t3),
	CF_STRUCT(T, at, cf_instant_shape),
	CF_TEXT(T, boot),
};
#undef T
const struct cf_shape cf_round_reply_shape = CF_SHAPE(cf_round_reply, round_reply_fields);
