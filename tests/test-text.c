/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "proto/base.h"
#include "proto/text.h"
#include "proto/utf8.h"
#include "tests/tap.h"

#define MIN INT64_C(60000000000)
#define H (60 * MIN)

static const struct {
	int64_t ns;
	const char *text;
} spans[] = {
	{ 0, "0 s" },
	{ 1, "1 ns" },
	{ -1, "-1 ns" },
	{ 999, "999 ns" },
	{ 1000, "1 us" },
	{ 1234, "1.234 us" },
	{ -300 * CF_US, "-300 us" },
	{ 999949, "999.9 us" },
	{ 999950, "1 ms" },
	{ 1234 * CF_US, "1.234 ms" },
	{ 12345678, "12.35 ms" },
	{ 123450000, "123.5 ms" },
	{ 25 * CF_MS, "25 ms" },
	{ -20 * CF_MS, "-20 ms" },
	{ 2001 * CF_MS, "2.001 s" },
	{ 1500 * CF_MS, "1.5 s" },
	{ -59994 * CF_MS, "-59.99 s" },
	{ 59995 * CF_MS, "1 min" },
	{ MIN, "1 min" },
	{ 5 * MIN, "5 min" },
	{ -(MIN + 15 * CF_S), "-1 min 15 s" },
	{ 75499 * CF_MS, "1 min 15 s" },
	{ H, "1 h" },
	{ H + 2 * CF_S, "1 h 0 min 2 s" },
	{ H + 2 * MIN, "1 h 2 min" },
	{ 3599999 * CF_MS, "1 h" },
	{ CF_DAY, "1 d" },
	{ -(CF_DAY + CF_S), "-1 d 0 h 0 min 1 s" },
	{ INT64_MAX, "106751 d 23 h 47 min 17 s" },
	{ INT64_MIN, "-106751 d 23 h 47 min 17 s" },
};

static const struct {
	int64_t low, high;
	const char *text;
	const char *around;
} intervals[] = {
	{ -1250 * CF_US, 3400 * CF_US, "-1.25 ms .. +3.40 ms", "+1.08 ms +- 2.33 ms" },
	{ 0, 0, "0 s .. 0 s", "0 s +- 0 s" },
	{ 0, 10, "0 s .. +10 ns", "+5 ns +- 5 ns" },
	{ -10, 20, "-10 ns .. +20 ns", "+5 ns +- 15 ns" },
	{ -20 * CF_MS, 0, "-20.0 ms .. 0 s", "-10.0 ms +- 10.0 ms" },
	/* Outwards, whichever way the end points. */
	{ 1234567, 9876543, "+1.23 ms .. +9.88 ms", "+5.56 ms +- 4.33 ms" },
	{ -9876543, -1234567, "-9.88 ms .. -1.23 ms", "-5.56 ms +- 4.33 ms" },
	{ -999999, 999999, "-1.000 ms .. +1.000 ms", "0 s +- 1.000 ms" },
	/* Far from zero and narrow: as many digits as it takes to tell the ends apart. */
	{ 2 * CF_S - 45 * CF_US, 2 * CF_S + 45 * CF_US, "+1.9999550 s .. +2.0000450 s",
	  "+2.0000000 s +- 45.0 us" },
	{ H - 45 * CF_US, H + 45 * CF_US, "+3599.9999550 s .. +3600.0000450 s",
	  "+3600.0000000 s +- 45.0 us" },
	{ 2 * CF_S, 2 * CF_S, "+2.000000000 s .. +2.000000000 s", "+2.000000000 s +- 0 s" },
	/* Far from zero and wide: in words. */
	{ -H, H, "-1 h .. +1 h", "0 s +- 1 h" },
	{ -20 * CF_US, 2 * CF_S, "-20.0 us .. +2.00 s", "+1.00 s +- 1.01 s" },
	{ INT64_MIN, INT64_MAX, "-106751 d 23 h 47 min 17 s .. +106751 d 23 h 47 min 17 s",
	  "0 s +- 106751 d 23 h 47 min 17 s" },
	{ INT64_MIN, INT64_MIN, "-9223372036.854775808 s .. -9223372036.854775808 s",
	  "-9223372036.854775808 s +- 0 s" },
	{ INT64_MAX, INT64_MAX, "+9223372036.854775807 s .. +9223372036.854775807 s",
	  "+9223372036.854775807 s +- 0 s" },
};

