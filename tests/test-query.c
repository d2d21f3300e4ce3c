/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Queries: what is taken, what is refused and in which words, and that what is sent comes back. */

#include "proto/query.h"

#include <errno.h>
#include <string.h>

#include "proto/base.h"
#include "tests/tap.h"

enum colour { COLOUR_UNKNOWN, COLOUR_RED, COLOUR_BLUE, N_COLOURS };
static const char *const colour_words[N_COLOURS] = { "unknown", "red", "blue" };

struct asked {
	bool has_deep, deep, has_count, has_wait, has_colour, has_name, has_late;
	int64_t count;
	cf_span wait;
	enum colour colour;
	char name[8];
	char tags[3][8];
	size_t n_tags;
	int64_t late;
};

#define T struct asked
static const struct cf_field asked_fields[] = {
	CF_BOOL(T, deep, CF_MAYBE(T, has_deep)),
	CF_INT(T, count, -5, 1000, CF_MAYBE(T, has_count)),
	CF_SPAN(T, wait, 0, CF_DAY, CF_MAYBE(T, has_wait)),
	CF_ENUM(T, colour, colour_words, N_COLOURS, CF_MAYBE(T, has_colour)),
	CF_TEXT(T, name, CF_MAYBE(T, has_name)),
	CF_LIST(T, tags, NULL),
	CF_INT(T, late, 0, INT64_MAX, CF_MAYBE(T, has_late), CF_SINCE(2)),
};
#undef T
static const struct cf_shape asked_shape = CF_SHAPE(asked, asked_fields);

static char *spell(const struct asked *asked, int minor)
{
	struct cf_grow text = { 0 };

	cf_query_encode(&asked_shape, asked, minor, &text);
	return cf_grow_take(&text);
}

static void try_good(void)
{
	static const char everything[] =
		"count=-5&deep=true&wait=1.5%20s&colour=blue&name=a%26b%3D%C3%BC&tags=x=y&tags=&tags=z&late=0";
	struct asked asked;
	struct cf_error err = { 0 };

	ok(cf_query_decode(&asked_shape, everything, &asked, &err) == 0, "a query with everything %s", err.text);
	ok(asked.has_count && asked.count == -5 && asked.has_deep && asked.deep, "... int, bool");
	ok(asked.has_wait && asked.wait.ns == 1500 * CF_MS && asked.has_colour && asked.colour == COLOUR_BLUE,
	   "... span, enum");
	ok(asked.has_name && strcmp(asked.name, "a&b=\xc3\xbc") == 0, "... text");
	ok(asked.n_tags == 3 && strcmp(asked.tags[0], "x=y") == 0 && !*asked.tags[1] && strcmp(asked.tags[2], "z") == 0,
	   "... list");
	ok(asked.has_late && asked.late == 0, "... and 0 is not absent");

	ok(cf_query_decode(&asked_shape, "", &asked, &err) == 0 && !asked.has_count && !asked.has_late && asked.n_tags == 0,
	   "an empty one sets nothing");
	ok(cf_query_decode(&asked_shape, "name=a+b&", &asked, &err) == 0 && strcmp(asked.name, "a+b") == 0,
	   "a plus is a plus");
	ok(cf_query_decode(NULL, "", NULL, &err) == 0, "no parameters where there are none");
}

static const struct {
	const char *query, *says;
} bad[] = {
	{ "x=1", "x: unknown parameter" },
	{ "Count=1", "Count: unknown parameter" },
	{ "count", "count: without a value" },
	{ "count&deep=true", "count: without a value" },
	{ "=1", "the query: unknown parameter" },
	{ "&count=1", "the query: without a value" },
	{ "count=1&count=1", "count: given twice" },
	{ "count=", "count: '' is no whole number" },
	{ "count=+1", "count: '+1' is no whole number" },
	{ "count=%201", "count: ' 1' is no whole number" },
	{ "count=1.0", "count: '1.0' is no whole number" },
	{ "count=0x1", "count: '0x1' is no whole number" },
	{ "count=-", "count: '-' is no whole number" },
	{ "count=1001", "count: 1001 is not within -5 to 1000" },
	{ "count=99999999999999999999999999", "count: 99999999999999999999 is not within -5 to 1000" },
	{ "deep=1", "deep: '1' is neither true nor false" },
	{ "wait=5", "wait: " },
	{ "wait=2d", "wait: " },
	{ "colour=green%1b", "colour: 'green?' is none of the words there are" },
	{ "name=12345678", "name: longer than 7 bytes" },
	{ "name=%ff", "name: not UTF-8" },
	{ "name=%", "name: the value is malformed or too long" },
	{ "name=%4", "name: the value is malformed or too long" },
	{ "name=%00", "name: the value is malformed or too long" },
	{ "na%zzme=1", "na%zzme: no name of a parameter" },
	{ "tags=1&tags=2&tags=3&tags=4", "tags: given too often" },
};

static void try_bad(void)
{
	char *long_value = calloc(1, 2 * CF_QUERY_VALUE_ROOM);
	struct asked asked, before;
	struct cf_error err;

	memset(&asked, 0x5a, sizeof(asked));
	before = asked;
	for (size_t i = 0; i < CF_COUNT(bad); i++) {
		err = (struct cf_error){ 0 };
		ok(cf_query_decode(&asked_shape, bad[i].query, &asked, &err) < 0 && err.code == CF_BAD_REQUEST &&
		   strncmp(err.text, bad[i].says, strlen(bad[i].says)) == 0, "%s: %s", bad[i].query, err.text);
	}
	memset(stpcpy(long_value, "name="), 'a', CF_QUERY_VALUE_ROOM);
	ok(cf_query_decode(&asked_shape, long_value, &asked, &err) < 0, "a value without end: %s", err.text);
	ok(memcmp(&asked, &before, sizeof(asked)) == 0, "none of them has changed anything");
	ok(cf_query_decode(NULL, "x=1", NULL, &err) < 0 && strcmp(err.text, "x: unknown parameter") == 0,
	   "one where there are none is unknown");
	ok(cf_query_decode(&asked_shape, "x=1", &asked, NULL) < 0, "nobody has to want the error");
	free(long_value);
}

static void try_sent(void)
{
	struct asked asked = {
		.has_deep = true, .has_count = true, .count = 7, .has_wait = true, .wait = { 1500 * CF_MS },
		.has_colour = true, .colour = COLOUR_RED, .has_name = true, .name = "a &=\xc3\xbc", .n_tags = 2,
		.tags = { "x=y", "" }, .has_late = true, .late = INT64_MAX,
	}, back = { 0 };
	char *text = spell(&asked, 2);

	ok(text && strcmp(text, "?deep=false&count=7&wait=1500ms&colour=red&name=a%20%26%3D%C3%BC"
			  "&tags=x%3Dy&tags=&late=9223372036854775807") == 0, "%s", text);
	ok(text && cf_query_decode(&asked_shape, text + 1, &back, NULL) == 0 &&
	   memcmp(&asked, &back, sizeof(asked)) == 0, "... comes back as it was");
	free(text);

	text = spell(&asked, 1);
	ok(text && !strstr(text, "late"), "an older agent is not asked what it does not know");
	free(text);
	text = spell(&(struct asked){ 0 }, 2);
	ok(text && !*text, "nothing is not even a question mark");
	free(text);
}

int main(void)
{
	try_good();
	try_bad();
	try_sent();

	return done();
}
