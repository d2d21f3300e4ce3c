/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"

struct date { int64_t year, month, day; };

/*
 * Days since 1970-01-01 and back, in the proleptic Gregorian calendar, with a
 * year that begins in March, so that the leap day is its last: "chrono-Compatible
 * Low-Level Date Algorithms", Howard Hinnant, days_from_civil, civil_from_days.
 */
static int64_t days_from(struct date d)
{
	int64_t y = d.year - (d.month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct date date_from(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t month = (5 * of_year + 2) / 153;

	return (struct date){
		.year = years + era * 400 + (month >= 10),
		.month = month + (month < 10 ? 3 : -9),
		.day = of_year - (153 * month + 2) / 5 + 1,
	};
}

char *cf_real_text(cf_real t, char ret[static CF_REAL_TEXT_ROOM])
{
	int64_t s = t.ns / CF_S - (t.ns % CF_S < 0), ns = t.ns % CF_S + (t.ns % CF_S < 0) * CF_S;
	int64_t day = s / 86400 - (s % 86400 < 0), of_day = s % 86400 + (s % 86400 < 0) * 86400;
	struct date d = date_from(day);

	snprintf(ret, CF_REAL_TEXT_ROOM, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned)d.year % 10000, (unsigned)d.month % 100, (unsigned)d.day % 100,
		 (unsigned)(of_day / 3600) % 24, (unsigned)(of_day / 60 % 60) % 60, (unsigned)(of_day % 60) % 60,
		 (unsigned)ns % (unsigned)CF_S);
	return ret;
}

/* The digits at at, where pattern has '0's; n of them. */
static int64_t number(const char *at, size_t n)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (at[i] - '0');
	return value;
}

static bool looks_like(const char *text, const char *pattern)
{
	for (; *text && *pattern; text++, pattern++)
		if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
			return false;

	return *text == *pattern;
}

static bool exists(struct date d)
{
	struct date same;

	if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31)
		return false;
	same = date_from(days_from(d));
	return same.month == d.month;
}

int cf_real_parse(const char *text, cf_real *ret, struct cf_error *err)
{
	struct date d;
	int64_t h, min, s, ns;

	if (!looks_like(text, "0000-00-00T00:00:00.000000000Z"))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST,
			       "not a time like 2026-01-31T12:00:00.000000000Z");

	d = (struct date){ number(text, 4), number(text + 5, 2), number(text + 8, 2) };
	h = number(text + 11, 2);
	min = number(text + 14, 2);
	s = number(text + 17, 2);
	if (!exists(d))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "no such date");
	if (s == 60)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "second 60, a leap second, has no POSIX time");
	if (h > 23 || min > 59 || s > 59)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "no such time of day");

	s += days_from(d) * 86400 + h * 3600 + min * 60;
	if (s < 0)
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "before 1970");
	if (__builtin_mul_overflow(s, CF_S, &ns) || __builtin_add_overflow(ns, number(text + 20, 9), &ns))
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "after 2262-04-11T23:47:16.854775807Z");

	ret->ns = ns;
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 }, { "us", CF_US }, { "ms", CF_MS }, { "s", CF_S },
	{ "min", 60 * CF_S }, { "h", 3600 * CF_S }, { "d", CF_DAY },
};

static int not_a_span(struct cf_error *err)
{
	return cf_fail(err, EINVAL, CF_BAD_REQUEST,
		       "not a duration: write a number and ns, us, ms, s, min, h or d, as in \"25 ms\"");
}

struct decimal {
	bool negative;
	const char *whole, *fraction;
	size_t n_whole, n_fraction;
};

static size_t digits(const char *text)
{
	size_t n = 0;

	while (text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/* Moves *text past a number; false when there is none. */
static bool take_decimal(const char **text, struct decimal *ret)
{
	const char *at = *text;

	ret->negative = *at == '-';
	ret->whole = at += *at == '-' || *at == '+';
	at += ret->n_whole = digits(at);
	ret->fraction = at;
	ret->n_fraction = 0;
	if (*at == '.') {
		ret->fraction = ++at;
		at += ret->n_fraction = digits(at);
		if (ret->n_fraction == 0)
			return false;
	}
	*text = at;
	return ret->n_whole > 0;
}

/* Counted downwards when negative, as INT64_MIN has no positive counterpart; false beyond the type. */
static bool add_digit(int64_t *sum, int64_t part, bool negative)
{
	return negative ? !__builtin_sub_overflow(*sum, part, sum) : !__builtin_add_overflow(*sum, part, sum);
}

/* 0, or EINVAL for less than a nanosecond, or ERANGE. */
static int scale(const struct decimal *d, int64_t unit, int64_t *ret)
{
	int64_t sum = 0, place = unit;

	for (size_t i = 0; i < d->n_whole; i++)
		if (__builtin_mul_overflow(sum, INT64_C(10), &sum) ||
		    !add_digit(&sum, d->whole[i] - '0', d->negative))
			return ERANGE;
	if (__builtin_mul_overflow(sum, unit, &sum))
		return ERANGE;

	for (size_t i = 0; i < d->n_fraction; i++) {
		int64_t digit = d->fraction[i] - '0';

		if (digit > 0 && place % 10 != 0)
			return EINVAL;
		place /= 10;
		if (!add_digit(&sum, digit * place, d->negative))
			return ERANGE;
	}

	*ret = sum;
	return 0;
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static int beyond(bool below, cf_span limit, struct cf_error *err)
{
	char text[CF_SPAN_TEXT_ROOM];

	return cf_fail(err, ERANGE, CF_BAD_REQUEST, "%s %s", below ? "below" : "above",
		       cf_span_text(limit, text));
}

int cf_span_parse(const char *text, cf_span min, cf_span max, cf_span *ret, struct cf_error *err)
{
	struct decimal d = { 0 };
	size_t unit = 0;
	int64_t ns = 0;
	int r = 0;

	if (strcmp(text, "0") != 0) {
		if (!take_decimal(&text, &d))
			return not_a_span(err);
		text = skip_blanks(text);
		while (unit < CF_COUNT(units) && strcmp(units[unit].name, text) != 0)
			unit++;
		if (unit == CF_COUNT(units))
			return not_a_span(err);
		r = scale(&d, units[unit].ns, &ns);
	}
	if (r == EINVAL)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "finer than a nanosecond");
	if (r == ERANGE ? d.negative : ns < min.ns)
		return beyond(true, min, err);
	if (r == ERANGE || ns > max.ns)
		return beyond(false, max, err);

	ret->ns = ns;
	return 0;
}
