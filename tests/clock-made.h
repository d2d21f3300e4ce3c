/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A clock that moves as a test likes, and what a chronyd says of it. */

#include <string.h>

#include "policy/clock.h"

#define US(n)	((cf_span){ (n) * CF_US })
#define S(n)	((cf_span){ (int64_t)((n) * CF_S) })

static const struct cf_clock_limits *const limits = &cf_clock_limits_default;
static const cf_real epoch = { INT64_C(1795000000) * CF_S };

/* s seconds of RAW after the start, with REALTIME `moved` away from where it was then. */
static inline struct cf_instant at(double s, cf_span moved)
{
	return (struct cf_instant){ { 1000 * CF_S + S(s).ns }, cf_real_add(cf_real_add(epoch, S(s)), moved), { 100 } };
}

static inline struct cf_instant plain(double s)
{
	return at(s, (cf_span){ 0 });
}

/* What a healthy chronyd says at an instant, its last update half a second old. */
static inline struct cf_tracking_reading healthy(struct cf_instant when)
{
	return (struct cf_tracking_reading){
		.at = when,
		.took = US(100),
		.via = CF_VIA_SOCKET,
		.tracking = {
			.refid = "7F000001", .stratum = 2, .leap = CF_LEAP_NORMAL,
			.has_reference_time = true, .reference_time = cf_real_add(when.real, S(-0.5)),
			.frequency_error_ppm = 0.23, .root_delay = { 5300 }, .root_dispersion = US(280),
			.has_update_interval = true, .update_interval = S(1),
			.selected = true, .has_reachability = true, .reachability = 0377,
			.has_poll_interval = true, .poll_interval = S(1),
		},
	};
}

/* What one says that was started just now, and has measured nothing yet. */
static inline struct cf_tracking_reading never_synced(struct cf_instant when)
{
	struct cf_tracking_reading r = healthy(when);

	strcpy(r.tracking.refid, "00000000");
	r.tracking.stratum = 0;
	r.tracking.leap = CF_LEAP_NOT_SYNCHRONISED;
	r.tracking.root_delay = r.tracking.root_dispersion = S(1);
	r.tracking.has_reference_time = r.tracking.selected = r.tracking.has_reachability = false;
	return r;
}

static inline const char *word(enum cf_clock_state state)
{
	return cf_clock_states[state];
}
