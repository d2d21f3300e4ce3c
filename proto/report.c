/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/report.h"

const char *const cf_clock_states[CF_N_CLOCK_STATES] = {
	[CF_CLOCK_UNKNOWN]        = "unknown",
	[CF_CLOCK_SYNCHRONISED]   = "synchronised",
	[CF_CLOCK_HOLDOVER]       = "holdover",
	[CF_CLOCK_UNSYNCHRONISED] = "unsynchronised",
	[CF_CLOCK_UNTRUSTED]      = "untrusted",
};

const char *const cf_vias[CF_N_VIAS] = {
	[CF_VIA_UNKNOWN] = "unknown",
	[CF_VIA_SOCKET]  = "socket",
	[CF_VIA_IPV4]    = "ipv4",
	[CF_VIA_IPV6]    = "ipv6",
};

const char *const cf_leaps[CF_N_LEAPS] = {
	[CF_LEAP_UNKNOWN]          = "unknown",
	[CF_LEAP_NORMAL]           = "normal",
	[CF_LEAP_INSERT]           = "insert",
	[CF_LEAP_DELETE]           = "delete",
	[CF_LEAP_NOT_SYNCHRONISED] = "not-synchronised",
};

const char *const cf_counters[CF_N_COUNTERS] = {
	[CF_COUNTER_UNKNOWN] = "none",
	[CF_COUNTER_TSC]     = "tsc",
	[CF_COUNTER_CNTVCT]  = "cntvct",
};

#define WIDE CF_CLOCK_BOUND_MAX
#define PPM  1e9

static const struct cf_field tracking_fields[] = {
	CF_TEXT(struct cf_tracking, refid),
	CF_TEXT(struct cf_tracking, source, CF_MAYBE(struct cf_tracking, has_source)),
	CF_INT (struct cf_tracking, stratum, 0, UINT16_MAX),
	CF_ENUM(struct cf_tracking, leap, cf_leaps, CF_N_LEAPS),
	CF_TIME(struct cf_tracking, reference_time, CF_MAYBE(struct cf_tracking, has_reference_time)),
	CF_SPAN(struct cf_tracking, correction, -WIDE, WIDE),
	CF_SPAN(struct cf_tracking, last_offset, -WIDE, WIDE),
	CF_SPAN(struct cf_tracking, rms_offset, -WIDE, WIDE),
	CF_REAL(struct cf_tracking, frequency_ppm, -PPM, PPM),
	CF_REAL(struct cf_tracking, frequency_error_ppm, -PPM, PPM),
	CF_SPAN(struct cf_tracking, root_delay, -WIDE, WIDE),
	CF_SPAN(struct cf_tracking, root_dispersion, -WIDE, WIDE),
	CF_SPAN(struct cf_tracking, update_interval, 0, WIDE, CF_MAYBE(struct cf_tracking, has_update_interval)),
	CF_BOOL(struct cf_tracking, selected),
	CF_INT (struct cf_tracking, reachability, 0, UINT8_MAX, CF_MAYBE(struct cf_tracking, has_reachability)),
	CF_SPAN(struct cf_tracking, poll_interval, 0, WIDE, CF_MAYBE(struct cf_tracking, has_poll_interval)),
};

const struct cf_shape cf_tracking_shape = CF_SHAPE(cf_tracking, tracking_fields);

static const struct cf_field leap_pending_fields[] = {
	CF_ENUM(struct cf_leap_pending, kind, cf_leaps, CF_N_LEAPS),
	CF_TIME(struct cf_leap_pending, at),
};

const struct cf_shape cf_leap_pending_shape = CF_SHAPE(cf_leap_pending, leap_pending_fields);

static const struct cf_field report_fields[] = {
	CF_TEXT  (struct cf_report, host),
	CF_TIME  (struct cf_report, at),
	CF_ENUM  (struct cf_report, state, cf_clock_states, CF_N_CLOCK_STATES),
	CF_TEXT  (struct cf_report, why),
	CF_SPAN  (struct cf_report, bound, 0, WIDE, CF_MAYBE(struct cf_report, has_bound)),
	CF_REAL  (struct cf_report, growth_ppm, 0, PPM, CF_MAYBE(struct cf_report, has_growth_ppm)),
	CF_SPAN  (struct cf_report, reading_age, 0, WIDE, CF_MAYBE(struct cf_report, has_reading_age)),
	CF_SPAN  (struct cf_report, good_age, 0, WIDE, CF_MAYBE(struct cf_report, has_good_age)),
	CF_ENUM  (struct cf_report, via, cf_vias, CF_N_VIAS, CF_MAYBE(struct cf_report, has_via)),
	CF_STRUCT(struct cf_report, tracking, cf_tracking_shape, CF_MAYBE(struct cf_report, has_tracking)),
	CF_BOOL  (struct cf_report, stepped),
	CF_SPAN  (struct cf_report, stepped_ago, 0, WIDE, CF_MAYBE(struct cf_report, has_stepped_ago)),
	CF_BOOL  (struct cf_report, kernel_unsync),
	CF_SPAN  (struct cf_report, kernel_max_error, 0, WIDE, CF_MAYBE(struct cf_report, has_kernel_max_error)),
	CF_INT   (struct cf_report, tai_s, -1000, 1000, CF_MAYBE(struct cf_report, has_tai_s)),
	CF_STRUCT(struct cf_report, leap, cf_leap_pending_shape, CF_MAYBE(struct cf_report, has_leap)),
	CF_TEXT  (struct cf_report, clocksource),
	CF_ENUM  (struct cf_report, counter, cf_counters, CF_N_COUNTERS),
	CF_INT   (struct cf_report, counter_hz, 1, INT64_C(1000000000000), CF_MAYBE(struct cf_report, has_counter_hz)),
	CF_BOOL  (struct cf_report, counter_scaling, CF_MAYBE(struct cf_report, has_counter_scaling)),
};

const struct cf_shape cf_report_shape = CF_SHAPE(cf_report, report_fields);
