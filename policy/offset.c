/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/offset.h"

#include <errno.h>

#include "policy/wide.h"

#define KERNEL_SLEW_PPM 500.0	/* adjtimex(2): the largest frequency */

static const struct cf_interval everything = { { INT64_MIN }, { INT64_MAX } };

static double smaller(double a, double b) { return a < b ? a : b; }

static double wander_of(const struct cf_offset *offset)
{
	return offset->wander_ppm > 0 ? offset->wander_ppm : CF_RAW_WANDER_PPM;
}

static double ppm_of(wide part, wide whole)
{
	return (double)wide_span(part).ns / (double)wide_span(whole).ns * 1e6;
}

static double most_of(const struct cf_offset *offset)
{
	return offset->drift_ppm > 0 ? offset->drift_ppm : CF_RAW_DRIFT_PPM;
}

bool cf_offset_rate(const struct cf_offset *offset, struct cf_rate *ret)
{
	const struct cf_shown *then = &offset->shown[0];
	wide time = (wide)offset->at.ns - then->at.ns;
	double low, high, bound;

	if (offset->rounds == 0 || time < CF_SHOWN_AFTER.ns)
		return false;

	low = ppm_of((wide)offset->raw.low.ns - then->raw.high.ns, time);
	high = ppm_of((wide)offset->raw.high.ns - then->raw.low.ns, time);
	bound = (high - low) / 2 + wander_of(offset);
	if (bound >= most_of(offset))
		return false;
	*ret = (struct cf_rate){ .ppm = (low + high) / 2, .bound_ppm = bound };
	return true;
}

double cf_offset_drift(const struct cf_offset *offset)
{
	struct cf_rate rate;

	if (!cf_offset_rate(offset, &rate))
		return most_of(offset);
	return smaller((rate.ppm < 0 ? -rate.ppm : rate.ppm) + rate.bound_ppm, most_of(offset));
}

static struct cf_interval aged(struct cf_interval raw, cf_mono from, cf_mono to, double drift_ppm)
{
	wide pad = wide_drift((wide)to.ns - from.ns, drift_ppm);

	return wide_interval(raw.low.ns - pad, raw.high.ns + pad);
}

static bool in_order(const struct cf_round *round)
{
	const struct cf_instant *there = &round->there;

	return round->t1.ns >= 0 && round->t1.ns <= round->t4.ns && round->t2.ns >= 0 &&
	       round->t2.ns <= there->raw.ns && there->raw.ns <= round->t3.ns && there->real.ns >= 0 &&
	       there->width.ns >= 0;
}

/*
 * What the round proves of the offset at t4.  At t2 it was at most t2 - t1, and
 * from there to t4 no more than the whole round has passed.  At t3 it was
 * t3 - t4 + (delay back), and in the time of that delay it cannot have lost as
 * much as the delay.  1 ns on either side is what truncated stamps hide.
 */
static bool proves(const struct cf_round *round, double drift_ppm, struct cf_interval *ret)
{
	wide low = (wide)round->t3.ns - round->t4.ns - 1;
	wide high = (wide)round->t2.ns - round->t1.ns + 1;

	high += wide_drift((wide)round->t4.ns - round->t1.ns, drift_ppm);
	if (low > high)
		return false;
	*ret = wide_interval(low, high);

	return true;
}

static void begin(struct cf_offset *offset, const struct cf_round *round, struct cf_interval raw)
{
	offset->rounds = 1;
	offset->raw = raw;
	offset->at = round->t4;
	offset->there = round->there;
	offset->there_at = round->t4;
	offset->shown[0] = (struct cf_shown){ .raw = raw, .at = round->t4, .there = round->there };
	offset->shown[1] = offset->shown[0];
}

/*
 * Later rounds of the same burst narrow what was proven at its beginning, too; and
 * when the younger of the two moments is old enough, it takes the other's place.
 */
static void remember(struct cf_offset *offset, double drift_ppm)
{
	struct cf_shown *shown = offset->shown;

	for (size_t i = 0; i < 2; i++)
		cf_interval_meet(shown[i].raw, aged(offset->raw, offset->at, shown[i].at, drift_ppm), &shown[i].raw);
	if (cf_mono_since(offset->at, shown[1].at).ns < CF_SHOWN_ANEW.ns)
		return;

	shown[0] = shown[1];
	shown[1] = (struct cf_shown){ .raw = offset->raw, .at = offset->at, .there = offset->there };
}

