/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/made-up.h"

#include <string.h>

#include "proto/check.h"
#include "proto/domain.h"
#include "proto/health.h"
#include "proto/peer.h"
#include "proto/problem.h"
#include "proto/receipt.h"

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

static const struct cf_report clock_good = REPORT("hA");

/* chronyd can't be reached, and nothing else is known either. */
static const struct cf_report clock_absent = {
	.host = "hA", .at = AT(123), .state = CF_CLOCK_UNSYNCHRONISED,
	.why = "chronyd does not answer: No such file or directory", .kernel_unsync = true,
};

static const struct cf_report clock_stepped = {
	.host = "hA", .at = AT(123), .state = CF_CLOCK_HOLDOVER, .why = "no source is reachable", .has_bound = true,
	.bound = SPAN(48 * CF_MS), .has_growth_ppm = true, .growth_ppm = 50, .has_good_age = true,
	.good_age = SPAN(900 * CF_S), .stepped = true, .has_stepped_ago = true, .stepped_ago = SPAN(61 * CF_S),
	.has_tracking = true,
	.tracking = { .refid = "7F7F0101", .stratum = 10, .leap = CF_LEAP_NOT_SYNCHRONISED },
	.has_leap = true, .leap = { CF_LEAP_INSERT, AT(12 * 3600 * INT64_C(1000)) },
};

static const struct cf_version version = { "0.1", 1, 0, "hA" };

static const struct cf_version version_newer = { "9.9", 1, 99, "hA" };

static const struct cf_health health_good = {
	.host = "hA", .healthy = true, .clock = CF_CLOCK_SYNCHRONISED, .libvirt_connected = true, .libvirt = "9.0.0",
	.tls_listening = true, .migrations = 1,
};
static const struct cf_health health_bad = {
	.host = "hA", .clock = CF_CLOCK_UNSYNCHRONISED, .settings = "clockferryd.conf:3: max-skew: 3 parsecs",
	.libvirt_why = "cannot connect to libvirtd: Connection refused", .tls_why = "there is no certificate",
	.hung_calls = 2,
};

#define SKEWED {                                                                                     \
	.code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE, .subject = "hA -> hB",              \
	.has_measured = true, .measured = FROM(1999900 * CF_US, 2000300 * CF_US), .has_limit = true, \
	.limit = SPAN(25 * CF_MS), .limit_of = "hA" }
#define NO_TAI { .code = CF_FINDING_TAI_UNKNOWN, .severity = CF_SEVERITY_WARN, .subject = "hB" }
#define IGNORED { .code = CF_FINDING_BLACKOUT_NOT_PREDICTED, .severity = CF_SEVERITY_OFF, .subject = "hA -> hB" }
#define SILENT {                                                                                     \
	.code = CF_FINDING_GUEST_AGENT_SILENT, .severity = CF_SEVERITY_WARN, .subject = "web1",      \
	.detail = "no answer within 5 s" }

static const struct cf_peer peer_good = {
	.host = "hB", .address = "hB:9437", .reachable = true, .has_agent = true, .agent = "0.1",
	.has_host_offset = true, .host_offset = FROM(-12300, 8100), .has_half_width = true, .half_width = SPAN(10200),
	.has_age = true, .age = SPAN(800 * CF_MS), .rounds = 160, .has_report = true, .report = REPORT("hB"),
	.gate_open = true, .has_gate_since = true, .gate_since = AT(-60000),
};

#define LOST {                                                                                       \
	.host = "hC", .address = "hC:9437", .why = "Connection refused", .n_findings = 1,            \
	.findings = { { .code = CF_FINDING_PEER_UNREACHABLE, .severity = CF_SEVERITY_REFUSE,         \
			.subject = "hC", .detail = "Connection refused" } } }
static const struct cf_peer peer_lost = LOST;

