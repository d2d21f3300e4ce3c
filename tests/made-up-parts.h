/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the made-up messages are made of. */

#define NOON      INT64_C(1795176000000000000)	/* 2026-11-20T12:00:00Z */
#define AT(ms)    { NOON + (ms) * CF_MS }
#define SPAN(n)   { n }
#define FROM(a, b) { { a }, { b } }

#define ID        "7c0e58e1-6d4f-4d0e-9a53-2f6a0c1b7e11"
#define UUID      "b3f9a6d4-0c57-4a43-8f5e-1f2f5c7a9d20"

#define TRACKING {                                                                                   \
	.refid = "0A000003", .has_source = true, .source = "10.0.0.3", .stratum = 3,                 \
	.leap = CF_LEAP_NORMAL, .has_reference_time = true, .reference_time = AT(-20000),            \
	.correction = SPAN(-20 * CF_US), .last_offset = SPAN(11 * CF_US), .rms_offset = SPAN(31 * CF_US), \
	.frequency_ppm = -12.345, .frequency_error_ppm = 0.021, .root_delay = SPAN(801 * CF_US),     \
	.root_dispersion = SPAN(812 * CF_US), .has_update_interval = true,                           \
	.update_interval = SPAN(64 * CF_S), .selected = true, .has_reachability = true,              \
	.reachability = 0xef, .has_poll_interval = true, .poll_interval = SPAN(64 * CF_S) }

#define REPORT(name) {                                                                               \
	.host = name, .at = AT(123), .state = CF_CLOCK_SYNCHRONISED, .has_bound = true,              \
	.bound = SPAN(1234567), .has_growth_ppm = true, .growth_ppm = 1.021, .has_reading_age = true, \
	.reading_age = SPAN(1200 * CF_MS), .has_good_age = true, .good_age = SPAN(1200 * CF_MS),     \
	.has_via = true, .via = CF_VIA_SOCKET, .has_tracking = true, .tracking = TRACKING,           \
	.has_kernel_max_error = true, .kernel_max_error = SPAN(16 * CF_MS), .has_tai_s = true,       \
	.tai_s = 37, .clocksource = "tsc", .counter = CF_COUNTER_TSC, .has_counter_hz = true,        \
	.counter_hz = 2893321000, .has_counter_scaling = true, .counter_scaling = true }

#define SKEWED {                                                                                     \
	.code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE, .subject = "hA -> hB",              \
	.has_measured = true, .measured = FROM(1999900 * CF_US, 2000300 * CF_US), .has_limit = true, \
	.limit = SPAN(25 * CF_MS), .limit_of = "hA" }
#define NO_TAI { .code = CF_FINDING_TAI_UNKNOWN, .severity = CF_SEVERITY_WARN, .subject = "hB" }
#define IGNORED { .code = CF_FINDING_BLACKOUT_NOT_PREDICTED, .severity = CF_SEVERITY_OFF, .subject = "hA -> hB" }
#define SILENT {                                                                                     \
	.code = CF_FINDING_GUEST_AGENT_SILENT, .severity = CF_SEVERITY_WARN, .subject = "web1",      \
	.detail = "no answer within 5 s" }

#define WHICH .id = ID, .side = CF_SOURCE, .domain = "web1", .uuid = UUID, .source = "hA", .destination = "hB", \
	.has_requester = true, .requester = { "uid 1000 (ada)", "operator", "hA" }, .started = AT(123)
#define ENDED(p, o, r) { WHICH, .phase = p, .revision = 40, .has_ended = true, .ended = AT(14456), \
	.has_outcome = true, .outcome = o, .reason = r }