int cf_offset_add(struct cf_offset *offset, const struct cf_round *round)
{
	double drift_ppm = cf_offset_drift(offset);
	struct cf_interval proven, both;
	bool newer = offset->rounds == 0 || cf_mono_cmp(round->t4, offset->at) >= 0;
	cf_mono at = newer ? round->t4 : offset->at;

	if (!in_order(round) || !proves(round, drift_ppm, &proven))
		return -ERANGE;
	if (offset->rounds == 0) {
		begin(offset, round, proven);
		return 0;
	}
	if (!cf_interval_meet(cf_offset_raw(offset, at), aged(proven, round->t4, at, drift_ppm), &both)) {
		begin(offset, round, proven);
		return -ESTALE;
	}

	offset->rounds++;
	offset->raw = both;
	offset->at = at;
	if (newer) {
		offset->there = round->there;
		offset->there_at = round->t4;
	}
	remember(offset, drift_ppm);

	return 0;
}

struct cf_interval cf_offset_raw(const struct cf_offset *offset, cf_mono now)
{
	if (offset->rounds == 0)
		return everything;

	return aged(offset->raw, offset->at, now, cf_offset_drift(offset));
}

/*
 * here.real was read at some moment of its bracket.  The other host's RAW was
 * then `ahead` of its newest reading, and its REALTIME has gone on by as much,
 * give or take slewing.  The result is to hold anywhere in the bracket, over
 * which both REALTIMEs may be slewed.
 */
struct cf_interval cf_offset_real(const struct cf_offset *offset, struct cf_instant here, double slew_ppm)
{
	struct cf_interval raw = cf_offset_raw(offset, here.raw);
	wide low = (wide)here.raw.ns + raw.low.ns - offset->there.raw.ns;
	wide high = (wide)here.raw.ns + raw.high.ns - offset->there.raw.ns;
	wide apart = (wide)offset->there.real.ns - here.real.ns;
	wide drifted = wide_drift(here.width.ns, cf_offset_drift(offset));
	wide reach = wide_reach(here) + wide_reach(offset->there) + drifted;
	wide moved = wide_max(high, -low) + reach + here.width.ns + here.width.ns;

	if (offset->rounds == 0)
		return everything;
	reach += wide_drift(moved, slew_ppm >= 0 ? slew_ppm : CF_SLEW_PPM);

	return wide_interval(apart + low - reach, apart + high + reach);
}

struct cf_interval cf_offset_real_between(struct cf_interval raw, struct cf_instant here,
					  struct cf_instant there)
{
	wide differences = ((wide)there.real.ns - there.raw.ns) - ((wide)here.real.ns - here.raw.ns);
	wide reach = wide_reach(here) + wide_reach(there);

	return wide_interval(raw.low.ns + differences - reach, raw.high.ns + differences + reach);
}

/* REALTIME against RAW there since the older of the two moments; a step makes it more than the kernel can. */
static double shown_slew(const struct cf_offset *offset)
{
	const struct cf_instant *then = &offset->shown[0].there, *last = &offset->there;
	wide time = (wide)last->raw.ns - then->raw.ns;
	wide apart = ((wide)last->real.ns - then->real.ns) - time;

	if (offset->rounds == 0 || time < CF_SHOWN_AFTER.ns)
		return KERNEL_SLEW_PPM;

	apart = wide_max(apart, -apart) + wide_reach(*then) + wide_reach(*last);
	return smaller(ppm_of(apart, time) + wander_of(offset), KERNEL_SLEW_PPM);
}

double cf_slew_since(const struct cf_offset *offset, const struct cf_report *report, cf_mono now)
{
	wide age = (wide)now.ns - offset->there_at.ns;
	cf_span correct;

	if (!report || !report->has_tracking || age <= 0)
		return CF_SLEW_PPM;

	correct = cf_span_abs(report->tracking.correction);
	for (int i = 0; i < 4; i++)
		correct = cf_span_add(correct, cf_span_abs(report->tracking.rms_offset));
	return smaller(shown_slew(offset) + ppm_of(correct.ns, age), CF_SLEW_PPM);
}