static const struct {
	const char *text;
	int64_t ns;
	const char *says;	/* NULL: taken */
} parses[] = {
	{ "0", 0 },
	{ "500 us", 500 * CF_US },
	{ "25ms", 25 * CF_MS },
	{ "1 s", CF_S },
	{ "30 s", 30 * CF_S },
	{ "5 min", 5 * MIN },
	{ "1h", H },
	{ "1 d", CF_DAY },
	{ "1.5 s", 1500 * CF_MS },
	{ "0.000000001 s", 1 },
	{ "1.0 ns", 1 },
	{ "0.5 h", 30 * MIN },
	{ "00010 ms", 10 * CF_MS },
	{ "-2 s", -2 * CF_S },
	{ "+2 s", 2 * CF_S },
	{ "-0 s", 0 },
	{ "-1.5 us", -1500 },
	{ "1 \t s", CF_S },
	{ "9223372036854775807 ns", INT64_MAX },
	{ "-9223372036854775808 ns", INT64_MIN },
	{ "9223372036.854775807 s", INT64_MAX },
	{ "-9223372036.854775808 s", INT64_MIN },
#define NOT_A_SPAN "not a duration: write a number and ns, us, ms, s, min, h or d, as in \"25 ms\""
	{ "", 0, NOT_A_SPAN },
	{ "25", 0, NOT_A_SPAN },
	{ "00", 0, NOT_A_SPAN },
	{ "-0", 0, NOT_A_SPAN },
	{ "ms", 0, NOT_A_SPAN },
	{ "-", 0, NOT_A_SPAN },
	{ "- 1 s", 0, NOT_A_SPAN },
	{ ".5 s", 0, NOT_A_SPAN },
	{ "5. s", 0, NOT_A_SPAN },
	{ "1.2.3 s", 0, NOT_A_SPAN },
	{ "1,5 s", 0, NOT_A_SPAN },
	{ "1e3 s", 0, NOT_A_SPAN },
	{ "0x1 s", 0, NOT_A_SPAN },
	{ " 1 s", 0, NOT_A_SPAN },
	{ "1 s ", 0, NOT_A_SPAN },
	{ "1 S", 0, NOT_A_SPAN },
	{ "1 m", 0, NOT_A_SPAN },
	{ "1 s 5 ms", 0, NOT_A_SPAN },
	{ "1\ns", 0, NOT_A_SPAN },
	{ "0.5 ns", 0, "finer than a nanosecond" },
	{ "0.0000000001 s", 0, "finer than a nanosecond" },
	{ "9223372036854775808 ns", 0, "above 106751 d 23 h 47 min 17 s" },
	{ "-9223372036854775809 ns", 0, "below -106751 d 23 h 47 min 17 s" },
	{ "99999999999999999999999999 d", 0, "above 106751 d 23 h 47 min 17 s" },
	{ "9223372036.854775808 s", 0, "above 106751 d 23 h 47 min 17 s" },
};