static const struct cf_peers peers = {
	.n_list = 2,
	.list = {
		{ .host = "hB", .address = "hB:9437", .reachable = true, .has_host_offset = true,
		  .host_offset = FROM(1999900 * CF_US, 2000300 * CF_US), .has_half_width = true,
		  .half_width = SPAN(200 * CF_US), .has_age = true, .age = SPAN(800 * CF_MS), .rounds = 16,
		  .has_report = true, .report = REPORT("hB"), .n_findings = 1, .findings = { SKEWED } },
		LOST,
	},
};
static const struct cf_peers peers_none = { 0 };

static const struct cf_domains domains = {
	.n_list = 2,
	.list = {
		{ "web1", UUID, CF_DOMAIN_RUNNING, "kvm", true, "" },
		{ "\033[31mred", "00000000-0000-4000-8000-000000000001", CF_DOMAIN_SHUTOFF, "qemu", false, "nova" },
	},
};
static const struct cf_domains domains_first = {
	.n_list = 1, .list = { { "db1", UUID, CF_DOMAIN_RUNNING, "kvm", true, "" } }, .has_next = true, .next = "db1",
};
static const struct cf_domains domains_none = { 0 };

static const struct cf_guest_clock guest_good = {
	.domain = "web1", .uuid = UUID, .type = "kvm", .arch = "x86_64", .machine = "pc-q35-7.2",
	.emulator = "QEMU 7.2.22", .clock_offset = "utc", .n_timers = 2,
	.timers = { { .name = "rtc", .tickpolicy = "catchup", .track = "guest" },
		    { .name = "tsc", .has_present = true, .present = true, .has_frequency = true,
		      .frequency = 2893321000, .mode = "native" } },
	.kvmclock = true, .has_clocksource = true, .clocksource = "kvm-clock", .has_counter_hz = true,
	.counter_hz = 2893321000, .counter_promised = true, .agent_configured = true, .agent_connected = true,
	.has_guest_offset = true,
	.guest_offset = { .offset = FROM(3600 * CF_S - 180 * CF_US, 3600 * CF_S + 210 * CF_US), .at = { { CF_S }, AT(0), { 90 } },
			  .rounds = 8, .has_rate = true, .rate = { 3.2, 0.4 } },
	.n_vcpus = 2,
	.vcpus = { { .vcpu = 0, .has_offset = true, .offset = -81234567890123, .has_scaling = true,
		     .scaling = { INT64_C(1) << 48, 48 } },
		   { .vcpu = 1, .has_guest_mode = true, .guest_mode = true } },
	.lever = CF_LEVER_GUEST_AGENT, .n_findings = 1,
	.findings = { { .code = CF_FINDING_RTC_CLOCK, .severity = CF_SEVERITY_WARN, .subject = "web1" } },
};

static const struct cf_guest_clock guest_absent = {
	.domain = "web1", .uuid = UUID, .type = "qemu", .arch = "aarch64", .machine = "virt-7.2",
	.emulator = "QEMU 7.2.22", .guest_offset_why = "the guest agent did not answer within 5 s",
	.agent_configured = true, .agent_connected = true, .lever = CF_LEVER_NONE, .n_findings = 2,
	.findings = { SILENT, { .code = CF_FINDING_LEVER_MISSING, .severity = CF_SEVERITY_REFUSE, .subject = "web1" } },
};

static const struct cf_checks checks_mixed = {
	.domain = "web1", .uuid = UUID, .n_list = 2,
	.list = {
		{ .destination = "hB", .has_host_offset = true, .host_offset = FROM(1999900 * CF_US, 2000300 * CF_US),
		  .has_offset_half_width = true, .offset_half_width = SPAN(200 * CF_US), .max_blackout = SPAN(CF_S),
		  .n_findings = 3, .findings = { SKEWED, NO_TAI, IGNORED } },
		{ .destination = "hC", .allowed = true, .has_host_offset = true, .host_offset = FROM(-12300, 8100),
		  .has_predicted_blackout = true, .predicted_blackout = SPAN(85 * CF_MS), .max_blackout = SPAN(CF_S) },
	},
};
static const struct cf_checks checks_good = {
	.domain = "web1", .uuid = UUID, .n_list = 1,
	.list = { { .destination = "hC", .allowed = true, .max_blackout = SPAN(CF_S) } },
};
static const struct cf_checks checks_none = { .domain = "web1", .uuid = UUID };

