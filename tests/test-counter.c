/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Counters against a model that knows no shortcut: a guest's counter and its
 * kvmclock as functions of the true time, in 128 bit and with the compiler's own
 * division, at any frequency, offset, skew and place of the wrap.
 */

#include <string.h>

#include "policy/counter.h"
#include "proto/base.h"
#include "tests/tap.h"

typedef unsigned __int128 wide_u;
typedef __int128 wide_s;

enum { CASES = 1000000 };

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Of every magnitude alike, and the ends more often than chance would have it. */
static uint64_t any_size(void)
{
	static const uint64_t ends[] = { 0, 1, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX, UINT32_MAX, CF_S };

	if (any() % 16 == 0)
		return ends[any() % CF_COUNT(ends)];
	return any() >> any() % 64;
}

static uint64_t between(uint64_t low, uint64_t high)
{
	return low + any() % (high - low + 1);
}

/* From a counter of 1 Hz to one of 100 GHz. */
static uint64_t any_hz(void)
{
	static const uint64_t usual[] = { 1, 24000000, 62500000, CF_S, UINT64_C(2445406000), UINT64_C(100000000000) };

	return any() % 4 == 0 ? usual[any() % CF_COUNT(usual)] : between(1, UINT64_C(1) << between(1, 36));
}

static void products(void)
{
	int bad_div = 0, bad_scale = 0, bad_ticks = 0, bad_time = 0, bad_back = 0, bad_distance = 0;

	for (int i = 0; i < CASES; i++) {
		uint64_t a = any_size(), b = any_size(), c = any_size() | 1, hz = any_hz();
		struct cf_ratio ratio = { any_size(), (uint32_t)(any() % 64) };
		wide_u time = (wide_u)a * CF_S / hz;
		wide_s distance = (wide_s)(int64_t)a * CF_S / (wide_s)hz;
		cf_span span = { (int64_t)(any_size() >> 1) };
		uint64_t ticks = cf_counter_ticks(span, hz);

		bad_div += cf_counter_mul_div(a, b, c) != (uint64_t)((wide_u)a * b / c);
		bad_scale += cf_counter_scaled(a, ratio) !=
			(ratio.ratio ? (uint64_t)((wide_u)a * ratio.ratio >> ratio.frac_bits) : a);
		bad_ticks += ticks != (uint64_t)((wide_u)span.ns * hz / CF_S);
		bad_time += cf_counter_time(a, hz).ns != (time > INT64_MAX ? INT64_MAX : (int64_t)time);
		/* There and back again loses less than a tick, where nothing wraps. */
		if ((wide_u)span.ns * hz / CF_S <= UINT64_MAX)
			bad_back += cf_counter_time(ticks, hz).ns > span.ns ||
				span.ns - cf_counter_time(ticks, hz).ns > (int64_t)(CF_S / hz) + 1;
		if (distance > INT64_MIN && distance <= INT64_MAX)
			bad_distance += cf_counter_distance(b + a, b, hz).ns != (int64_t)distance;
	}
	ok(!bad_div, "a product is divided as in 128 bit, %d times (%d wrong)", CASES, bad_div);
	ok(!bad_scale, "a counter is scaled as in 128 bit (%d wrong)", bad_scale);
	ok(!bad_ticks, "a time has the ticks it has in 128 bit, modulo 2^64 (%d wrong)", bad_ticks);
	ok(!bad_time, "and ticks have their time, saturated (%d wrong)", bad_time);
	ok(!bad_back, "there and back loses less than a tick (%d wrong)", bad_back);
	ok(!bad_distance, "a distance has a sign (%d wrong)", bad_distance);
	ok(cf_counter_time(5, 0).ns == 0, "a counter that nobody knows the rate of has no time");
}