static const struct {
	int64_t ns;
	const char *text;
} reals[] = {
	{ 0, "1970-01-01T00:00:00.000000000Z" },
	{ 1, "1970-01-01T00:00:00.000000001Z" },
	{ INT64_C(951782400) * CF_S, "2000-02-29T00:00:00.000000000Z" },
	{ INT64_C(951868799) * CF_S + 999999999, "2000-02-29T23:59:59.999999999Z" },
	{ INT64_C(1769860800) * CF_S, "2026-01-31T12:00:00.000000000Z" },
	{ INT64_C(4107542400) * CF_S, "2100-03-01T00:00:00.000000000Z" },
	{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
};

static const struct {
	int64_t ns;
	const char *text;
} early[] = {
	{ -1, "1969-12-31T23:59:59.999999999Z" },
	{ -CF_S, "1969-12-31T23:59:59.000000000Z" },
	{ -CF_DAY, "1969-12-31T00:00:00.000000000Z" },
	{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
};

#define NOT_A_TIME "not a time like 2026-01-31T12:00:00.000000000Z"

static const struct {
	const char *text;
	const char *says;
} bad_reals[] = {
	{ "", NOT_A_TIME },
	{ "2026-01-31T12:00:00.000000000", NOT_A_TIME },
	{ "2026-01-31T12:00:00.000000000Zx", NOT_A_TIME },
	{ "2026-01-31T12:00:00Z", NOT_A_TIME },
	{ "2026-01-31T12:00:00.0000000000Z", NOT_A_TIME },
	{ "2026-01-31t12:00:00.000000000z", NOT_A_TIME },
	{ "2026-01-31 12:00:00.000000000Z", NOT_A_TIME },
	{ "2026-01-31T12:00:00,000000000Z", NOT_A_TIME },
	{ "2026-1-31T12:00:00.0000000000Z", NOT_A_TIME },
	{ "+026-01-31T12:00:00.000000000Z", NOT_A_TIME },
	{ "2026-00-31T12:00:00.000000000Z", "no such date" },
	{ "2026-13-31T12:00:00.000000000Z", "no such date" },
	{ "2026-01-00T12:00:00.000000000Z", "no such date" },
	{ "2026-01-32T12:00:00.000000000Z", "no such date" },
	{ "2026-04-31T12:00:00.000000000Z", "no such date" },
	{ "2100-02-29T12:00:00.000000000Z", "no such date" },
	{ "2024-02-30T12:00:00.000000000Z", "no such date" },
	{ "2016-12-31T23:59:60.000000000Z", "second 60, a leap second, has no POSIX time" },
	{ "2026-01-31T12:00:61.000000000Z", "no such time of day" },
	{ "2026-01-31T12:60:00.000000000Z", "no such time of day" },
	{ "2026-01-31T24:00:00.000000000Z", "no such time of day" },
	{ "1969-12-31T23:59:59.999999999Z", "before 1970" },
	{ "0000-01-01T00:00:00.000000000Z", "before 1970" },
	{ "2262-04-11T23:47:16.854775808Z", "after 2262-04-11T23:47:16.854775807Z" },
	{ "2262-04-11T23:47:17.000000000Z", "after 2262-04-11T23:47:16.854775807Z" },
	{ "9999-12-31T23:59:59.999999999Z", "after 2262-04-11T23:47:16.854775807Z" },
};

static const cf_span lowest = { INT64_MIN }, highest = { INT64_MAX };

/* xorshift64*, each size as likely as any other. */
static uint64_t state = UINT64_C(88172645463325252);

static int64_t dice(void)
{
	uint64_t n;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	n = state * UINT64_C(2685821657736338717);
	return (int64_t)n >> (state & 63);
}

static void try_spans(void)
{
	char text[CF_SPAN_TEXT_ROOM];

	for (size_t i = 0; i < CF_COUNT(spans); i++) {
		cf_span_text((cf_span){ spans[i].ns }, text);
		ok(strcmp(text, spans[i].text) == 0, "%" PRId64 " ns reads %s", spans[i].ns, spans[i].text);
		if (strcmp(text, spans[i].text) != 0)
			printf("# says: %s\n", text);
	}
}

/* A text of one unit says the span to four digits, and what those four digits say is read back exactly. */
static void try_span_laws(void)
{
	size_t near = 0, stable = 0, signs = 0, n = 20000;

	for (size_t i = 0; i < n; i++) {
		cf_span s = { dice() % MIN }, back = { 1 }, again = { 2 };
		char text[CF_SPAN_TEXT_ROOM], once_more[CF_SPAN_TEXT_ROOM];
		bool read = cf_span_parse(cf_span_text(s, text), lowest, highest, &back, NULL) == 0;

		near += read && cf_span_abs(cf_span_sub(back, s)).ns <= cf_span_abs(s).ns / 2000;
		stable += read && strcmp(cf_span_text(back, once_more), text) == 0 &&
			  cf_span_parse(once_more, lowest, highest, &again, NULL) == 0 && again.ns == back.ns;
		signs += s.ns == 0 || (s.ns < 0) == (text[0] == '-');
	}
	ok(near == n, "%zu of %zu spans are shown to one part in 2000", near, n);
	ok(stable == n, "%zu of %zu texts are read and shown as they were", stable, n);
	ok(signs == n, "%zu of %zu texts have the right sign", signs, n);
}

/* For machines, and files that a person edits: nothing is rounded away. */
static void try_exact_spans(void)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0 s" }, { 1, "1 ns" }, { -1500, "-1500 ns" }, { 90 * CF_S, "90 s" }, { 120 * CF_S, "2 min" },
		{ 90 * CF_S + 1, "90000000001 ns" }, { -2 * CF_DAY, "-2 d" },
	};
	char text[CF_SPAN_TEXT_ROOM];
	size_t same = 0, n = 20000;

	for (size_t i = 0; i < CF_COUNT(rows); i++)
		ok(strcmp(cf_span_exact_text((cf_span){ rows[i].ns }, text), rows[i].text) == 0, "exactly %s", text);
	for (size_t i = 0; i < n; i++) {
		cf_span s = { dice() }, back = { 1 };

		same += cf_span_parse(cf_span_exact_text(s, text), lowest, highest, &back, NULL) == 0 && back.ns == s.ns;
	}
	ok(same == n, "%zu of %zu are read as they were", same, n);
}