#define WHICH .id = ID, .side = CF_SOURCE, .domain = "web1", .uuid = UUID, .source = "hA", .destination = "hB", \
	.started = AT(123)
#define ENDED(p, o, r) { WHICH, .phase = p, .revision = 40, .has_ended = true, .ended = AT(14456), \
	.has_outcome = true, .outcome = o, .reason = r }

static const struct cf_migration migration_checking = { WHICH, .phase = CF_PHASE_CHECKING, .revision = 1 };
static const struct cf_migration migration_copying = {
	WHICH, .phase = CF_PHASE_COPYING, .revision = 9, .has_progress = true,
	.progress = { .bytes_total = 4 * INT64_C(1073741824), .bytes_sent = 1300234567, .bytes_left = 300 << 20,
		      .bytes_per_second = 327155712, .iteration = 2, .has_predicted_blackout = true,
		      .predicted_blackout = SPAN(85 * CF_MS) },
	.has_host_offset = true, .host_offset = FROM(-12300, 8100), .has_max_blackout = true,
	.max_blackout = SPAN(CF_S),
};
static const struct cf_migration migration_copying_blind = {
	WHICH, .phase = CF_PHASE_COPYING, .revision = 8, .has_progress = true, .progress = { .bytes_total = 17 },
};
static const struct cf_migration migration_clean = ENDED(CF_PHASE_DONE, CF_OUTCOME_CLEAN, "");
static const struct cf_migration migration_aborted = ENDED(CF_PHASE_ABORTED, CF_OUTCOME_ABORTED, "the operator wanted it");
static const struct cf_migration migration_refused = {
	WHICH, .phase = CF_PHASE_REFUSED, .revision = 2, .has_outcome = true, .outcome = CF_OUTCOME_REFUSED,
	.reason = "the two hosts' clocks disagree", .n_findings = 1, .findings = { SKEWED },
};

static const struct cf_migrations migrations = {
	.n_list = 2,
	.list = { { WHICH, .phase = CF_PHASE_COPYING, .revision = 9 },
		  ENDED(CF_PHASE_DONE, CF_OUTCOME_BREACHED, "the blackout was too long") },
};
static const struct cf_migrations migrations_none = { 0 };

#define LIMITS {                                                                                     \
	.max_error_bound = SPAN(100 * CF_MS), .max_skew = SPAN(25 * CF_MS), .max_blackout = SPAN(CF_S), \
	.max_residual = SPAN(20 * CF_MS), .gate_grace = SPAN(30 * CF_S), .holdover_max = SPAN(300 * CF_S), \
	.max_stratum = 8, .require_lever = CF_LEVER_NONE, .correction = CF_CORRECTION_STEP_FORWARD,  \
	.correction_floor = SPAN(2 * CF_MS) }
#define OWNERS { "hA", "hA", "hB", "hA" }
#define VERSIONS .agent = "0.1", .libvirt = "9.0.0", .emulator = "QEMU 7.2.22", .kernel = "6.1.0-28-amd64"

#define PHASES                                                                                       \
	.n_phases = 8, .phases = {                                                                   \
		{ CF_PHASE_CHECKING, AT(123), SPAN(1210 * CF_MS) }, { CF_PHASE_RESERVED, AT(1333), SPAN(12 * CF_MS) }, \
		{ CF_PHASE_CAPTURING, AT(1345), SPAN(31 * CF_MS) }, { CF_PHASE_COPYING, AT(1376), SPAN(11320 * CF_MS) }, \
		{ CF_PHASE_PAUSED, AT(12696), SPAN(1305 * CF_MS) }, { CF_PHASE_LANDED, AT(14001), SPAN(2 * CF_MS) }, \
		{ CF_PHASE_CORRECTING, AT(14003), SPAN(310 * CF_MS) },                               \
		{ CF_PHASE_VERIFYING, AT(14313), SPAN(70 * CF_S) } }

