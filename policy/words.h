/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sentences put together without a formatter.  Whatever does not fit is cut
 * before a character, never within one: the result goes into JSON.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Append more to text, which holds a string of its own within room bytes. */
static inline void words_add(char *text, size_t room, const char *more)
{
	size_t have = strlen(text), n = strlen(more);

	if (n > room - 1 - have) {
		n = room - 1 - have;
		while (n > 0 && ((unsigned char)more[n] & 0xC0) == 0x80)
			n--;
	}
	memcpy(text + have, more, n);
	text[have + n] = '\0';
}

static inline void words_set(char *text, size_t room, const char *more)
{
	text[0] = '\0';
	words_add(text, room, more);
}

static inline void words_add_int(char *text, size_t room, int64_t number)
{
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		digits[--i] = '-';
	words_add(text, room, digits + i);
}
