/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cf_base64_encode(const unsigned char *data, size_t size, char *ret)
{
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)data[i] << 16;

		if (left > 1)
			group |= (uint32_t)data[i + 1] << 8;
		if (left > 2)
			group |= data[i + 2];
		*ret++ = alphabet[group >> 18];
		*ret++ = alphabet[group >> 12 & 63];
		*ret++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*ret++ = left > 2 ? alphabet[group & 63] : '=';
	}
}

static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, of which the last pads are '='. */
static bool decode_group(const char *text, size_t pads, unsigned char *ret)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int bits = i < 4 - pads ? value(text[i]) : 0;

		if (bits < 0)
			return false;
		group = group << 6 | (uint32_t)bits;
	}
	if (group & ((UINT32_C(1) << 8 * pads) - 1))
		return false;

	for (size_t i = 0; i < 3 - pads; i++)
		ret[i] = group >> (16 - 8 * i) & 0xff;
	return true;
}

bool cf_base64_decode(const char *text, size_t n, unsigned char *ret, size_t *ret_size)
{
	size_t pads = 0;

	if (n % 4 != 0)
		return false;
	if (n > 0 && text[n - 1] == '=')
		pads = text[n - 2] == '=' ? 2 : 1;

	for (size_t i = 0; i < n; i += 4)
		if (!decode_group(text + i, i + 4 == n ? pads : 0, ret + i / 4 * 3))
			return false;

	*ret_size = n / 4 * 3 - pads;
	return true;
}
