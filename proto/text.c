/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"

/* Largest first; the last is what everything is counted in. */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "s", CF_S }, { "ms", CF_MS }, { "us", CF_US }, { "ns", 1 },
};

/* Sign and size apart: INT64_MIN has no positive counterpart. */
static uint64_t size_of(int64_t ns)
{
	return ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
}

/* The power of ten, at most a second, that leaves ns so many digits when counted in it. */
static uint64_t step_for(uint64_t ns, int digits)
{
	uint64_t most = digits == 3 ? 1000 : 10000, step = 1;

	while (ns / step >= most && step < (uint64_t)CF_S)
		step *= 10;
	return step;
}

static uint64_t round_down(uint64_t ns, uint64_t step) { return ns / step * step; }
static uint64_t round_up(uint64_t ns, uint64_t step) { return ns % step ? ns / step * step + step : ns; }

static uint64_t round_near(uint64_t ns, uint64_t step)
{
	return round_down(ns + step / 2, step);
}

/* "2 d 5 min": from the largest unit that is there to the smallest, nothing left out between. */
static void long_text(uint64_t ns, char *at, size_t room)
{
	static const struct {
		const char *name;
		uint64_t s;
	} parts[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	uint64_t s = round_near(ns, CF_S) / CF_S;
	bool begun = false;

	for (size_t i = 0; i < CF_COUNT(parts) && (s > 0 || !begun); i++) {
		if (s >= parts[i].s || begun) {
			int n = snprintf(at, room, "%s%" PRIu64 " %s", begun ? " " : "", s / parts[i].s,
					 parts[i].name);

			at += n;
			room -= n;
			begun = true;
		}
		s %= parts[i].s;
	}
}

/* ns is a multiple of step, and shown down to step; with trim, without zeros at the end of the fraction. */
static void decimal_text(uint64_t ns, uint64_t step, bool trim, char *at, size_t room)
{
	char fraction[24];	/* of the unit, nine digits */
	uint64_t part;
	size_t unit = 0;
	int digits = 0;

	while (unit + 1 < CF_COUNT(units) && ns < units[unit].ns)
		unit++;
	for (uint64_t scale = units[unit].ns; scale > step; scale /= 10)
		digits++;

	part = ns % units[unit].ns * ((uint64_t)CF_S / units[unit].ns);
	snprintf(fraction, sizeof(fraction), "%09" PRIu64, part);
	while (trim && digits > 0 && fraction[digits - 1] == '0')
		digits--;
	snprintf(at, room, "%" PRIu64 "%s%.*s %s", ns / units[unit].ns, digits > 0 ? "." : "", digits,
		 fraction, units[unit].name);
}

/* What has been rounded to step, with its sign; zero has none. */
static void signed_text(bool negative, bool plus, uint64_t ns, uint64_t step, bool trim, char *at,
			size_t room)
{
	if (ns == 0) {
		snprintf(at, room, "0 s");
		return;
	}
	if (negative || plus) {
		*at++ = negative ? '-' : '+';
		room--;
	}
	if (ns >= 60 * (uint64_t)CF_S && step >= (uint64_t)CF_S)
		long_text(ns, at, room);
	else
		decimal_text(ns, step, trim, at, room);
}

char *cf_span_text(cf_span s, char ret[static CF_SPAN_TEXT_ROOM])
{
	uint64_t size = size_of(s.ns), step = step_for(size, 4), shown = round_near(size, step);

	/* From a minute on in words: a hundredth of a second there is noise. */
	if (shown >= 60 * (uint64_t)CF_S) {
		step = CF_S;
		shown = round_near(size, step);
	}
	signed_text(s.ns < 0, false, shown, step, true, ret, CF_SPAN_TEXT_ROOM);
	return ret;
}

char *cf_span_exact_text(cf_span s, char ret[static CF_SPAN_TEXT_ROOM])
{
	static const struct {
		const char *name;
		int64_t ns;
	} all[] = { { "d", CF_DAY }, { "h", 60 * 60 * CF_S }, { "min", 60 * CF_S }, { "s", CF_S },
		    { "ms", CF_MS }, { "us", CF_US }, { "ns", 1 } };
	size_t i = s.ns == 0 ? 3 : 0;

	while (s.ns % all[i].ns != 0)
		i++;
	snprintf(ret, CF_SPAN_TEXT_ROOM, "%" PRId64 " %s", s.ns / all[i].ns, all[i].name);
	return ret;
}

/* The exact width, which a cf_span may not be able to hold. */
static uint64_t width_of(struct cf_interval i)
{
	return (uint64_t)i.high.ns - (uint64_t)i.low.ns;
}

static void end_text(cf_span end, bool away, uint64_t width, char *at, size_t room)
{
	uint64_t size = size_of(end.ns), own = step_for(size, 3), step = step_for(width, 3);

	if (own < step)
		step = own;
	size = away ? round_up(size, step) : round_down(size, step);
	signed_text(end.ns < 0, true, size, step, false, at, room);
}

char *cf_interval_text(struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM])
{
	uint64_t width = width_of(i);
	size_t used;

	end_text(i.low, i.low.ns < 0, width, ret, CF_SPAN_TEXT_ROOM - 4);
	used = strlen(ret);
	memcpy(ret + used, " .. ", 4);
	end_text(i.high, i.high.ns > 0, width, ret + used + 4, CF_INTERVAL_TEXT_ROOM - used - 4);
	return ret;
}

char *cf_interval_around_text(struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM])
{
	uint64_t width = width_of(i), half = width - width / 2, step = step_for(half, 3);
	int64_t middle = (int64_t)((uint64_t)i.low.ns + width / 2);
	uint64_t size = size_of(middle), shown = round_near(size, step);
	uint64_t moved = shown > size ? shown - size : size - shown;
	size_t used;

	signed_text(middle < 0, true, shown, step, false, ret, CF_SPAN_TEXT_ROOM - 4);
	used = strlen(ret);
	memcpy(ret + used, " +- ", 4);
	signed_text(false, false, round_up(half + moved, step), step, false, ret + used + 4,
		    CF_INTERVAL_TEXT_ROOM - used - 4);
	return ret;
}
