/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/clock.h"

#include <string.h>

#define SLEW_MAX_PPM	83333.4		/* chrony's largest: 1/12 */
#define STEER_MAX_PPM	500.0		/* the kernel's largest frequency correction */
#define STEP_SLACK	(1 * CF_MS)	/* what two looks at the clock may be wrong by */
#define MOVE_SLACK	(2 * CF_MS)
#define FUTURE_SLACK	(1 * CF_S)
#define OWN_PPM		1.0		/* what we add to chronyd's frequency error */
#define STALE_INTERVALS	8
#define DENIALS_MAX	8

/* 30 min at 50 ppm are 90 ms: what the default limit of the error bound has room for. */
const struct cf_clock_limits cf_clock_limits_default = {
	.max_stratum  = 9,
	.fresh        = { 5 * CF_S },
	.holdover_max = { 1800 * CF_S },
	.holdover_ppm = 50,
	.max_skew     = { 25 * CF_MS },
};

static const char *const texts[CF_N_FAULTS] = {
	[CF_FAULT_NONE]        = "",
	[CF_FAULT_NEVER]       = "chronyd never answered",
	[CF_FAULT_SILENT]      = "chronyd does not answer",
	[CF_FAULT_LEAP]        = "chronyd says that it is not synchronised",
	[CF_FAULT_REFID_NONE]  = "chronyd has no reference",
	[CF_FAULT_REFID_LOCAL] = "chronyd follows this host's own clock, not a source",
	[CF_FAULT_STRATUM]     = "chronyd's stratum is outside the limit",
	[CF_FAULT_UNSELECTED]  = "chronyd has selected no source",
	[CF_FAULT_UNREACHABLE] = "chronyd's source has not answered its last eight polls",
	[CF_FAULT_STALE]       = "chronyd has accepted no update for too long",
	[CF_FAULT_STEPPED]     = "the clock was stepped, and chronyd has accepted no update since",
	[CF_FAULT_FUTURE]      = "chronyd's last update lies in the future of this clock",
	[CF_FAULT_NEGATIVE]    = "chronyd gives a distance or an error below zero",
	[CF_FAULT_MOVED]       = "the clock moved otherwise than chronyd says, and no update since settles it",
};

const char *cf_clock_fault_text(enum cf_clock_fault fault)
{
	return texts[fault];
}

/*
 * Since the last update.  chronyd stamps it with the time as it should be, not as
 * the clock has it, and moves the stamp back by up to a second on purpose, another
 * amount each time (reference.c, fuzz_ref_time): so it is never too young.
 */
static cf_span update_age(const struct cf_tracking_reading *reading)
{
	return cf_real_since(cf_real_add(reading->at.real, reading->tracking.correction),
			     reading->tracking.reference_time);
}

/*
 * Eight intervals, as ClockBound has it.  After a burst at start the last two
 * updates are 2 s apart and the next one is due in 64 s, so the poll interval
 * counts too.  Polls below a second would ask more punctuality of chronyd than
 * we have ourselves: the limit is never shorter than what counts as news.
 */
static bool stale(const struct cf_clock_limits *limits, const struct cf_tracking_reading *reading)
{
	const struct cf_tracking *t = &reading->tracking;
	cf_span interval = { 0 }, limit = { 0 };

	if (!t->has_reference_time)
		return true;
	if (t->has_update_interval)
		interval = t->update_interval;
	if (t->has_poll_interval)
		interval = cf_span_max(interval, t->poll_interval);
	for (int i = 0; i < STALE_INTERVALS; i++)
		limit = cf_span_add(limit, interval);

	return cf_span_cmp(update_age(reading), cf_span_max(limit, limits->fresh)) > 0;
}

enum cf_clock_fault cf_reading_fault(const struct cf_clock_limits *limits, const struct cf_tracking_reading *reading)
{
	const struct cf_tracking *t = &reading->tracking;

	if (t->leap == CF_LEAP_NOT_SYNCHRONISED || t->leap == CF_LEAP_UNKNOWN)
		return CF_FAULT_LEAP;
	if (strcmp(t->refid, "00000000") == 0)
		return CF_FAULT_REFID_NONE;
	/* 127.127.1.x is 7F7F01xx, and chronyd's `local` is 7F7F0101. */
	if (memcmp(t->refid, "7F7F01", 6) == 0)
		return CF_FAULT_REFID_LOCAL;
	if (t->stratum < 1 || t->stratum > limits->max_stratum)
		return CF_FAULT_STRATUM;
	if (t->root_delay.ns < 0 || t->root_dispersion.ns < 0 || t->frequency_error_ppm < 0)
		return CF_FAULT_NEGATIVE;
	if (!t->selected)
		return CF_FAULT_UNSELECTED;
	if (!t->has_reachability || t->reachability == 0)
		return CF_FAULT_UNREACHABLE;
	if (stale(limits, reading))
		return CF_FAULT_STALE;
	if (update_age(reading).ns < -FUTURE_SLACK)
		return CF_FAULT_FUTURE;

	return CF_FAULT_NONE;
}