static void elapsed(void)
{
	int bad = 0, bad_clamp = 0;

	for (int i = 0; i < CASES; i++) {
		struct cf_elapsed e = {
			.now = { (int64_t)any_size() }, .captured = { (int64_t)any_size() },
			.offset = { (int64_t)any_size() },
			.now_tai_s = (int32_t)(any() % 3 ? 37 : any() % 100), .captured_tai_s = (int32_t)(any() % 3 ? 37 : 0),
		};
		wide_s model = (wide_s)e.now.ns - ((wide_s)e.captured.ns + e.offset.ns);
		bool clamped;

		if (e.now_tai_s && e.captured_tai_s)
			model += (wide_s)(e.now_tai_s - e.captured_tai_s) * CF_S;
		bad_clamp += (cf_counter_elapsed(&e, &clamped), clamped) != (model < 0);
		model = model < 0 ? 0 : model > INT64_MAX ? INT64_MAX : model;
		bad += cf_counter_elapsed(&e, NULL).ns != (int64_t)model;
	}
	ok(!bad && !bad_clamp, "elapsed is max(0, now - (captured + offset)), %d times (%d wrong)", CASES, bad + bad_clamp);
}

static void leap(void)
{
	struct cf_elapsed e = { .now = { 10 * CF_S }, .captured = { 9 * CF_S }, .now_tai_s = 37, .captured_tai_s = 37 };

	ok(cf_counter_elapsed(&e, NULL).ns == CF_S, "a second is a second");
	e.now_tai_s = 38;
	ok(cf_counter_elapsed(&e, NULL).ns == 2 * CF_S, "a leap second between the readings took a second, too");
	e.captured_tai_s = 0;
	ok(cf_counter_elapsed(&e, NULL).ns == CF_S, "unless one of the kernels knows nothing of them");
}

/*
 * Two hosts and a guest, each clock a line over the true time T in ns: the
 * hosts' counters, their REALTIME, kvmclock.  A migration takes place between T
 * `captured` and T `now`; the guest's TSC has to be where it would be had it
 * stayed, at any T after.
 */
struct world {
	uint64_t source_hz, destination_hz, guest_hz;
	uint64_t source_start, destination_start;
	struct cf_ratio source_ratio, destination_ratio;
	int64_t guest_offset;
	int64_t source_real, destination_real;
	uint64_t captured, now;
};

static uint64_t line(uint64_t start, uint64_t hz, uint64_t t)
{
	return start + (uint64_t)((wide_u)t * hz / CF_S);
}

static struct world any_world(void)
{
	struct world w = {
		.source_start = any_size(), .destination_start = any_size(), .guest_offset = (int64_t)any_size(),
		.source_hz = between(1000000, UINT64_C(10000000000)),
		.source_real = (int64_t)(any() % (UINT64_C(1) << 61)),
		.captured = any() % (UINT64_C(1) << 50),
	};

	w.guest_hz = w.destination_hz = w.source_hz;
	if (any() % 3 == 0) {
		/* The source scales, too: the guest is twice, or half, as fast. */
		w.source_start >>= 4;
		w.source_ratio = (struct cf_ratio){ any() % 2 ? UINT64_C(1) << 49 : UINT64_C(1) << 47, 48 };
		w.source_hz &= ~UINT64_C(1);
		w.guest_hz = w.source_ratio.ratio >> 49 ? w.source_hz * 2 : w.source_hz / 2;
		w.destination_hz = w.guest_hz;
	}
	w.destination_real = w.source_real + (int64_t)(any_size() >> 2) * (any() % 2 ? 1 : -1);
	w.now = w.captured + any() % (any() % 8 ? 10 * CF_S : 3600 * CF_S);
	if (any() % 2 == 0) {
		/* Host counters that have not wrapped: hardware scales what the register shows. */
		w.source_start >>= 4;
		w.destination_start >>= 4;
		w.destination_hz = between(w.guest_hz / 4 + 1, w.guest_hz * 4);
		w.destination_ratio = (struct cf_ratio){ .frac_bits = any() % 2 ? 48 : 32 };
		w.destination_ratio.ratio =
			(uint64_t)(((wide_u)w.guest_hz << w.destination_ratio.frac_bits) / w.destination_hz);
	}
	return w;
}

