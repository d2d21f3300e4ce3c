/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Base64 as in RFC 4648 section 4: padded, the standard alphabet, no line
 * breaks, and no second spelling of the same bytes (unused bits are zero).
 *
 * Pure, any thread.
 */

#include <stdbool.h>
#include <stddef.h>

/* Characters that size bytes become; no NUL is counted or written. */
static inline size_t cf_base64_size(size_t size)
{
	return size / 3 * 4 + (size % 3 ? 4 : 0);
}

/* Into ret, which has room for cf_base64_size(size) characters. */
void cf_base64_encode(const unsigned char *data, size_t size, char *ret);

/*
 * Into ret, which has room for n / 4 * 3 bytes; *ret_size bytes were written.
 * False for anything else than what cf_base64_encode() writes; ret may then
 * hold a part.
 */
bool cf_base64_decode(const char *text, size_t n, unsigned char *ret, size_t *ret_size);