static void try_intervals(void)
{
	char text[CF_INTERVAL_TEXT_ROOM];

	for (size_t i = 0; i < CF_COUNT(intervals); i++) {
		struct cf_interval it = { { intervals[i].low }, { intervals[i].high } };

		cf_interval_text(it, text);
		ok(strcmp(text, intervals[i].text) == 0, "an interval reads %s", intervals[i].text);
		if (strcmp(text, intervals[i].text) != 0)
			printf("# says: %s\n", text);
		cf_interval_around_text(it, text);
		ok(strcmp(text, intervals[i].around) == 0, "... and %s", intervals[i].around);
		if (strcmp(text, intervals[i].around) != 0)
			printf("# says: %s\n", text);
	}
}

/* Splits the text at between and reads both halves. */
static bool read_pair(char *text, const char *between, cf_span *first, cf_span *second)
{
	char *at = strstr(text, between);

	if (!at)
		return false;
	*at = '\0';
	if (strcmp(text, "0 s") != 0 && *text != '-' && *text != '+')
		return false;
	return cf_span_parse(text, lowest, highest, first, NULL) == 0 &&
	       cf_span_parse(at + strlen(between), lowest, highest, second, NULL) == 0;
}

/* What is shown holds what was measured, and is at most a hundredth wider on each side. */
static void try_interval_laws(void)
{
	size_t holds = 0, tight = 0, around_holds = 0, around_tight = 0, n = 20000;

	for (size_t i = 0; i < n; i++) {
		cf_span a = { dice() % (MIN / 2) }, b = { a.ns + dice() % (MIN / 3) };
		cf_span low, high, middle, half;
		struct cf_interval it = cf_interval_of(a, b), shown = { highest, lowest };
		int64_t width = cf_interval_width(it).ns;
		char text[CF_INTERVAL_TEXT_ROOM];

		if (read_pair(cf_interval_text(it, text), " .. ", &low, &high))
			shown = (struct cf_interval){ low, high };
		holds += shown.low.ns <= it.low.ns && it.high.ns <= shown.high.ns;
		tight += cf_interval_width(shown).ns <= width + width / 100 * 2 + 2;

		shown = (struct cf_interval){ highest, lowest };
		if (read_pair(cf_interval_around_text(it, text), " +- ", &middle, &half))
			shown = cf_interval_around(middle, half);
		around_holds += shown.low.ns <= it.low.ns && it.high.ns <= shown.high.ns;
		around_tight += cf_interval_width(shown).ns <= width + width / 100 * 4 + 4;
	}
	ok(holds == n, "%zu of %zu intervals are inside their text", holds, n);
	ok(tight == n, "%zu of %zu texts are hardly wider", tight, n);
	ok(around_holds == n, "%zu of %zu intervals are inside their middle and half width", around_holds, n);
	ok(around_tight == n, "%zu of %zu of those are hardly wider", around_tight, n);
}

