/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/guest.h"

#include <string.h>

#include "policy/offset.h"
#include "policy/wide.h"
#include "policy/words.h"
#include "proto/text.h"

#define STAMP_NS    1000	/* guest-get-time tells whole microseconds */
#define CLOCK_PPM   500.0	/* how far a clock that is left alone, or steered by a kernel PLL, runs off */
#define STEADY      ((cf_span){ 10 * CF_S })	/* a guest's own chronyd may steer it otherwise at any time */
#define RUNNING_PPM 100000.0	/* no kernel slews faster (ADJ_TICK, 10 %): beyond it is a step */

/*
 * The guest answered somewhere between the two readings, `took` of RAW apart.
 * REALTIME went on by `went` between them, and that is what the answer may be
 * away from `after`; unless it was stepped, when only RAW says how long it was.
 */
struct cf_interval cf_guest_reading(struct cf_instant before, cf_real guest, struct cf_instant after)
{
	wide reach = wide_reach(before) + wide_reach(after);
	wide took = wide_max((wide)after.raw.ns - before.raw.ns, 0) + reach;
	wide went = (wide)after.real.ns - before.real.ns;
	wide apart = (wide)guest.ns - after.real.ns;
	wide slewed = wide_drift(took, CF_SLEW_PPM);
	bool stepped = went < took - reach - reach - slewed || went > took + slewed;

	took += wide_drift(took, CLOCK_PPM);

	return wide_interval(apart - 1, apart + STAMP_NS + (stepped ? took : wide_max(went, took)));
}

/* ppm of a distance, rounded outwards to the side that `up` says. */
static wide part_of(wide distance, double ppm, bool up)
{
	cf_span part = cf_span_ppm(wide_span(distance), ppm);

	return (wide)part.ns + (up ? 1 : -1);
}

/* How far a clock gains over a distance, which may be negative. */
static struct cf_interval gained_at(double low, double high, wide distance)
{
	if (distance < 0)
		return wide_interval(part_of(distance, high, false), part_of(distance, low, true));

	return wide_interval(part_of(distance, low, false), part_of(distance, high, true));
}

/* The guest's on the host's RAW: by its rate for as long as that was seen, and by what it may do further on. */
static struct cf_interval gained(const struct cf_guest_offset *reading, wide distance)
{
	double low = reading->has_rate ? reading->rate.ppm - reading->rate.bound_ppm : -CLOCK_PPM;
	double high = reading->has_rate ? reading->rate.ppm + reading->rate.bound_ppm : CLOCK_PPM;
	bool steady = reading->has_rate_over && low >= -CLOCK_PPM && high <= CLOCK_PPM;
	wide over = steady ? reading->rate_over.ns : 0;
	wide near = wide_max(wide_min(distance, over), -over);
	struct cf_interval seen = gained_at(low, high, near);
	struct cf_interval further = gained_at(low < -CLOCK_PPM ? low : -CLOCK_PPM, high > CLOCK_PPM ? high : CLOCK_PPM,
					       distance - near);

	return cf_interval_add(seen, further);
}

/* REALTIME - RAW: what it moves by between two instants is what REALTIME was slewed and stepped. */
static wide difference(struct cf_instant at)
{
	return (wide)at.real.ns - at.raw.ns;
}

struct cf_interval cf_guest_offset_aged(const struct cf_guest_offset *reading, struct cf_instant now)
{
	wide reach = wide_reach(now) + wide_reach(reading->at);
	wide age = (wide)now.raw.ns - reading->at.raw.ns;
	wide moved = difference(now) - difference(reading->at);
	struct cf_interval gain = gained(reading, age);

	return wide_interval(reading->offset.low.ns + (wide)gain.low.ns - moved - reach,
			     reading->offset.high.ns + (wide)gain.high.ns - moved + reach);
}

bool cf_guest_offset_meet(const struct cf_guest_offset *known, struct cf_guest_offset *fresh)
{
	struct cf_guest_offset trusted = *known;
	struct cf_interval aged;

	trusted.rate_over = cf_span_min(known->rate_over, STEADY);
	aged = cf_guest_offset_aged(&trusted, fresh->at);
	if (cf_span_cmp(fresh->offset.low, aged.low) <= 0 && cf_span_cmp(fresh->offset.high, aged.high) >= 0)
		return false;
	cf_interval_meet(fresh->offset, aged, &fresh->offset);
	return true;
}

