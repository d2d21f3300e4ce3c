/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/blackout.h"

#include "policy/offset.h"
#include "policy/wide.h"

#define STAMP_NS  1000		/* g_get_real_time() drops what is below a microsecond */
#define OLDEST_NS (10 * CF_S)

/*
 * REALTIME was `stamp` some time before it was handled.real; in RAW that is as
 * long, give or take slewing.  The event was up to a microsecond later than its
 * stamp, but not later than the reading.
 */
bool cf_stamp_raw(cf_real stamp, struct cf_instant handled, double slew_ppm, struct cf_instant *ret)
{
	wide age = (wide)handled.real.ns - stamp.ns;
	wide reach = wide_reach(handled), slewed, early, late;

	if (age < 0 || age > OLDEST_NS)
		return false;
	slewed = wide_drift(age, slew_ppm >= 0 ? slew_ppm : CF_SLEW_PPM);
	early = handled.raw.ns - reach - age - slewed;
	late = handled.raw.ns + reach - wide_max(age - STAMP_NS - slewed, 0);

	ret->real = stamp;
	ret->width = wide_span(late - early);
	ret->raw.ns = wide_span(early + ret->width.ns / 2).ns;

	return true;
}

bool cf_blackout(struct cf_instant stop, cf_span stop_slack, struct cf_instant resume, cf_span resume_slack,
		 struct cf_interval raw, struct cf_interval *ret)
{
	wide apart = (wide)resume.raw.ns - stop.raw.ns;
	wide reach = wide_reach(stop) + wide_reach(resume);
	wide low = apart - reach - raw.high.ns;
	wide high = apart + reach + stop_slack.ns + resume_slack.ns - raw.low.ns;
	wide pad;

	if (high < 0)
		return false;
	pad = wide_drift(high, CF_RAW_DRIFT_PPM / 2);
	*ret = wide_interval(wide_max(low - pad, 0), high + pad);

	return true;
}

bool cf_libvirt_downtime_mixed(struct cf_interval blackout, struct cf_interval host_offset)
{
	return cf_span_cmp(cf_span_add(blackout.high, host_offset.high), (cf_span){ -CF_MS }) >= 0;
}