/* What is uncertain about the correction. */
static cf_span distance(const struct cf_tracking *t)
{
	return cf_span_add(t->root_dispersion, (cf_span){ t->root_delay.ns / 2 + t->root_delay.ns % 2 });
}

cf_span cf_reading_bound(const struct cf_tracking_reading *reading)
{
	return cf_span_add(cf_span_abs(reading->tracking.correction), distance(&reading->tracking));
}

/*
 * What is left of the correction of a reading.  The clock gained what REALTIME
 * moved against RAW plus what RAW itself gained, and the latter is the frequency
 * that chronyd found.
 */
static cf_span left_at(const struct cf_tracking_reading *reading, struct cf_instant now)
{
	cf_span moved = cf_span_sub(cf_instant_difference(now), cf_instant_difference(reading->at));
	cf_span gained = cf_span_ppm(cf_mono_since(now.raw, reading->at.raw), reading->tracking.frequency_ppm);

	return cf_span_sub(reading->tracking.correction, cf_span_add(moved, gained));
}

static struct cf_clock_mark mark_of(enum cf_clock_fault fault, struct cf_instant at,
				    const struct cf_tracking_reading *last)
{
	struct cf_clock_mark mark = { .set = true, .fault = fault, .at = at };

	if (last && last->tracking.has_reference_time)
		mark.reference_time = last->tracking.reference_time;
	return mark;
}

/*
 * Was the update that a reading tells of accepted after the mark?  Its time is
 * on a clock that may just have been set back, so it must also be another one
 * than the last known at the mark.
 */
static bool updated_since(const struct cf_clock_mark *mark, const struct cf_tracking_reading *reading)
{
	return reading->tracking.has_reference_time &&
	       reading->tracking.reference_time.ns != mark->reference_time.ns &&
	       cf_span_cmp(update_age(reading), cf_mono_since(reading->at.raw, mark->at.raw)) < 0;
}

bool cf_clock_look(struct cf_clock_memory *memory, struct cf_instant now, bool told)
{
	cf_span age = cf_mono_since(now.raw, memory->sample.raw);
	cf_span jump = cf_span_sub(cf_instant_difference(now), cf_instant_difference(memory->sample));
	cf_span may = cf_span_ppm(age, told ? STEER_MAX_PPM : SLEW_MAX_PPM);
	bool stepped;

	may = cf_span_add(may, cf_span_add(now.width, memory->sample.width));
	may = cf_span_add(may, (cf_span){ STEP_SLACK });
	stepped = memory->has_sample && cf_span_cmp(cf_span_abs(jump), may) > 0;

	memory->has_sample = true;
	memory->sample = now;
	if (stepped) {
		memory->step = mark_of(CF_FAULT_STEPPED, now, memory->has_last ? &memory->last : NULL);
		if (memory->has_good)
			memory->before = memory->good;
		memory->has_before = memory->has_before || memory->has_good;
		memory->denials = 0;
		memory->has_good = false;
	} else if (memory->has_good) {
		memory->left = cf_span_max(memory->left, cf_span_abs(left_at(&memory->good, now)));
	}
	return stepped;
}

bool cf_clock_stepped_since(const struct cf_clock_memory *memory, cf_mono since)
{
	return memory->step.fault == CF_FAULT_STEPPED && cf_mono_cmp(memory->step.at.raw, since) > 0;
}

/* By how much UTC leapt between the readings, as the earlier one had announced it. */
static cf_span leap_between(const struct cf_tracking_reading *before, const struct cf_tracking_reading *now)
{
	enum cf_leap leap = before->tracking.leap;

	if (now->at.real.ns / CF_DAY <= before->at.real.ns / CF_DAY)	/* it does so at midnight */
		return (cf_span){ 0 };
	return (cf_span){ leap == CF_LEAP_INSERT ? -CF_S : leap == CF_LEAP_DELETE ? CF_S : 0 };
}

/*
 * Two readings that cannot both be true.  Without an update between them (no two
 * have the same stamp), chronyd's later correction is what the clock's own
 * movement left of the earlier one; with one, the two may differ by what is
 * uncertain about each.  A leap second that was announced is no contradiction,
 * whether the kernel stepped, chronyd slews, or nobody has made it yet.
 */
static bool contradict(const struct cf_clock_limits *limits, const struct cf_tracking_reading *before,
		       const struct cf_tracking_reading *now)
{
	cf_span age = cf_mono_since(now->at.raw, before->at.raw);
	cf_span apart = cf_span_sub(now->tracking.correction, left_at(before, now->at));
	cf_span leap = leap_between(before, now), may = { MOVE_SLACK };

	apart = cf_span_min(cf_span_abs(apart), cf_span_abs(cf_span_sub(apart, leap)));
	/* Under `chronyd -x` somebody else may steer, and chronyd's frequency is relative to that. */
	may = cf_span_add(may, cf_span_ppm(age, STEER_MAX_PPM));
	may = cf_span_add(may, cf_span_ppm(cf_span_add(before->took, now->took), SLEW_MAX_PPM));
	if (before->tracking.reference_time.ns != now->tracking.reference_time.ns) {
		may = cf_span_add(may, cf_span_add(distance(&before->tracking), distance(&now->tracking)));
		may = cf_span_add(may, cf_span_ppm(age, limits->holdover_ppm));
	}
	return cf_span_cmp(apart, may) > 0;
}