bool cf_guest_rate(const struct cf_guest_offset *first, struct cf_guest_offset *last)
{
	wide distance = (wide)last->at.raw.ns - first->at.raw.ns;
	wide moved = difference(last->at) - difference(first->at);
	wide reach = wide_reach(first->at) + wide_reach(last->at);
	wide low = (wide)last->offset.low.ns - first->offset.high.ns + moved - reach;
	wide high = (wide)last->offset.high.ns - first->offset.low.ns + moved + reach;
	double per_ns, ppm, bound_ppm;

	last->has_rate = last->has_rate_over = false;
	if (distance < CF_S)
		return false;
	per_ns = 1e6 / (double)wide_span(distance).ns;
	ppm = (double)wide_span(low).ns * per_ns / 2 + (double)wide_span(high).ns * per_ns / 2;
	bound_ppm = (double)wide_span(high - low).ns * per_ns / 2;
	if (!(bound_ppm < CLOCK_PPM && ppm < RUNNING_PPM && ppm > -RUNNING_PPM))
		return false;
	last->has_rate = last->has_rate_over = true;
	last->rate = (struct cf_rate){ .ppm = ppm, .bound_ppm = bound_ppm };
	last->rate_over = wide_span(distance);

	return true;
}

/* What two readings say, ppm; the bounds of each are taken to be its own, which they are at worst. */
static bool slope(const struct cf_residual *first, const struct cf_residual *last, double *low, double *high)
{
	double between = (double)cf_span_sub(last->after, first->after).ns;

	if (between <= 0)
		return false;
	*low = 1e6 * (double)cf_span_sub(last->residual.low, first->residual.high).ns / between;
	*high = 1e6 * (double)cf_span_sub(last->residual.high, first->residual.low).ns / between;
	return true;
}

bool cf_guest_drift(const struct cf_residual *readings, size_t n, cf_span since, struct cf_rate *ret)
{
	double low = -CLOCK_PPM, high = CLOCK_PPM, bound;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n && cf_span_cmp(readings[i].after, since) >= 0; j++) {
			double l, h;

			if (!slope(&readings[i], &readings[j], &l, &h))
				continue;
			low = l > low ? l : low;
			high = h < high ? h : high;
		}
	bound = (high - low) / 2;
	if (bound < 0 || bound >= CLOCK_PPM)
		return false;

	*ret = (struct cf_rate){ .ppm = (low + high) / 2, .bound_ppm = bound };
	return true;
}

struct cf_rate cf_rate_step(struct cf_rate before, struct cf_rate after, struct cf_rate hosts)
{
	return (struct cf_rate){ after.ppm - before.ppm + hosts.ppm, after.bound_ppm + before.bound_ppm + hosts.bound_ppm };
}

struct cf_interval cf_guest_target(struct cf_interval offset_at_source, struct cf_interval host_offset)
{
	return cf_interval_sub(offset_at_source, host_offset);
}

struct cf_interval cf_guest_error(struct cf_interval measured, struct cf_interval target)
{
	return cf_interval_sub(measured, target);
}

/* What part of the blackout a guest loses under KVM, by the clock its kernel uses. */
enum loss { PART, WHOLE };

static const struct rule {
	const char *clocksource;
	enum loss loss;
	const char *why;
} rules[] = {
	{ "kvm-clock",       PART,
	  "KVM, kvm-clock: lost from the end of the copy, when QEMU reads it, to RESUME" },
	{ "tsc",             PART,  "KVM, tsc: lost from the stop to the load at the destination" },
	{ "tsc-early",       PART,  "KVM, tsc: lost from the stop to the load at the destination" },
	{ "hyperv_clocksource_tsc_page", PART,
	 "KVM, Hyper-V page of the tsc: lost from the stop to the load" },
	{ "arch_sys_counter", PART, "KVM, arm64 counter: lost whole, less with kvm-no-adjvtime" },
	{ "hpet",            WHOLE,
	 "KVM, hpet: QEMU's own clock, which stands still for the whole blackout" },
	{ "acpi_pm",         WHOLE,
	 "KVM, acpi_pm: QEMU's own clock, which stands still for the whole blackout" },
};

