/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/aim.h"

#include "policy/guest.h"
#include "policy/offset.h"

#define GUEST_PPM 500.0		/* how far a guest's clock that is left alone runs off (policy/guest.h) */
#define RAW_PPM   (CF_RAW_DRIFT_PPM / 2)	/* and one oscillator */

static struct cf_interval hull(struct cf_interval a, struct cf_interval b)
{
	return (struct cf_interval){ cf_span_min(a.low, b.low), cf_span_max(a.high, b.high) };
}

/* How much the time between the source's instant and RESUME may have been something else than what RAW says. */
static cf_span in_between(const struct aim *aim)
{
	double ppm = aim->ran_on ? RAW_PPM + GUEST_PPM : RAW_PPM;

	return cf_span_ppm(cf_span_abs(cf_span_sub(cf_mono_since(aim->resume.raw, aim->from.raw), aim->raw.low)), ppm);
}

/* The same since RESUME, where there is nothing but RAW to go by. */
static cf_span since_resume(const struct aim *aim, struct cf_instant now)
{
	return cf_span_ppm(cf_span_abs(cf_mono_since(now.raw, aim->resume.raw)), RAW_PPM);
}

struct cf_interval aim_at(const struct aim *aim, struct cf_instant now, bool stepped)
{
	struct cf_interval then = cf_offset_real_between(aim->raw, aim->from, aim->resume);
	struct cf_interval here = cf_offset_real_between(aim->raw, aim->from, now);

	if (stepped)
		return cf_interval_widen(cf_guest_target(aim->offset, here), cf_span_add(in_between(aim), since_resume(aim, now)));
	return cf_interval_widen(cf_guest_target(aim->offset, hull(then, here)), in_between(aim));
}
