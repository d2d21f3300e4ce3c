/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The clock report: what one host says of its own CLOCK_REALTIME.
 *
 * The error bound is a claim about distance from UTC, and is there only while
 * evidence stands behind it: chronyd's own arithmetic gives microseconds for a
 * clock that follows nothing.  What chronyd says is carried beside the claim, so
 * that a person can see where it comes from, and must not be judged a second
 * time by who reads it.
 */

#include "proto/field.h"
#include "proto/version.h"

#define CF_CLOCK_BOUND_MAX (200 * CF_YEAR)

enum cf_clock_state {
	CF_CLOCK_UNKNOWN,		/* a word of a newer agent */
	CF_CLOCK_SYNCHRONISED,		/* follows a reachable source, of which chronyd heard lately */
	CF_CLOCK_HOLDOVER,		/* did so not long ago, and was not stepped since */
	CF_CLOCK_UNSYNCHRONISED,	/* neither */
	CF_CLOCK_UNTRUSTED,		/* the evidence contradicts itself */
	CF_N_CLOCK_STATES,
};

enum cf_leap {
	CF_LEAP_UNKNOWN,
	CF_LEAP_NORMAL,
	CF_LEAP_INSERT,			/* the day ends with 23:59:60 */
	CF_LEAP_DELETE,			/* the day ends with 23:59:58 */
	CF_LEAP_NOT_SYNCHRONISED,	/* chronyd's word for no reference at all */
	CF_N_LEAPS,
};

/* The counter guests derive their clocks from. */
enum cf_counter { CF_COUNTER_UNKNOWN, CF_COUNTER_TSC, CF_COUNTER_CNTVCT, CF_N_COUNTERS };

/* How chronyd was reached. */
enum cf_via { CF_VIA_UNKNOWN, CF_VIA_SOCKET, CF_VIA_IPV4, CF_VIA_IPV6, CF_N_VIAS };

/* What chronyd says, in chronyd's own sense.  Spans are seconds there, nanoseconds here. */
struct cf_tracking {
	char refid[9];			/* "7F7F0101": eight hex digits */
	bool has_source;
	char source[48];		/* the reference's address; absent for a hardware clock or none */
	int64_t stratum;
	enum cf_leap leap;
	bool has_reference_time;
	cf_real reference_time;		/* the last update chronyd accepted; absent when there was none */
	cf_span correction;		/* still to be added to CLOCK_REALTIME: positive when it is slow */
	cf_span last_offset;
	cf_span rms_offset;
	double frequency_ppm;		/* of the uncorrected clock: positive when it gains */
	double frequency_error_ppm;	/* bound of the above; chronyc prints it as "Skew" */
	cf_span root_delay;
	cf_span root_dispersion;	/* as of the reading: chronyd lets it grow */
	bool has_update_interval;
	cf_span update_interval;	/* between the last two updates */
	bool selected;			/* a source is selected at all */
	bool has_reachability;
	int64_t reachability;		/* of it: the last eight polls, newest in bit 0 */
	bool has_poll_interval;
	cf_span poll_interval;		/* of it */
};

/* A leap second the kernel or chronyd has been told of. */
struct cf_leap_pending {
	enum cf_leap kind;		/* CF_LEAP_INSERT or CF_LEAP_DELETE */
	cf_real at;			/* the UTC midnight it happens before */
};

struct cf_report {
	char host[CF_HOST_ROOM];
	cf_real at;			/* when this was true, on the clock in question */
	enum cf_clock_state state;
	char why[CF_DETAIL_ROOM];	/* why not synchronised; empty when it is */

	bool has_bound;
	cf_span bound;			/* at `at`, from UTC */
	bool has_growth_ppm;
	double growth_ppm;		/* how fast the bound grows from there on, without further news */
	bool has_reading_age;
	cf_span reading_age;		/* since chronyd said what `tracking` shows */
	bool has_good_age;
	cf_span good_age;		/* since a reading last proved the clock synchronised */
	bool has_via;
	enum cf_via via;
	bool has_tracking;
	struct cf_tracking tracking;

	bool stepped;			/* and no update accepted since that leaves it within the skew limit */
	bool has_stepped_ago;
	cf_span stepped_ago;
	bool kernel_unsync;		/* STA_UNSYNC: stays set for ever without chronyd's `rtcsync` */
	bool has_kernel_max_error;
	cf_span kernel_max_error;	/* what the kernel believes; belongs to whoever set it */
	bool has_tai_s;
	int64_t tai_s;			/* TAI - UTC in seconds; absent when the kernel was never told (it has 0 then) */
	bool has_leap;
	struct cf_leap_pending leap;

	char clocksource[32];		/* the kernel's; empty when it does not tell */
	enum cf_counter counter;
	bool has_counter_hz;
	int64_t counter_hz;
	bool has_counter_scaling;
	bool counter_scaling;		/* KVM can give a guest another rate than the host's */
};

extern const struct cf_shape cf_tracking_shape;
extern const struct cf_shape cf_leap_pending_shape;
extern const struct cf_shape cf_report_shape;

extern const char *const cf_clock_states[CF_N_CLOCK_STATES];
extern const char *const cf_vias[CF_N_VIAS];
extern const char *const cf_leaps[CF_N_LEAPS];
extern const char *const cf_counters[CF_N_COUNTERS];