static void worlds(void)
{
	int far = 0, backwards = 0, unequal = 0, far_cnt = 0, far_documented = 0, n_documented = 0;

	for (int i = 0; i < CASES; i++) {
		struct world w = any_world();
		struct cf_tsc source = { line(w.source_start, w.source_hz, w.captured), w.source_ratio, w.guest_offset };
		uint64_t host = line(w.destination_start, w.destination_hz, w.now), kvmclock = any_size() >> 2;
		struct cf_elapsed e = { .now = { w.destination_real + (int64_t)w.now },
					.captured = { w.source_real + (int64_t)w.captured },
					.offset = { w.destination_real - w.source_real } };
		uint64_t ticks = cf_counter_ticks(cf_counter_elapsed(&e, NULL), w.guest_hz);
		int64_t offset = cf_tsc_offset(&source, ticks, host, w.destination_ratio);
		uint64_t before = cf_counter_guest(source.host, source.ratio, source.offset);
		uint64_t after = cf_counter_guest(host, w.destination_ratio, offset);
		uint64_t stayed = cf_counter_guest(line(w.source_start, w.source_hz, w.now), w.source_ratio, w.guest_offset);
		uint64_t cnt = cf_cnt_offset(source.host, (uint64_t)w.guest_offset, ticks, host);

		far += (int64_t)(after - stayed) > 2 || (int64_t)(after - stayed) < -2;
		backwards += (int64_t)(after - before) < 0 && w.now - w.captured < INT64_MAX / 4;
		unequal += offset != cf_tsc_offset(&source, ticks, host, w.destination_ratio);
		far_cnt += host - cnt - (source.host - (uint64_t)w.guest_offset) != ticks;
		if (w.destination_ratio.ratio || w.source_ratio.ratio)
			continue;
		/* Where nothing is scaled, and kvmclock is exact, the documented way leads to the same. */
		n_documented++;
		offset -= cf_tsc_offset_by_kvmclock(&source, kvmclock, host, kvmclock + (w.now - w.captured), w.guest_hz);
		far_documented += offset > 1 || offset < -1;
	}
	ok(!far, "in %d worlds a guest's TSC is within two ticks of where it would be had it stayed (%d are not)", CASES, far);
	ok(!backwards, "none has gone back");
	ok(!unequal, "equal offsets stay equal to the bit");
	ok(!far_cnt, "arm64: a counter is exactly the elapsed ticks further (%d are not)", far_cnt);
	ok(n_documented > CASES / 5 && !far_documented,
	   "the documented way leads to the same where nothing is scaled, %d times (%d do not)", n_documented, far_documented);
}

/* One case that can be checked with a pencil. */
static void pencil(void)
{
	struct cf_tsc source = { 1000, { 0 }, -400 };

	ok(cf_tsc_offset(&source, 250, 5000, (struct cf_ratio){ 0 }) == 1000 - 400 + 250 - 5000,
	   "a guest at 600 that was away for 250 ticks counts on at 850");
	ok(cf_tsc_offset(&source, 250, 5000, (struct cf_ratio){ UINT64_C(3) << 47, 48 }) == 850 - 7500,
	   "with a host counter that is scaled by 1.5, as well");
	ok(cf_tsc_offset_by_kvmclock(&source, 77, 5000, 77 + CF_S / 4, 1000) == -400 + 250 + 1000 - 5000,
	   "and by kvmclock, which is a quarter of a second on");
	ok(cf_cnt_offset(1000, 400, 250, 5000) == 5000 - 850, "arm64 counts the other way round");
}

int main(void)
{
	products();
	elapsed();
	leap();
	worlds();
	pencil();
	return done();
}
