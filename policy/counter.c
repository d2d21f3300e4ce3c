/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/counter.h"

#include <assert.h>

#include "policy/wide.h"

typedef unsigned __int128 product;

uint64_t cf_counter_scaled(uint64_t host, struct cf_ratio ratio)
{
	if (!ratio.ratio)
		return host;
	return (uint64_t)((product)host * ratio.ratio >> (ratio.frac_bits & 63));
}

uint64_t cf_counter_guest(uint64_t host, struct cf_ratio ratio, int64_t offset)
{
	return cf_counter_scaled(host, ratio) + (uint64_t)offset;
}

/*
 * For a division of 128 bit the compiler calls a library, which neither QEMU's
 * process nor this folder wants.  Most need none: 6 s of a 3 GHz counter fit.
 */
uint64_t cf_counter_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	product whole = (product)a * b, rest = 0;
	uint64_t quotient = 0;

	assert(c);
	if (!(uint64_t)(whole >> 64))
		return (uint64_t)whole / c;
	for (int bit = 127; bit >= 0; bit--) {
		rest = rest << 1 | (uint64_t)(whole >> bit & 1);
		quotient <<= 1;
		if (rest >= c) {
			rest -= c;
			quotient |= 1;
		}
	}
	return quotient;
}

uint64_t cf_counter_ticks(cf_span time, uint64_t hz)
{
	return time.ns <= 0 ? 0 : cf_counter_mul_div((uint64_t)time.ns, hz, CF_S);
}

cf_span cf_counter_time(uint64_t ticks, uint64_t hz)
{
	uint64_t seconds, rest;

	if (!hz)
		return (cf_span){ 0 };
	seconds = ticks / hz;
	rest = cf_counter_mul_div(ticks % hz, CF_S, hz);
	return wide_span((wide)seconds * CF_S + rest);
}

cf_span cf_counter_distance(uint64_t to, uint64_t from, uint64_t hz)
{
	uint64_t ticks = to - from;

	if ((int64_t)ticks >= 0)
		return cf_counter_time(ticks, hz);
	return cf_span_neg(cf_counter_time(-ticks, hz));
}

cf_span cf_counter_elapsed(const struct cf_elapsed *e, bool *clamped)
{
	wide elapsed = (wide)e->now.ns - e->captured.ns - e->offset.ns;

	if (e->now_tai_s && e->captured_tai_s)
		elapsed += ((wide)e->now_tai_s - e->captured_tai_s) * CF_S;
	if (clamped)
		*clamped = elapsed < 0;
	return wide_span(wide_max(elapsed, 0));
}

int64_t cf_tsc_offset(const struct cf_tsc *source, uint64_t ticks, uint64_t host, struct cf_ratio ratio)
{
	uint64_t guest = cf_counter_guest(source->host, source->ratio, source->offset) + ticks;

	return (int64_t)(guest - cf_counter_scaled(host, ratio));
}

int64_t cf_tsc_offset_by_kvmclock(const struct cf_tsc *source, uint64_t source_clock, uint64_t host,
				  uint64_t clock, uint64_t hz)
{
	int64_t ns = (int64_t)(clock - source_clock);
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	uint64_t ticks = cf_counter_mul_div(size, hz, CF_S);

	return (int64_t)((uint64_t)source->offset + (ns < 0 ? -ticks : ticks) + source->host - host);
}

uint64_t cf_cnt_offset(uint64_t source_host, uint64_t source_offset, uint64_t ticks, uint64_t host)
{
	return host - (source_host - source_offset + ticks);
}