static void try_parses(void)
{
	for (size_t i = 0; i < CF_COUNT(parses); i++) {
		struct cf_error err = { 0 };
		char shown[40];
		cf_span s = { 4711 };
		int r = cf_span_parse(parses[i].text, lowest, highest, &s, &err);

		if (!parses[i].says) {
			ok(r == 0 && s.ns == parses[i].ns, "'%s' is %" PRId64 " ns", parses[i].text,
			   parses[i].ns);
			continue;
		}
		ok(r < 0 && s.ns == 4711, "'%s' is refused",
		   cf_utf8_clean(parses[i].text, strlen(parses[i].text), shown, sizeof(shown)));
		ok(strcmp(err.text, parses[i].says) == 0, "... as %s", err.text);
		ok(err.code == CF_BAD_REQUEST, "... as the asker's fault");
	}
}

static void try_ranges(void)
{
	const cf_span min = { 10 * CF_MS }, max = { 5 * CF_S };
	struct cf_error err;
	cf_span s;

	ok(cf_span_parse("10 ms", min, max, &s, &err) == 0 && s.ns == min.ns, "the least that is allowed");
	ok(cf_span_parse("5 s", min, max, &s, &err) == 0 && s.ns == max.ns, "the most that is allowed");
	ok(cf_span_parse("9.999999 ms", min, max, &s, &err) == -ERANGE, "a nanosecond less is refused");
	ok(strcmp(err.text, "below 10 ms") == 0, "... as %s", err.text);
	ok(cf_span_parse("5.000000001 s", min, max, &s, &err) == -ERANGE, "a nanosecond more is refused");
	ok(strcmp(err.text, "above 5 s") == 0, "... as %s", err.text);
	ok(cf_span_parse("0", min, max, &s, &err) == -ERANGE, "0 has to be in range too");
	ok(cf_span_parse("999999999999 d", min, max, &s, &err) == -ERANGE,
	   "what no span holds is out of any range");
	ok(strcmp(err.text, "above 5 s") == 0, "... as %s", err.text);
	ok(cf_span_parse("x", min, max, &s, &err) == -EINVAL, "no duration at all is another error");
}

static void try_reals(void)
{
	char text[CF_REAL_TEXT_ROOM];
	cf_real t;

	for (size_t i = 0; i < CF_COUNT(reals); i++) {
		cf_real_text((cf_real){ reals[i].ns }, text);
		ok(strcmp(text, reals[i].text) == 0, "%" PRId64 " ns reads %s", reals[i].ns, reals[i].text);
		ok(cf_real_parse(reals[i].text, &t, NULL) == 0 && t.ns == reals[i].ns, "... and back");
	}
	for (size_t i = 0; i < CF_COUNT(early); i++) {
		cf_real_text((cf_real){ early[i].ns }, text);
		ok(strcmp(text, early[i].text) == 0, "%" PRId64 " ns reads %s", early[i].ns, early[i].text);
	}
	for (size_t i = 0; i < CF_COUNT(bad_reals); i++) {
		struct cf_error err = { 0 };

		t.ns = 4711;
		ok(cf_real_parse(bad_reals[i].text, &t, &err) < 0 && t.ns == 4711, "'%s' is refused",
		   bad_reals[i].text);
		ok(strcmp(err.text, bad_reals[i].says) == 0, "... as %s", err.text);
	}
}

/* Against libc's calendar, which we do not use because it knows time zones and locks. */
static void try_real_laws(void)
{
	size_t back = 0, same = 0, n = 20000;

	for (size_t i = 0; i < n; i++) {
		cf_real t = { dice() }, read = { 0 };
		time_t s = t.ns / CF_S - (t.ns % CF_S < 0);
		char text[CF_REAL_TEXT_ROOM], expected[CF_REAL_TEXT_ROOM];
		struct tm tm;

		cf_real_text(t, text);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.", gmtime_r(&s, &tm));
		same += strncmp(text, expected, strlen(expected)) == 0;
		back += t.ns < 0 ? cf_real_parse(text, &read, NULL) == -ERANGE :
				   cf_real_parse(text, &read, NULL) == 0 && read.ns == t.ns;
	}
	ok(same == n, "%zu of %zu dates are those of the C library", same, n);
	ok(back == n, "%zu of %zu times are read back exactly", back, n);
}

int main(void)
{
	try_spans();
	try_span_laws();
	try_exact_spans();
	try_intervals();
	try_interval_laws();
	try_parses();
	try_ranges();
	try_reals();
	try_real_laws();

	return done();
}
