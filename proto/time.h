/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Three kinds of time, three types.
 *
 * A wall-clock reading, a monotonic reading and a duration are all
 * nanoseconds, and mixing two of them is the one mistake this project must
 * not make.  They are structs so that the compiler refuses to mix them.
 *
 * The monotonic clock is CLOCK_MONOTONIC_RAW everywhere: it is neither stepped
 * nor slewed, so readings of two hosts differ by a constant and their
 * oscillators' drift alone.  A cf_mono means something only together with the
 * host and the boot that read it.
 *
 * Sums saturate instead of wrapping: what a peer or a guest says may be
 * absurd, and an absurd clock has to stay absurd.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct { int64_t ns; } cf_real;	/* CLOCK_REALTIME, since 1970 UTC, as one host has it */
typedef struct { int64_t ns; } cf_mono;	/* CLOCK_MONOTONIC_RAW of one host and boot */
typedef struct { int64_t ns; } cf_span;	/* a difference of two readings */

#define CF_US	INT64_C(1000)
#define CF_MS	INT64_C(1000000)
#define CF_S	INT64_C(1000000000)
#define CF_DAY	(INT64_C(86400) * CF_S)
#define CF_YEAR	(INT64_C(366) * CF_DAY)

/* A quantity known to lie between two ends, both included; low <= high. */
struct cf_interval {
	cf_span low;
	cf_span high;
};

/*
 * One instant as a host saw it: REALTIME read between two readings of RAW.
 * raw is the middle of the two, width their distance, so that real was true
 * at some moment within raw +- width / 2.
 */
struct cf_instant {
	cf_mono raw;
	cf_real real;
	cf_span width;
};

static inline int64_t cf_ns_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static inline int64_t cf_ns_sub(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

static inline cf_span cf_span_add(cf_span a, cf_span b) { return (cf_span){ cf_ns_add(a.ns, b.ns) }; }
static inline cf_span cf_span_sub(cf_span a, cf_span b) { return (cf_span){ cf_ns_sub(a.ns, b.ns) }; }
static inline cf_span cf_span_neg(cf_span a) { return (cf_span){ cf_ns_sub(0, a.ns) }; }
static inline cf_span cf_span_abs(cf_span a) { return a.ns < 0 ? cf_span_neg(a) : a; }
static inline int cf_span_cmp(cf_span a, cf_span b) { return (a.ns > b.ns) - (a.ns < b.ns); }
static inline cf_span cf_span_min(cf_span a, cf_span b) { return a.ns < b.ns ? a : b; }
static inline cf_span cf_span_max(cf_span a, cf_span b) { return a.ns > b.ns ? a : b; }

static inline cf_span cf_mono_since(cf_mono now, cf_mono then) { return (cf_span){ cf_ns_sub(now.ns, then.ns) }; }
static inline cf_mono cf_mono_add(cf_mono t, cf_span s) { return (cf_mono){ cf_ns_add(t.ns, s.ns) }; }
static inline int cf_mono_cmp(cf_mono a, cf_mono b) { return (a.ns > b.ns) - (a.ns < b.ns); }

/* Two counts from outside, which may be anything, as one reading: what exceeds the type is its end. */
static inline cf_real cf_real_from(int64_t seconds, int64_t ns)
{
	int64_t whole;

	if (__builtin_mul_overflow(seconds, CF_S, &whole))
		whole = seconds < 0 ? INT64_MIN : INT64_MAX;
	return (cf_real){ cf_ns_add(whole, ns) };
}

static inline cf_span cf_real_since(cf_real now, cf_real then) { return (cf_span){ cf_ns_sub(now.ns, then.ns) }; }
static inline cf_real cf_real_add(cf_real t, cf_span s) { return (cf_real){ cf_ns_add(t.ns, s.ns) }; }

/* REALTIME - RAW at the instant: constant until REALTIME is slewed or stepped. */
static inline cf_span cf_instant_difference(struct cf_instant at)
{
	return (cf_span){ cf_ns_sub(at.real.ns, at.raw.ns) };
}

static inline struct cf_interval cf_interval_of(cf_span a, cf_span b)
{
	return a.ns <= b.ns ? (struct cf_interval){ a, b } : (struct cf_interval){ b, a };
}

static inline struct cf_interval cf_interval_around(cf_span centre, cf_span radius)
{
	return (struct cf_interval){ cf_span_sub(centre, radius), cf_span_add(centre, radius) };
}

static inline struct cf_interval cf_interval_add(struct cf_interval a, struct cf_interval b)
{
	return (struct cf_interval){ cf_span_add(a.low, b.low), cf_span_add(a.high, b.high) };
}

static inline struct cf_interval cf_interval_sub(struct cf_interval a, struct cf_interval b)
{
	return (struct cf_interval){ cf_span_sub(a.low, b.high), cf_span_sub(a.high, b.low) };
}

static inline struct cf_interval cf_interval_neg(struct cf_interval a)
{
	return (struct cf_interval){ cf_span_neg(a.high), cf_span_neg(a.low) };
}

static inline struct cf_interval cf_interval_shift(struct cf_interval a, cf_span by)
{
	return (struct cf_interval){ cf_span_add(a.low, by), cf_span_add(a.high, by) };
}

static inline struct cf_interval cf_interval_widen(struct cf_interval a, cf_span by)
{
	return (struct cf_interval){ cf_span_sub(a.low, by), cf_span_add(a.high, by) };
}

/* The common part of two intervals into *ret; false, and *ret untouched, when there is none. */
static inline bool cf_interval_meet(struct cf_interval a, struct cf_interval b, struct cf_interval *ret)
{
	struct cf_interval both = { cf_span_max(a.low, b.low), cf_span_min(a.high, b.high) };

	if (both.low.ns > both.high.ns)
		return false;
	*ret = both;
	return true;
}

static inline bool cf_interval_has(struct cf_interval a, cf_span s)
{
	return a.low.ns <= s.ns && s.ns <= a.high.ns;
}

/* The largest and the smallest absolute value in the interval. */
static inline cf_span cf_interval_far(struct cf_interval a)
{
	return cf_span_max(cf_span_abs(a.low), cf_span_abs(a.high));
}

static inline cf_span cf_interval_near(struct cf_interval a)
{
	if (cf_interval_has(a, (cf_span){ 0 }))
		return (cf_span){ 0 };
	return cf_span_min(cf_span_abs(a.low), cf_span_abs(a.high));
}

static inline cf_span cf_interval_width(struct cf_interval a) { return cf_span_sub(a.high, a.low); }
static inline cf_span cf_interval_half(struct cf_interval a) { return (cf_span){ cf_interval_width(a).ns / 2 }; }

/* The middle, rounded towards low; what a person is shown in front of "+-". */
static inline cf_span cf_interval_middle(struct cf_interval a)
{
	return cf_span_add(a.low, cf_interval_half(a));
}

/* parts per million of a span, rounded away from zero so that a bound stays a bound. */
static inline cf_span cf_span_ppm(cf_span s, double ppm)
{
	double part = (double)s.ns * ppm * 1e-6;

	if (part >= (double)INT64_MAX)
		return (cf_span){ INT64_MAX };
	if (part <= (double)INT64_MIN)
		return (cf_span){ INT64_MIN };
	return (cf_span){ (int64_t)part + (part > 0) - (part < 0) };
}
