/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Arithmetic of this folder: sums of many times that may each be absurd.
 *
 * Saturating sums would do for two terms; of more, an intermediate one may
 * saturate and come back wrong.  So they are taken in 128 bit, and only the
 * result is cut to what a span can hold, which keeps an interval's ends on the
 * right side of the truth.  No products and no conversions of wide numbers: the
 * compiler calls a library for those.
 */

#include "proto/time.h"

typedef __int128 wide;

static inline cf_span wide_span(wide ns)
{
	if (ns > INT64_MAX)
		return (cf_span){ INT64_MAX };
	if (ns < INT64_MIN)
		return (cf_span){ INT64_MIN };
	return (cf_span){ (int64_t)ns };
}

static inline struct cf_interval wide_interval(wide low, wide high)
{
	return (struct cf_interval){ wide_span(low), wide_span(high) };
}

static inline wide wide_min(wide a, wide b) { return a < b ? a : b; }
static inline wide wide_max(wide a, wide b) { return a > b ? a : b; }

/*
 * How far two clocks may have moved against each other over a distance that one
 * of them counted, when neither gains or loses more than ppm on the other: what
 * the other counted is up to distance / (1 - ppm), hence a little more than the
 * product.  Never less than 1 ns, because readings are truncated.
 */
static inline wide wide_drift(wide distance, double ppm)
{
	double rate = ppm * 1e-6, part;

	if (distance < 0)
		distance = -distance;
	part = (double)wide_span(distance + 1).ns * rate / (1 - rate);

	return rate < 1 && part < 9e18 ? (wide)(int64_t)part + 1 : (wide)INT64_MAX;
}

/*
 * How far from at.raw the moment of at.real may lie: half the distance of the
 * readings of RAW, rounded up, and 1 ns for the truncation of each of the two
 * clocks.
 */
static inline wide wide_reach(struct cf_instant at)
{
	return at.width.ns > 0 ? ((wide)at.width.ns + 1) / 2 + 2 : 2;
}
