/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/codec-token.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

#define NUMBER_ROOM 64	/* a number with its NUL; no double needs more than 25 characters */

int cf_token_fail(const struct cf_tokens *in, const char *why)
{
	return cf_path_fail(in->blame, in->root, EINVAL, "not JSON at byte %zu: %s",
			    (size_t)(in->at - in->text), why);
}

bool cf_token_word(struct cf_tokens *in, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(in->end - in->at) < n || memcmp(in->at, word, n) != 0)
		return false;
	in->at += n;
	return true;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(struct cf_tokens *in)
{
	const char *first = in->at;

	while (digit(cf_token_peek(in)))
		in->at++;
	return in->at > first;
}

/* RFC 8259 section 6; *whole: without point and exponent. */
static int take_number(struct cf_tokens *in, bool *whole)
{
	*whole = true;
	cf_token_take(in, '-');
	if (!cf_token_take(in, '0') && !take_digits(in))
		return cf_token_fail(in, "a number without digits");
	if (digit(cf_token_peek(in)))
		return cf_token_fail(in, "a number that begins with 0");
	if (cf_token_take(in, '.')) {
		*whole = false;
		if (!take_digits(in))
			return cf_token_fail(in, "no digit after the point");
	}
	if (cf_token_take(in, 'e') || cf_token_take(in, 'E')) {
		*whole = false;
		if (!cf_token_take(in, '+'))
			cf_token_take(in, '-');
		if (!take_digits(in))
			return cf_token_fail(in, "no digit in the exponent");
	}
	return 0;
}

/* Counted downwards, as INT64_MIN has no positive counterpart; false beyond 64 bits. */
static bool read_int(const char *at, const char *end, int64_t *ret)
{
	bool negative = *at == '-';
	int64_t n = 0;

	for (at += negative; at < end; at++)
		if (__builtin_mul_overflow(n, INT64_C(10), &n) ||
		    __builtin_sub_overflow(n, (int64_t)(*at - '0'), &n))
			return false;

	if (!negative && __builtin_sub_overflow(INT64_C(0), n, &n))
		return false;
	*ret = n;
	return true;
}

/* "C" is built into every libc: it takes no memory and cannot fail. */
static double read_real(const char *at, size_t n)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	char number[NUMBER_ROOM];

	memcpy(number, at, n);
	number[n] = '\0';
	return strtod_l(number, NULL, c);
}

int cf_token_number(struct cf_tokens *in, const struct cf_path *path, struct cf_number *ret)
{
	const char *first = in->at;
	struct cf_number number;
	int r;

	r = take_number(in, &number.whole);
	if (r < 0)
		return r;
	if (number.whole) {
		if (!read_int(first, in->at, &number.n))
			return cf_path_fail(in->blame, path, ERANGE, "beyond 64 bits");
	} else {
		if (in->at - first >= NUMBER_ROOM)
			return cf_path_fail(in->blame, path, ERANGE, "a number longer than %d characters",
					    NUMBER_ROOM - 1);
		number.d = read_real(first, in->at - first);
	}

	*ret = number;
	return 0;
}

/* Four hexadecimal digits, or -1. */
static int32_t take_hex4(struct cf_tokens *in)
{
	int32_t n = 0;

	for (int i = 0; i < 4; i++) {
		char c = cf_token_peek(in);

		if (digit(c))
			n = n << 4 | (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			n = n << 4 | ((c & 7) + 9);
		else
			return -1;
		in->at++;
	}
	return n;
}

/* What follows \u, one UTF-16 unit or two with "\u" between: the character it is, or -errno. */
static int32_t take_unicode(struct cf_tokens *in, const struct cf_path *path)
{
	int32_t first = take_hex4(in), second;

	if (first < 0)
		return cf_token_fail(in, "\\u without four hexadecimal digits");
	if (first == 0)
		return cf_path_fail(in->blame, path, EINVAL, "holds a NUL");
	if (first < 0xd800 || first > 0xdfff)
		return first;
	if (first < 0xdc00 && cf_token_take(in, '\\') && cf_token_take(in, 'u')) {
		second = take_hex4(in);
		if (second >= 0xdc00 && second <= 0xdfff)
			return 0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00);
	}
	return cf_token_fail(in, "half a surrogate pair");
}

/* What it stands for never takes more bytes than the escape. */
static int take_escape(struct cf_tokens *in, const struct cf_path *path, char **to)
{
	static const char spelled[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	int32_t c;

	in->at++;
	for (size_t i = 0; spelled[i]; i++)
		if (cf_token_take(in, spelled[i])) {
			*(*to)++ = meant[i];
			return 0;
		}
	if (!cf_token_take(in, 'u'))
		return cf_token_fail(in, "an escape that does not exist");

	c = take_unicode(in, path);
	if (c < 0)
		return c;
	*to += cf_utf8_put(c, *to);
	return 0;
}

int cf_token_text(struct cf_tokens *in, const struct cf_path *path, size_t *ret)
{
	char *to = in->spare;
	size_t length;
	int r;

	in->at++;
	while (!cf_token_take(in, '"')) {
		if (in->at == in->end)
			return cf_token_fail(in, "a text without its end");
		if (*in->at == '\\') {
			r = take_escape(in, path, &to);
			if (r < 0)
				return r;
			continue;
		}
		if ((unsigned char)*in->at < 0x20)
			return cf_token_fail(in, "a control character in a text");
		length = cf_utf8_length(in->at, in->end - in->at);
		if (length == 0)
			return cf_token_fail(in, "not UTF-8");
		memcpy(to, in->at, length);
		to += length;
		in->at += length;
	}

	*ret = to - in->spare;
	return 0;
}
