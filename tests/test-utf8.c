/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "proto/base.h"
#include "proto/utf8.h"
#include "tests/tap.h"

static const struct {
	const char *text, *clean;
} cleans[] = {
	{ "plain", "plain" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "\x1b[2J", "?[2J" },
	{ "a\nb\x7f" "c", "a?b?c" },
	{ "\xc2\x9b" "2J", "?2J" },
	{ "\xc2\xa0", "\xc2\xa0" },
	{ "\xff\xc3", "??" },
	{ "\xc0\x80", "??" },
	{ "\xed\xa0\x80", "???" },
	{ "1234567890123456", "123456789012345" },
	{ "12345678901234\xc3\xbc", "12345678901234" },
	{ "1234567890123\xe2\x82\xac", "1234567890123" },
};

static void try_cleans(void)
{
	char text[16];

	for (size_t i = 0; i < CF_COUNT(cleans); i++) {
		cf_utf8_clean(cleans[i].text, strlen(cleans[i].text), text, sizeof(text));
		ok(strcmp(text, cleans[i].clean) == 0, "for people: %s", cleans[i].clean);
	}
	ok(strcmp(cf_utf8_clean("a\0b", 3, text, sizeof(text)), "a?b") == 0, "a NUL inside is shown");
	ok(strcmp(cf_utf8_clean("abc", 3, text, 1), "") == 0, "no room, no text");
}

/* Every character there is, written and measured; and no surrogate. */
static void try_all(void)
{
	size_t good = 0, n = 0;
	char text[4];

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t length = cf_utf8_put(c, text);

		n++;
		if (c >= 0xd800 && c <= 0xdfff)
			good += cf_utf8_length(text, length) == 0;
		else
			good += cf_utf8_length(text, length) == length &&
				cf_utf8_length(text, length - 1) == 0;
	}
	ok(good == n, "%zu of %zu characters are what they should be", good, n);
	ok(cf_utf8_length("\xf4\x90\x80\x80", 4) == 0 && cf_utf8_length("\xf5\x80\x80\x80", 4) == 0,
	   "nothing comes after the last");
}

int main(void)
{
	try_cleans();
	try_all();

	return done();
}
