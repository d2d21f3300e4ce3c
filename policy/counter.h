/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Arithmetic of the counters guests derive their clocks from: what a counter has
 * to show on the destination so that the guest sees time go on.
 *
 * One elapsed time is taken once and used for every clock, so that the clocks of
 * one guest keep agreeing with each other; it is never below zero, because KVM
 * moves kvmclock forward only, and a TSC that went back alone would break the
 * guest.
 *
 * Counters are unsigned and wrap; offsets are differences modulo 2^64, signed
 * because KVM has them so.  A product of two 64-bit numbers is taken in 128.
 *
 * There are two ways to a TSC offset.  Linux documents the one through kvmclock
 * (Documentation/virt/kvm/devices/vcpu.rst, 4.1), which has flaws: kvmclock is a
 * function of the TSC, so that one is set from the other and then the other from
 * the one; what KVM added to kvmclock meanwhile, its rounding included, goes into
 * the TSC; it subtracts counts of two hosts without their scaling; and kvmclock
 * has to be set first, though KVM takes its master clock from the TSCs as they
 * are at that moment.  We take the other, from (host counter, CLOCK_REALTIME)
 * itself, set TSCs first and kvmclock then, and look at how far the documented
 * way would have led elsewhere.
 */

#include "proto/time.h"

/* guest = ((host * ratio) >> frac_bits) + offset, as the hardware does it; ratio 0 is "not scaled". */
struct cf_ratio {
	uint64_t ratio;
	uint32_t frac_bits;		/* below 64 */
};

uint64_t cf_counter_scaled(uint64_t host, struct cf_ratio ratio);

/* What a guest reads. */
uint64_t cf_counter_guest(uint64_t host, struct cf_ratio ratio, int64_t offset);

/* a * b / c, rounded down, the low 64 bits; c is not 0. */
uint64_t cf_counter_mul_div(uint64_t a, uint64_t b, uint64_t c);

/* Ticks of a counter of hz in a time that is not negative, modulo 2^64; and back, saturated. */
uint64_t cf_counter_ticks(cf_span time, uint64_t hz);
cf_span cf_counter_time(uint64_t ticks, uint64_t hz);

/* The same of a signed distance of two counters that are less than 2^63 apart. */
cf_span cf_counter_distance(uint64_t to, uint64_t from, uint64_t hz);

/*
 * The time since the source's capture.  offset is destination's CLOCK_REALTIME
 * minus source's.  The kernels' TAI offsets, in s, take a leap second out that
 * only one of the two readings has seen; where one is 0, nobody told it.
 */
struct cf_elapsed {
	cf_real now;			/* on the destination */
	int32_t now_tai_s;
	cf_real captured;		/* on the source */
	int32_t captured_tai_s;
	cf_span offset;
};

/* max(0, now - (captured + offset)), saturated; *clamped, where given: would it have been below 0? */
cf_span cf_counter_elapsed(const struct cf_elapsed *e, bool *clamped);

/* One vCPU's TSC, as it was on the source when host counter and clock were read together. */
struct cf_tsc {
	uint64_t host;
	struct cf_ratio ratio;
	int64_t offset;
};

/* The offset with which the guest counts on at `host` of the destination, `ticks` of its own after the source. */
int64_t cf_tsc_offset(const struct cf_tsc *source, uint64_t ticks, uint64_t host, struct cf_ratio ratio);

/*
 * The documented way: from what kvmclock showed on the source beside
 * source->host, and shows now, after it was set, beside `host`.  hz is the guest's.
 */
int64_t cf_tsc_offset_by_kvmclock(const struct cf_tsc *source, uint64_t source_clock, uint64_t host,
				  uint64_t clock, uint64_t hz);

/*
 * arm64: the offset (host - guest) of a counter on the destination, which was
 * `source_offset` on the source, whose host then showed source_host.
 */
uint64_t cf_cnt_offset(uint64_t source_host, uint64_t source_offset, uint64_t ticks, uint64_t host);
