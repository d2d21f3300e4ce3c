/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/utf8.h"

#include <stdbool.h>
#include <string.h>

/* The second byte is where overlong forms, surrogates and the end of Unicode show (RFC 3629 section 4). */
static bool second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0: return second >= 0xa0 && second <= 0xbf;
	case 0xed: return second >= 0x80 && second <= 0x9f;
	case 0xf0: return second >= 0x90 && second <= 0xbf;
	case 0xf4: return second >= 0x80 && second <= 0x8f;
	default:   return second >= 0x80 && second <= 0xbf;
	}
}

static size_t announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t cf_utf8_length(const char *s, size_t n)
{
	const unsigned char *at = (const unsigned char *)s;
	size_t length = n > 0 ? announced(at[0]) : 0;

	if (length == 0 || length > n)
		return 0;
	if (length > 1 && !second_fits(at[0], at[1]))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;

	return length;
}

size_t cf_utf8_put(uint32_t character, char ret[static 4])
{
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t length = 1 + (character >= 0x80) + (character >= 0x800) + (character >= 0x10000);

	for (size_t i = length; i-- > 1; character >>= 6)
		ret[i] = 0x80 | (character & 0x3f);
	ret[0] = heads[length] | character;
	return length;
}

static bool control(const char *s, size_t length)
{
	unsigned char first = s[0];

	if (length == 1)
		return first < 0x20 || first == 0x7f;
	return length == 2 && first == 0xc2 && (unsigned char)s[1] < 0xa0;
}

char *cf_utf8_clean(const char *s, size_t n, char *ret, size_t room)
{
	size_t used = 0;

	for (size_t i = 0, length; i < n; i += length) {
		bool good;

		length = cf_utf8_length(s + i, n - i);
		good = length > 0 && !control(s + i, length);
		length += length == 0;
		if (used + (good ? length : 1) >= room)
			break;
		if (good)
			memcpy(ret + used, s + i, length);
		else
			ret[used] = '?';
		used += good ? length : 1;
	}
	ret[used] = '\0';
	return ret;
}