static const struct cf_receipt receipt_clean = {
	.migration = ENDED(CF_PHASE_DONE, CF_OUTCOME_CLEAN, ""), .driver = "libvirt", .has_persistence = true,
	.persistence = { true, true }, .limits = LIMITS, .limit_owners = OWNERS, .has_source_report = true, .source_report = REPORT("hA"),
	.has_destination_report = true, .destination_report = REPORT("hB"), .has_offset_before = true,
	.offset_before = FROM(-12300, 8100), .has_offset_during = true, .offset_during = FROM(-15100, 9900),
	.has_offset_after = true, .offset_after = FROM(-11900, 7800), .probe_rounds = 160, PHASES,
	.has_bytes = true, .bytes = 1300234567, .has_stop = true, .stop = { { 5 * CF_S }, AT(12696), { 1000 } },
	.stop_slack = SPAN(CF_MS), .has_blackout = true, .blackout = FROM(83 * CF_MS, 86 * CF_MS),
	.has_libvirt_downtime = true, .libvirt_downtime = SPAN(84 * CF_MS), .has_libvirt_downtime_offset = true,
	.libvirt_downtime_offset = FROM(-15100, 9900), .has_guest_offset_before = true,
	.guest_offset_before = { .offset = FROM(-180 * CF_US, 210 * CF_US), .at = { { CF_S }, AT(0), { 90 } }, .rounds = 8 },
	.has_predicted_lag = true, .predicted_lag = FROM(0, 86 * CF_MS),
	.predicted_lag_why = "kvm-clock loses from the end of the copy to RESUME", .has_landing = true,
	.landing = { .phase = CF_PHASE_DONE, .has_resume = true, .resume = { { 9 * CF_S }, AT(14001), { 1000 } },
		     .resume_slack = SPAN(2300 * CF_US), .has_lag = true, .lag = FROM(81 * CF_MS, 84 * CF_MS),
		     .lever = CF_LEVER_GUEST_AGENT, .has_corrected_after = true, .corrected_after = SPAN(320 * CF_MS),
		     .n_steps = 1, .steps = { { SPAN(310 * CF_MS), SPAN(81 * CF_MS), SPAN(2 * CF_MS), true, "" } },
		     .n_residuals = 3, .residuals = { { SPAN(320 * CF_MS), FROM(-1900 * CF_US, 400 * CF_US) },
						      { SPAN(CF_S), FROM(-1800 * CF_US, 500 * CF_US) },
						      { SPAN(10 * CF_S), FROM(-1800 * CF_US, 600 * CF_US) } },
		     .left = "its clock is off by -1.90 ms .. +400 us, which may be nothing",
		     .has_persistence = true, .persistence = { true, true }, VERSIONS },
	VERSIONS, .machine = "pc-q35-7.2",
};

