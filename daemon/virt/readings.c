/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/readings.h"

#include <errno.h>

#include "policy/guest.h"

#define YEAR_2000 (INT64_C(946684800) * CF_S)
#define YEAR_2200 (INT64_C(7258118400) * CF_S)

/* Two clocks that nobody slews, and the fastest that chronyd slews one (in the guest and here at once). */
#define DRIFT_PPM 500.0
#define SLEW_PPM  200000.0

/* A clock of microseconds goes on in so much, however it is slewed. */
#define STANDS ((cf_span){ 2 * CF_US })
/* As old as an answer can be: 64 ticks a second, and whole milliseconds of that (GetSystemTime(), in older agents). */
#define TICK   ((cf_span){ 17 * CF_MS })
/* One that is told by 64 ticks a second, or by 100, never goes on by so little. */
#define NEAR   ((cf_span){ 8 * CF_MS })
/* And by whole ticks: what is lost of them in whole milliseconds, and to a tick that is not just 1/64 s. */
#define ROUNDED ((cf_span){ 1100 * CF_US })
/* Of a timer that somebody has asked to be quicker (timeBeginPeriod(): 0.5 ms or 1/2048 s, and multiples of them). */
#define FINE ((cf_span){ 20 * CF_US })

bool readings_plausible(cf_real guest)
{
	return guest.ns >= YEAR_2000 && guest.ns <= YEAR_2200;
}

/* The common part of what was known and the news; the news alone where the clock is being slewed. */
static bool meet(struct cf_interval known, cf_span age, struct cf_interval *news)
{
	struct cf_interval drifted = cf_interval_widen(known, cf_span_ppm(age, DRIFT_PPM));
	struct cf_interval slewed = cf_interval_widen(known, cf_span_ppm(age, SLEW_PPM));
	struct cf_interval both;

	if (cf_interval_meet(*news, drifted, &both)) {
		*news = both;
		return true;
	}
	return cf_interval_meet(*news, slewed, &both);
}

/* May two answers of a clock that is told by ticks be so far from each other? */
static bool by_ticks(cf_span on)
{
	static const struct { cf_span tick, least, give; } kinds[] = {
		{ { CF_S / 64 },   NEAR,         ROUNDED },
		{ { CF_S / 100 },  NEAR,         ROUNDED },
		{ { CF_MS / 2 },   { CF_MS / 4 }, FINE },
		{ { CF_S / 2048 }, { CF_MS / 4 }, FINE },
	};

	for (size_t i = 0; i < CF_COUNT(kinds); i++) {
		int64_t over = on.ns % kinds[i].tick.ns;

		if (on.ns >= kinds[i].least.ns && (over <= kinds[i].give.ns || kinds[i].tick.ns - over <= kinds[i].give.ns))
			return true;
	}

	return false;
}

/*
 * Both that the clock goes on evenly and that it is told by ticks are followed up.  It is ticks when it stood still
 * for longer than other clocks can, or goes on by one at once; false when it is neither.
 */
static bool follow(const struct readings *last, cf_mono before, struct readings *next)
{
	cf_span between = cf_mono_since(before, last->at.raw);
	cf_span age = cf_mono_since(next->at.raw, last->at.raw);
	cf_span on = cf_real_since(next->guest, last->guest);
	bool ahead = cf_span_cmp(next->raw.low, last->raw.high) > 0;
	bool even = meet(last->raw, age, &next->raw);

	next->moved = last->moved || on.ns > 0;
	next->even = last->even || (on.ns > 0 && !by_ticks(on));
	if (on.ns == 0)
		next->since = last->since;
	next->ticks = last->ticks || (on.ns == 0 && cf_span_cmp(between, STANDS) >= 0) || (!even && ahead);
	return (even || next->ticks) && cf_span_cmp(cf_mono_since(before, next->since), TICK) <= 0 &&
	       meet(last->ticking, age, &next->ticking);
}

int readings_add(struct readings *readings, struct cf_instant before, cf_real guest, struct cf_instant after,
		 struct cf_error *err)
{
	struct cf_interval offset = cf_guest_reading(before, guest, after);
	struct cf_interval raw = cf_interval_shift(offset, cf_instant_difference(after));
	cf_span took = cf_mono_since(after.raw, before.raw);
	struct readings next = {
		.rounds = readings->rounds + 1,
		.raw = raw,
		.ticking = { raw.low, cf_span_add(raw.high, TICK) },
		.at = after,
		.guest = guest,
		.since = after.raw,
		.took = took,
		.slowest = cf_span_max(readings->slowest, took),
	};

	if (!readings_plausible(guest))
		return cf_fail(err, EPROTO, CF_HOST, "the guest agent says that it is %s",
			       guest.ns < YEAR_2000 ? "before 2000" : "after 2200");
	if (readings->rounds && guest.ns < readings->guest.ns)
		return cf_fail(err, EPROTO, CF_HOST, "the guest's clock went back while it was read");
	if (readings->rounds && !follow(readings, before.raw, &next))
		return cf_fail(err, EPROTO, CF_HOST, "the guest's clock %s while it was read",
			       guest.ns == readings->guest.ns ? "stood still" : "jumped");

	*readings = next;
	return 0;
}

bool readings_stand(const struct readings *readings)
{
	return readings->rounds > 1 && !readings->moved;
}

struct cf_guest_offset readings_offset(const struct readings *readings)
{
	bool even = readings->even && !readings->ticks;

	return (struct cf_guest_offset){
		.offset = cf_interval_shift(even ? readings->raw : readings->ticking,
					    cf_span_neg(cf_instant_difference(readings->at))),
		.at = readings->at,
		.rounds = readings->rounds,
		.slowest = readings->slowest,
	};
}