/*
 * The first update since chronyd began, or saw for itself that the clock was set, has no interval: what it had measured
 * before is gone.  At the step it still had a reference, so that was afterwards.
 */
static bool is_anew(const struct cf_clock_mark *step, const struct cf_tracking_reading *reading)
{
	return !reading->tracking.has_update_interval && step->reference_time.ns != 0;
}

/*
 * Does an update deny the step?  chronyd's first ones after it are made of samples from before it,
 * which its regression lets go of one by one: they say that the clock is where it was, or half way,
 * and two of them may agree.  What it said before, and by how much the clock moved, tells.  If that
 * is what is wrong, as many updates as chronyd keeps polls in mind outweigh it.
 */
static bool denies_step(struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
			const struct cf_tracking_reading *reading)
{
	if (!memory->has_before)
		return false;
	if (!is_anew(&memory->step, reading) && contradict(limits, &memory->before, reading)) {
		if (memory->denials == 0 || memory->denied.ns != reading->tracking.reference_time.ns)
			memory->denials++;
		memory->denied = reading->tracking.reference_time;
		if (memory->denials < DENIALS_MAX)
			return true;
	}
	memory->has_before = false;
	return false;
}

/* A good reading, from after the last step if there was one. */
static void take_good(struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
		      const struct cf_tracking_reading *reading)
{
	struct cf_clock_mark *doubt = &memory->doubt;

	if (memory->has_good && contradict(limits, &memory->good, reading))
		*doubt = mark_of(CF_FAULT_MOVED, reading->at, reading);
	else if (doubt->set && updated_since(doubt, reading))
		doubt->set = false;

	memory->has_good = true;
	memory->good = *reading;
	memory->left = cf_span_abs(reading->tracking.correction);
}

void cf_clock_read(struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
		   const struct cf_tracking_reading *reading)
{
	enum cf_clock_fault fault = cf_reading_fault(limits, reading);
	struct cf_clock_mark *step = &memory->step;

	if (fault == CF_FAULT_FUTURE || fault == CF_FAULT_NEGATIVE)
		memory->doubt = mark_of(fault, reading->at, reading);

	if (fault == CF_FAULT_NONE && step->set && updated_since(step, reading) && !denies_step(memory, limits, reading)) {
		step->answered = true;
		if (cf_span_cmp(cf_span_abs(reading->tracking.correction), limits->max_skew) < 0)
			step->set = false;
	}
	if (fault == CF_FAULT_NONE && (!step->set || step->answered))
		take_good(memory, limits, reading);

	memory->has_last = true;
	memory->last = *reading;
	memory->last_fault = fault;
}

/* Why what is known of chronyd now does not make the clock synchronised. */
static enum cf_clock_fault fault_at(const struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
				    cf_mono now)
{
	if (memory->doubt.set)
		return memory->doubt.fault;
	if (memory->step.set && !memory->step.answered)
		return CF_FAULT_STEPPED;
	if (!memory->has_last)
		return CF_FAULT_NEVER;
	if (cf_span_cmp(cf_mono_since(now, memory->last.at.raw), limits->fresh) > 0)
		return CF_FAULT_SILENT;
	return memory->last_fault;
}

static enum cf_clock_state state_at(const struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
				    cf_mono now, enum cf_clock_fault fault)
{
	if (memory->doubt.set)
		return CF_CLOCK_UNTRUSTED;
	if (!memory->has_good)
		return CF_CLOCK_UNSYNCHRONISED;
	if (fault == CF_FAULT_NONE)
		return CF_CLOCK_SYNCHRONISED;
	if (cf_span_cmp(cf_mono_since(now, memory->good.at.raw), limits->holdover_max) <= 0)
		return CF_CLOCK_HOLDOVER;
	return CF_CLOCK_UNSYNCHRONISED;
}

struct cf_clock_view cf_clock_at(const struct cf_clock_memory *memory, const struct cf_clock_limits *limits,
				 struct cf_instant now)
{
	const struct cf_tracking_reading *good = &memory->good;
	struct cf_clock_view view = { .stepped = memory->step.set };

	view.fault = fault_at(memory, limits, now.raw);
	view.state = state_at(memory, limits, now.raw, view.fault);
	view.has_bound = memory->has_good && !memory->doubt.set;
	if (!view.has_bound)
		return view;

	/* A frequency that chronyd did not know well gets no better by its silence. */
	view.growth_ppm = OWN_PPM + good->tracking.frequency_error_ppm;
	if (view.state != CF_CLOCK_SYNCHRONISED && limits->holdover_ppm > view.growth_ppm)
		view.growth_ppm = limits->holdover_ppm;

	view.bound = cf_span_max(memory->left, cf_span_abs(left_at(good, now)));
	view.bound = cf_span_add(view.bound, distance(&good->tracking));
	view.bound = cf_span_add(view.bound, cf_span_ppm(cf_mono_since(now.raw, good->at.raw), view.growth_ppm));
	return view;
}