/* Much went wrong, and all of it is said. */
static const struct cf_receipt receipt_breached = {
	.migration = { WHICH, .phase = CF_PHASE_DONE, .revision = 40, .has_ended = true, .ended = AT(14456),
		       .has_outcome = true, .outcome = CF_OUTCOME_BREACHED, .reason = "the blackout was too long",
		       .n_labels = 2, .labels = { "team=db", "ticket=OPS-12" }, .n_findings = 2, .findings = { NO_TAI, IGNORED } },
	.driver = "libvirt", .has_persistence = true, .persistence = { true, true }, .limits = LIMITS,
	.limit_owners = OWNERS, .has_source_report = true,
	.source_report = { .host = "hA", .at = AT(123), .state = CF_CLOCK_HOLDOVER, .why = "no source is reachable",
			   .has_bound = true, .bound = SPAN(48 * CF_MS), .stepped = true },
	.has_destination_report = true, .destination_report = REPORT("hB"), .has_offset_before = true,
	.offset_before = FROM(1999900 * CF_US, 2000300 * CF_US), .has_offset_during = true,
	.offset_during = FROM(1999900 * CF_US, 2000300 * CF_US), .probe_rounds = 16, PHASES, .has_bytes = true,
	.bytes = 1300234567, .has_stop = true, .stop = { { 5 * CF_S }, AT(12696), { 1000 } },
	.stop_slack = SPAN(CF_MS), .has_blackout = true, .blackout = FROM(1302 * CF_MS, 1309 * CF_MS),
	.has_libvirt_downtime = true, .libvirt_downtime = SPAN(3305 * CF_MS), .has_libvirt_downtime_offset = true,
	.libvirt_downtime_offset = FROM(1999900 * CF_US, 2000300 * CF_US), .has_guest_offset_before = true,
	.guest_offset_before = { .offset = FROM(3600 * CF_S - 180 * CF_US, 3600 * CF_S + 210 * CF_US),
				 .at = { { CF_S }, AT(0), { 90 } }, .rounds = 8, .has_rate = true, .rate = { 3.2, 0.4 } },
	.has_predicted_lag = true, .predicted_lag = FROM(0, 86 * CF_MS),
	.predicted_lag_why = "kvm-clock loses from the end of the copy to RESUME", .lag_surprising = true,
	.has_landing = true,
	.landing = { .phase = CF_PHASE_VERIFYING, .has_resume = true, .resume = { { 9 * CF_S }, AT(14001), { 1000 } },
		     .resume_slack = SPAN(2300 * CF_US), .has_stop = true, .stop = { { 99 * CF_S }, AT(20000), { 9 } },
		     .has_lag = true, .lag = FROM(1301 * CF_MS, 1304 * CF_MS), .lever = CF_LEVER_GUEST_AGENT,
		     .n_steps = 2, .steps = { { SPAN(310 * CF_MS), SPAN(1301 * CF_MS), SPAN(2 * CF_MS), true, "" },
					      { SPAN(900 * CF_MS), SPAN(40 * CF_MS), SPAN(5 * CF_S), false,
						"the guest agent did not answer" } },
		     .n_residuals = 1, .residuals = { { SPAN(CF_S), FROM(-41 * CF_MS, -39 * CF_MS) } },
		     .has_persistence = true, VERSIONS,
		     .n_unmeasured = 1, .unmeasured = { "residual +10 s: the domain had stopped" } },
	VERSIONS, .machine = "pc-q35-7.2", .n_unmeasured = 2,
	.unmeasured = { "host offset after: hB did not answer", "guest clocksource: the guest agent can't tell" },
};

static const struct cf_receipt receipt_aborted = {
	.migration = ENDED(CF_PHASE_ABORTED, CF_OUTCOME_ABORTED, "the operator wanted it"), .driver = "libvirt",
	.limits = LIMITS, .limit_owners = OWNERS, .has_source_report = true, .source_report = REPORT("hA"),
	.has_destination_report = true, .destination_report = REPORT("hB"), .has_offset_before = true,
	.offset_before = FROM(-12300, 8100), .probe_rounds = 16, .n_phases = 1,
	.phases = { { CF_PHASE_CHECKING, AT(123), SPAN(1210 * CF_MS) } }, .has_stop = true,
	.stop = { { 5 * CF_S }, AT(12696), { 1000 } }, .has_source_lost = true,
	.source_lost = FROM(31 * CF_MS, 33 * CF_MS), .has_guest_offset_before = true,
	.guest_offset_before = { .offset = FROM(-180 * CF_US, 210 * CF_US), .at = { { CF_S }, AT(0), { 90 } }, .rounds = 8 },
	.has_kept = true,
	.kept = { .phase = CF_PHASE_ABORTED, .has_resume = true, .resume = { { 9 * CF_S }, AT(14001), { 1000 } },
		  .has_lag = true, .lag = FROM(31 * CF_MS, 32 * CF_MS), .lever = CF_LEVER_GUEST_AGENT,
		  .has_corrected_after = true, .corrected_after = SPAN(40 * CF_MS),
		  .n_steps = 1, .steps = { { SPAN(25 * CF_MS), SPAN(31 * CF_MS), SPAN(9 * CF_MS), true, "" } },
		  .n_residuals = 2, .residuals = { { SPAN(25 * CF_MS), FROM(-32 * CF_MS, -31 * CF_MS) },
						   { SPAN(40 * CF_MS), FROM(-900 * CF_US, 100 * CF_US) } } },
	VERSIONS,
};

