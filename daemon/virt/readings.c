/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/readings.h"

#include <errno.h>

#include "policy/guest.h"

#define YEAR_2000 (INT64_C(946684800) * CF_S)
#define YEAR_2200 (INT64_C(7258118400) * CF_S)

/* Two clocks that nobody slews, and the fastest that chronyd slews one (in the guest and here at once). */
#define DRIFT_PPM 500.0
#define SLEW_PPM  200000.0

/* A clock of microseconds goes on in so much, however it is slewed; any goes on in the other. */
#define STANDS ((cf_span){ 2 * CF_US })
#define TICK   ((cf_span){ 16 * CF_MS })

bool readings_plausible(cf_real guest)
{
	return guest.ns >= YEAR_2000 && guest.ns <= YEAR_2200;
}

/* The common part of what was known and the news; the news alone where the clock is being slewed. */
static bool meet(const struct readings *readings, struct cf_interval raw, cf_span age,
		 struct cf_interval *ret)
{
	struct cf_interval drifted = cf_interval_widen(readings->raw, cf_span_ppm(age, DRIFT_PPM));
	struct cf_interval slewed = cf_interval_widen(readings->raw, cf_span_ppm(age, SLEW_PPM));

	if (cf_interval_meet(raw, drifted, ret))
		return true;
	if (!cf_interval_meet(raw, slewed, ret))
		return false;
	*ret = raw;
	return true;
}

/* Is it told by ticks?  It stood still for longer than other clocks can, or goes on by one at once. */
static bool is_ticking(const struct readings *readings, cf_span between, cf_real guest, struct cf_interval raw, cf_span age)
{
	cf_span ahead = cf_span_sub(raw.low, readings->raw.high);
	struct cf_interval both;

	if (readings->ticks)
		return true;
	if (guest.ns == readings->guest.ns)
		return cf_span_cmp(between, STANDS) >= 0 && cf_span_cmp(between, TICK) <= 0;
	return !meet(readings, raw, age, &both) && ahead.ns > 0 && cf_span_cmp(ahead, TICK) <= 0;
}

int readings_add(struct readings *readings, struct cf_instant before, cf_real guest, struct cf_instant after,
		 struct cf_error *err)
{
	struct cf_interval offset = cf_guest_reading(before, guest, after);
	struct cf_interval raw = cf_interval_shift(offset, cf_instant_difference(after));
	cf_span age = cf_mono_since(after.raw, readings->at.raw);
	cf_span took = cf_mono_since(after.raw, before.raw);
	bool ticks = readings->rounds &&
		     is_ticking(readings, cf_mono_since(before.raw, readings->at.raw), guest, raw, age);

	if (!readings_plausible(guest))
		return cf_fail(err, EPROTO, CF_HOST, "the guest agent says that it is %s",
			       guest.ns < YEAR_2000 ? "before 2000" : "after 2200");
	if (readings->rounds && guest.ns < readings->guest.ns)
		return cf_fail(err, EPROTO, CF_HOST, "the guest's clock went back while it was read");
	if (ticks)
		raw.high = cf_span_add(raw.high, TICK);
	/* What was read before that was known says too much. */
	if (readings->rounds && ticks == readings->ticks && !meet(readings, raw, age, &raw))
		return cf_fail(err, EPROTO, CF_HOST, "the guest's clock jumped while it was read");

	*readings = (struct readings){
		.rounds = readings->rounds + 1,
		.raw = raw,
		.at = after,
		.guest = guest,
		.took = took,
		.slowest = cf_span_max(readings->slowest, took),
		.ticks = ticks,
	};
	return 0;
}

struct cf_guest_offset readings_offset(const struct readings *readings)
{
	return (struct cf_guest_offset){
		.offset = cf_interval_shift(readings->raw, cf_span_neg(cf_instant_difference(readings->at))),
		.at = readings->at,
		.rounds = readings->rounds,
		.slowest = readings->slowest,
	};
}
