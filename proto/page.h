/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A list that may be longer than one answer.  An answer that is not the end of it
 * has `next`, which is the `cursor` of the request for what follows; it means
 * nothing else to a client, and stays good when the list changes meanwhile.
 */

#include "proto/field.h"
#include "proto/version.h"

#define CF_CURSOR_ROOM CF_NAME_ROOM

struct cf_page_query {
	bool has_limit;
	int64_t limit;			/* at most; the route's own limit when absent or above that */
	bool has_cursor;
	char cursor[CF_CURSOR_ROOM];
};

extern const struct cf_shape cf_page_query_shape;
