/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text from outside: is it UTF-8, and may a person's terminal see it.
 *
 * Pure, any thread.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character at s, of which n can be read: 1 to 4, or 0 when they
 * are no UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above
 * U+10FFFF) or n is 0.
 */
size_t cf_utf8_length(const char *s, size_t n);

/* Writes the character (a Unicode scalar value) into ret, without a NUL; returns its bytes, 1 to 4. */
size_t cf_utf8_put(uint32_t character, char ret[static 4]);

/*
 * Copy the n bytes at s for a log line, an error text or a terminal: at most
 * room - 1 bytes and a NUL, cut between characters; control characters (C0,
 * DEL, C1: they move cursors and start escape sequences) and bytes that are no
 * UTF-8 become '?'.  Returns ret.
 */
char *cf_utf8_clean(const char *s, size_t n, char *ret, size_t room);
