/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/page.h"

/* A first agent passes both over, and has no `next` to be asked for. */
#define T struct cf_page_query
static const struct cf_field page_query_fields[] = {
	CF_INT(T, limit, 1, 1000, CF_MAYBE(T, has_limit)),
	CF_TEXT(T, cursor, CF_MAYBE(T, has_cursor)),
};
#undef T
const struct cf_shape cf_page_query_shape = CF_SHAPE(cf_page_query, page_query_fields);