/* Nothing was measured: not one figure may appear that is not a limit or a time of ours. */
static const struct cf_receipt receipt_absent = {
	.migration = { WHICH, .phase = CF_PHASE_DONE, .revision = 40, .has_outcome = true,
		       .outcome = CF_OUTCOME_UNVERIFIED, .reason = "the destination was not heard again" },
	.driver = "libvirt", .limits = LIMITS,
};

#define PROBLEM(number, name, text) \
	.type = "urn:clockferry:error:" name, .title = name, .status = number, .detail = text, .code = name

static const struct cf_problem problem_refused = {
	PROBLEM(409, "refused", "policy refuses it"), .n_findings = 3, .findings = { SKEWED, NO_TAI, IGNORED },
};
static const struct cf_problem problem_not_found = { PROBLEM(404, "not-found", "there is no domain 'web9'") };
static const struct cf_problem problem_forbidden = { PROBLEM(403, "forbidden", "operators only") };
static const struct cf_problem problem_too_late = { PROBLEM(409, "too-late", "the guest has landed") };
static const struct cf_problem problem_host = { PROBLEM(500, "host", "libvirt: \033[2Jcannot open\nit") };
static const struct cf_problem problem_newer = { PROBLEM(418, "tea-time", "a code of a newer agent") };

const struct made_up made_up[] = {
	{ "version", &cf_version_shape, &version },
	{ "version-newer", &cf_version_shape, &version_newer },
	{ "health", &cf_health_shape, &health_good },
	{ "health-bad", &cf_health_shape, &health_bad },
	{ "clock", &cf_report_shape, &clock_good },
	{ "clock-absent", &cf_report_shape, &clock_absent },
	{ "clock-stepped", &cf_report_shape, &clock_stepped },
	{ "peer", &cf_peer_shape, &peer_good },
	{ "peer-lost", &cf_peer_shape, &peer_lost },
	{ "peers", &cf_peers_shape, &peers },
	{ "peers-none", &cf_peers_shape, &peers_none },
	{ "domains", &cf_domains_shape, &domains },
	{ "domains-first", &cf_domains_shape, &domains_first },
	{ "domains-none", &cf_domains_shape, &domains_none },
	{ "guest", &cf_guest_clock_shape, &guest_good },
	{ "guest-absent", &cf_guest_clock_shape, &guest_absent },
	{ "checks", &cf_checks_shape, &checks_mixed },
	{ "checks-good", &cf_checks_shape, &checks_good },
	{ "checks-none", &cf_checks_shape, &checks_none },
	{ "migration-checking", &cf_migration_shape, &migration_checking },
	{ "migration-copying", &cf_migration_shape, &migration_copying },
	{ "migration-blind", &cf_migration_shape, &migration_copying_blind },
	{ "migration-clean", &cf_migration_shape, &migration_clean },
	{ "migration-aborted", &cf_migration_shape, &migration_aborted },
	{ "migration-refused", &cf_migration_shape, &migration_refused },
	{ "migrations", &cf_migrations_shape, &migrations },
	{ "migrations-none", &cf_migrations_shape, &migrations_none },
	{ "receipt-clean", &cf_receipt_shape, &receipt_clean },
	{ "receipt-breached", &cf_receipt_shape, &receipt_breached },
	{ "receipt-aborted", &cf_receipt_shape, &receipt_aborted },
	{ "receipt-absent", &cf_receipt_shape, &receipt_absent },
	{ "problem-refused", &cf_problem_shape, &problem_refused },
	{ "problem-not-found", &cf_problem_shape, &problem_not_found },
	{ "problem-forbidden", &cf_problem_shape, &problem_forbidden },
	{ "problem-too-late", &cf_problem_shape, &problem_too_late },
	{ "problem-host", &cf_problem_shape, &problem_host },
	{ "problem-newer", &cf_problem_shape, &problem_newer },
};
const size_t n_made_up = CF_COUNT(made_up);

const struct made_up *made_up_find(const char *name)
{
	for (size_t i = 0; i < n_made_up; i++)
		if (strcmp(made_up[i].name, name) == 0)
			return &made_up[i];
	return NULL;
}
