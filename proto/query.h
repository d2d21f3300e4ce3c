/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The query of a request, "after=7&wait=10s", in the shape that its route
 * declares.
 *
 * A key is the member's name without a unit, and its value is spelled as a person
 * would: a bool is true or false, an int is decimal, a span has its unit ("10s"),
 * an enum is its word, a text is itself.  A list of texts is its key repeated.
 * There are no other kinds, and every row is CF_MAYBE or a list.
 *
 * Pure, any thread, whatever the locale.
 */

#include "proto/error.h"
#include "proto/field.h"
#include "proto/grow.h"

#define CF_QUERY_VALUE_ROOM 512		/* of one value, decoded, with its NUL */

/*
 * Fill *out from the query, which is what follows the '?'.  Strict: an unknown
 * key is an error, as is one that is given twice, has no value or one out of
 * range.  CF_BAD_REQUEST, with the key in the text.  On failure *out is left as
 * it was.  A NULL shape takes the empty query alone.
 */
int cf_query_decode(const struct cf_shape *shape, const char *query, void *out, struct cf_error *err);

/* Append "?key=value&..." for a peer that knows the API up to version 1.minor; nothing when nothing is set. */
void cf_query_encode(const struct cf_shape *shape, const void *in, int minor, struct cf_grow *to);