static const struct rule unknown = { "", PART,
				    "the guest's clocksource is not known: no more than the blackout" };

static const struct rule *rule_of(const struct cf_guest_clock *guest)
{
	for (size_t i = 0; guest->has_clocksource && i < CF_COUNT(rules); i++)
		if (strcmp(guest->clocksource, rules[i].clocksource) == 0)
			return &rules[i];

	return &unknown;
}

/*
 * QEMU adds what the two hosts' REALTIMEs are apart: too much by the host offset.
 * Where that would set the clock back, KVM leaves it, and all is lost that was.
 */
static struct cf_interval self_corrected(struct cf_interval blackout, struct cf_interval host_offset)
{
	struct cf_interval apart = cf_interval_neg(host_offset);

	return (struct cf_interval){ cf_span_min(apart.low, (cf_span){ 0 }),
				    cf_span_min(apart.high, blackout.high) };
}

struct cf_interval cf_lag_predicted(const struct cf_guest_clock *guest, struct cf_interval blackout,
				    struct cf_interval host_offset, char why[static CF_DETAIL_ROOM])
{
	struct cf_interval part = { { 0 }, blackout.high };
	const struct rule *rule = rule_of(guest);

	if (strcmp(guest->type, "qemu") == 0) {
		words_set(why, CF_DETAIL_ROOM, "TCG: every clock stands still for the whole blackout");
		return blackout;
	}
	words_set(why, CF_DETAIL_ROOM, rule->why);
	if (rule->loss == WHOLE)
		return blackout;
	if (guest->self_correcting) {
		words_set(why, CF_DETAIL_ROOM,
			  "QEMU adds the blackout by the two hosts' wall clocks (x-account-downtime)");
		return self_corrected(blackout, host_offset);
	}

	return part;
}

enum cf_correct cf_correct_next(struct cf_interval error, enum cf_correction mode, cf_span floor, cf_span slow,
				cf_span *by, char why[static CF_DETAIL_ROOM])
{
	cf_span step = cf_span_neg(error.high.ns < 0 ? error.high : error.low);
	char text[CF_INTERVAL_TEXT_ROOM];

	words_set(why, CF_DETAIL_ROOM, "its clock is off by ");
	words_add(why, CF_DETAIL_ROOM, cf_interval_text(error, text));
	if (mode != CF_CORRECTION_STEP_FORWARD && mode != CF_CORRECTION_STEP) {
		words_add(why, CF_DETAIL_ROOM, ", and policy says to report it only");
		return CF_CORRECT_NOT;
	}
	if (cf_interval_has(error, (cf_span){ 0 })) {
		words_add(why, CF_DETAIL_ROOM, ", which may be nothing");
		return CF_CORRECT_NOT;
	}
	if (cf_span_cmp(cf_span_abs(step), floor) < 0) {
		words_add(why, CF_DETAIL_ROOM, ", which is too little to touch it: below ");
		words_add(why, CF_DETAIL_ROOM, cf_span_text(floor, text));
		return CF_CORRECT_NOT;
	}
	if (step.ns < 0 && mode != CF_CORRECTION_STEP) {
		words_add(why, CF_DETAIL_ROOM, ", and policy forbids to set it back");
		return CF_CORRECT_NOT;
	}
	if (mode != CF_CORRECTION_STEP && cf_span_cmp(step, slow) <= 0) {
		words_add(why, CF_DETAIL_ROOM, ", and a call to its agent may take ");
		words_add(why, CF_DETAIL_ROOM, cf_span_text(slow, text));
		words_add(why, CF_DETAIL_ROOM, ": a step as late as that would set it back");
		return CF_CORRECT_SLOW;
	}
	words_add(why, CF_DETAIL_ROOM, step.ns > 0 ? ", and is set forward" : ", and is set back");
	*by = step;

	return CF_CORRECT_SET;
}
