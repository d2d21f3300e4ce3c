/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/made-up.h"

#include <string.h>

#include "proto/check.h"
#include "proto/doctor.h"
#include "proto/domain.h"
#include "proto/health.h"
#include "proto/peer.h"
#include "proto/policy.h"
#include "proto/problem.h"
#include "proto/trial.h"
#include "tests/made-up-parts.h"
#include "tests/made-up-receipts.h"

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
	.tls_listening = true, .migrations = 1, .has_queued = true, .queued = 3,
};
static const struct cf_health health_bad = {
	.host = "hA", .clock = CF_CLOCK_UNSYNCHRONISED, .settings = "clockferryd.conf:3: max-skew: 3 parsecs",
	.libvirt_why = "cannot connect to libvirtd: Connection refused", .tls_why = "there is no certificate",
	.has_quiescing = true, .quiescing = true, .hung_calls = 2,
};

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
		{ "web1", UUID, CF_DOMAIN_RUNNING, "kvm", true, true, true, "" },
		{ "\033[31mred", "00000000-0000-4000-8000-000000000001", CF_DOMAIN_SHUTOFF, "qemu", false, false, false, "nova" },
	},
};
static const struct cf_domains domains_first = {
	.n_list = 1, .list = { { "db1", UUID, CF_DOMAIN_RUNNING, "kvm", true, true, false, "" } }, .has_next = true, .next = "db1",
};
static const struct cf_domains domains_none = { 0 };

static const struct cf_guest_clock guest_good = {
	.domain = "web1", .uuid = UUID, .type = "kvm", .arch = "x86_64", .machine = "pc-q35-7.2",
	.emulator = "QEMU 7.2.22", .clock_offset = "utc", .n_timers = 2,
	.timers = { { .name = "rtc", .tickpolicy = "catchup", .track = "guest" },
		    { .name = "tsc", .has_present = true, .present = true, .has_frequency = true,
		      .frequency = 2893321000, .mode = "native" } },
	.kvmclock = true, .has_vmclock = true, .vmclock = true, .has_clocksource = true, .clocksource = "kvm-clock", .has_counter_hz = true,
	.counter_hz = 2893321000, .counter_promised = true, .agent_configured = true, .agent_connected = true,
	.has_guest_offset = true,
	.guest_offset = { .offset = FROM(3600 * CF_S - 180 * CF_US, 3600 * CF_S + 210 * CF_US), .at = { { CF_S }, AT(0), { 90 } },
			  .rounds = 8, .has_rate = true, .rate = { 3.2, 0.4 } },
	.n_vcpus = 2,
	.vcpus = { { .vcpu = 0, .has_offset = true, .offset = -81234567890123, .has_scaling = true,
		     .scaling = { INT64_C(1) << 48, 48 } },
		   { .vcpu = 1, .has_guest_mode = true, .guest_mode = true } },
	.lever = CF_LEVER_GUEST_AGENT, .has_kvm_version = true, .kvm_version = 1, .has_kvm_why = true,
	.kvm_why = "this kernel has no TSC offsets to set (Linux before 5.16)", .n_findings = 1,
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
		  .has_predicted_blackout = true, .predicted_blackout = SPAN(85 * CF_MS), .max_blackout = SPAN(CF_S),
		  .has_lever = true, .lever = CF_LEVER_KVM },
	},
};
static const struct cf_checks checks_good = {
	.domain = "web1", .uuid = UUID, .n_list = 1,
	.list = { { .destination = "hC", .allowed = true, .max_blackout = SPAN(CF_S) } },
};
#define HELD_TO(word, bound, apart)                                                                  \
	{ .has_mode = true, .mode = word, .max_error_bound = SPAN(bound), .max_skew = SPAN(apart),   \
	  .max_blackout = SPAN(CF_S), .max_residual = SPAN(20 * CF_MS), .max_stratum = 9,            \
	  .require_lever = CF_LEVER_NONE, .correction = CF_CORRECTION_STEP_FORWARD }
#define GOLD {                                                                                       \
	.name = "gold", .description = "Guests that trade.", .origin = "/etc/clockferry/policy.d/gold.conf", \
	.digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",                 \
	.limits = HELD_TO(CF_OBSERVE, 20 * CF_MS, 5 * CF_MS) }

static const struct cf_policies policies = {
	.n_list = 2,
	.list = { { .name = "default", .description = "Hosts that follow NTP servers of their own site.", .in_use = true,
		    .limits = HELD_TO(CF_ENFORCE, 100 * CF_MS, 25 * CF_MS) }, GOLD },
};

static const struct cf_trial trial = {
	.policy = "gold", .digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	.limits = HELD_TO(CF_ENFORCE, 20 * CF_MS, 5 * CF_MS), .receipts = 12, .unreadable = 1, .allowed = 7,
	.refused = 2, .unclear = 2, .differ = 3, .n_list = 3,
	.list = {
		{ .id = ID, .domain = "web1", .source = "hA", .destination = "hB", .started = AT(123),
		  .was = CF_OUTCOME_CLEAN, .verdict = CF_VERDICT_REFUSED, .has_outcome = true, .outcome = CF_OUTCOME_CLEAN,
		  .n_findings = 1,
		  .findings = { { .code = CF_FINDING_ERROR_BOUND, .severity = CF_SEVERITY_REFUSE, .subject = "hB",
				  .has_measured = true, .measured = FROM(0, 48 * CF_MS), .has_limit = true,
				  .limit = SPAN(20 * CF_MS), .limit_of = "gold" } },
		  .n_unmeasured = 1, .unmeasured = { "skew: hB did not answer" } },
		{ .id = ID, .domain = "web1", .source = "hA", .destination = "hB", .started = AT(-99000),
		  .was = CF_OUTCOME_CLEAN, .verdict = CF_VERDICT_ALLOWED, .has_outcome = true,
		  .outcome = CF_OUTCOME_BREACHED, .because = "the blackout was +83 ms .. +86 ms, the limit is 50 ms" },
		{ .id = ID, .domain = "db1", .source = "hB", .destination = "hA", .started = AT(-999000),
		  .was = CF_OUTCOME_REFUSED, .was_because = "the two hosts' clocks disagree", .verdict = CF_VERDICT_ALLOWED,
		  .n_findings = 1, .findings = { NO_TAI } },
	},
};

static const struct cf_policy policy_gold = {
	.policy = GOLD, .n_rows = 3,
	.rows = {
		{ "mode", "observe", "enforce", "one of enforce, observe", "observe: nothing is refused." },
		{ "max-stratum", "9", "9", "1 to 15", "How far from a reference clock a host may be." },
		{ "warn", "", "skew, tai-unknown", "", "Findings that are shown, and refuse nothing." },
	},
};

/* Nothing is refused: one host's policy only observes, and somebody has overridden the other finding. */
static const struct cf_checks checks_waived = {
	.domain = "web1", .uuid = UUID, .n_list = 1,
	.list = { { .destination = "hB", .allowed = true, .max_blackout = SPAN(CF_S), .has_would_refuse = true,
		    .would_refuse = true, .has_policy = true,
		    .policy = { .source = "gold", .destination = "default", .requested = "strict", .domains_choice = true },
		    .n_findings = 3,
		    .findings = { { .code = CF_FINDING_ERROR_BOUND, .severity = CF_SEVERITY_REFUSE, .has_waived = true,
				    .waived = CF_WAIVED_BY_OVERRIDE, .subject = "hB", .detail = "it knows no bound" },
				  { .code = CF_FINDING_CLOCK_STEPPED, .severity = CF_SEVERITY_REFUSE, .has_waived = true,
				    .waived = CF_WAIVED_BY_OBSERVING, .subject = "hB" },
				  NO_TAI } } },
};
static const struct cf_checks checks_none = { .domain = "web1", .uuid = UUID };

static const struct cf_migration migration_checking = { WHICH, .phase = CF_PHASE_CHECKING, .revision = 1 };
static const struct cf_migration migration_queued = {
	WHICH, .phase = CF_PHASE_QUEUED, .revision = 4, .has_priority = true, .priority = -5, .has_ahead = true, .ahead = 3,
	.reason = "hB: the destination takes no more migrations now",
};
static const struct cf_migration migration_copying = {
	WHICH, .phase = CF_PHASE_COPYING, .revision = 9, .has_progress = true,
	.progress = { .bytes_total = 4 * INT64_C(1073741824), .bytes_sent = 1300234567, .bytes_left = 300 << 20,
		      .bytes_per_second = 327155712, .iteration = 2, .has_predicted_blackout = true,
		      .predicted_blackout = SPAN(85 * CF_MS), .has_throttle_percent = true, .throttle_percent = 30 },
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
	.n_list = 3,
	.list = { { WHICH, .phase = CF_PHASE_QUEUED, .revision = 2, .has_ahead = true },
		  { WHICH, .phase = CF_PHASE_COPYING, .revision = 9 },
		  ENDED(CF_PHASE_DONE, CF_OUTCOME_BREACHED, "the blackout was too long") },
};
static const struct cf_migrations migrations_none = { 0 };

static const struct cf_migrations migrations_more = {
	.has_next = true, .next = "12",
	.has_fault = true, .fault = "/var/lib/clockferry/ledger.db: disk I/O error",
};

static const struct cf_migrations migrations_strays = {
	.n_list = 1,
	.list = { { WHICH, .phase = CF_PHASE_COPYING, .revision = 9 } },
	.n_strays = 2,
	.strays = { { "db2", "865997da-7032-45ec-935c-71ba02b20a85", true, "f4d8aebb-4699-4443-a4ce-34a2d71fd1f4",
		      "hB has a migration of it open (verifying), which is lost here" },
		    { .domain = "web", .uuid = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", .why = "libvirt has it on its way, unwatched" } },
};

#define VITAL(c, s, a, t, ...) { .code = c, .state = s, .area = a, .text = t, __VA_ARGS__ }

static const struct cf_vitals vitals_good = {
	.host = "hA", .n_list = 3,
	.list = {
		VITAL(CF_VITAL_AGENT, CF_VITAL_OK, "agent", "the agent answers", .detail = "clockferryd 0.1"),
		VITAL(CF_VITAL_CLOCK, CF_VITAL_OK, "chrony", "this host's clock is synchronised",
		      .detail = "within 1.235 ms of UTC"),
		VITAL(CF_VITAL_PEER, CF_VITAL_OK, "peers", "it answers, and the gate to it is open", .subject = "hB"),
	},
};
static const struct cf_vitals vitals_warn = {
	.host = "hA", .n_list = 2,
	.list = {
		VITAL(CF_VITAL_AGENT, CF_VITAL_OK, "agent", "the agent answers", .detail = "clockferryd 0.1"),
		VITAL(CF_VITAL_CERTIFICATE, CF_VITAL_WARN, "tls",
		      "this host's certificate ends soon, or is not valid now",
		      .detail = "until 2026-12-01T12:00:00Z", .remedy = "Have it renewed."),
	},
};
static const struct cf_vitals vitals_bad = {
	.host = "hA", .n_list = 5,
	.list = {
		VITAL(CF_VITAL_AGENT, CF_VITAL_OK, "agent", "the agent answers", .detail = "clockferryd 0.1"),
		VITAL(CF_VITAL_RIVAL, CF_VITAL_FAIL, "chrony", "another program steers the clock too",
		      .detail = "ntpd\033[2J, pid 17", .remedy = "Keep one of them."),
		VITAL(CF_VITAL_GUEST_AGENTS, CF_VITAL_WARN, "libvirt",
		      "guests without a guest agent: their clocks are neither measured nor corrected",
		      .detail = "2 of 10: web1, db2", .remedy = "Install qemu-guest-agent in the guest."),
		VITAL(CF_VITAL_PEER, CF_VITAL_FAIL, "peers", "it does not answer", .subject = "hC",
		      .detail = "Connection refused", .remedy = "Is clockferryd running there?"),
		VITAL(CF_VITAL_UNKNOWN, CF_VITAL_STATE_UNKNOWN, "moon", "the moon is full", .remedy = "Wait."),
	},
};

#define PROBLEM(number, name, text) \
	.type = "urn:clockferry:error:" name, .title = name, .status = number, .detail = text, .code = name

static const struct cf_problem problem_refused = {
	PROBLEM(409, "refused", "policy refuses it"), .n_findings = 3, .findings = { SKEWED, NO_TAI, IGNORED },
};
static const struct cf_problem problem_not_found = { PROBLEM(404, "not-found", "there is no domain 'web9'") };
static const struct cf_problem problem_forbidden = { PROBLEM(403, "forbidden", "operators only") };
static const struct cf_problem problem_conflict = { PROBLEM(409, "conflict", "the migration has not ended yet") };
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
	{ "policies", &cf_policies_shape, &policies },
	{ "policy", &cf_policy_shape, &policy_gold },
	{ "trial", &cf_trial_shape, &trial },
	{ "checks", &cf_checks_shape, &checks_mixed },
	{ "checks-good", &cf_checks_shape, &checks_good },
	{ "checks-waived", &cf_checks_shape, &checks_waived },
	{ "checks-none", &cf_checks_shape, &checks_none },
	{ "migration-checking", &cf_migration_shape, &migration_checking },
	{ "migration-queued", &cf_migration_shape, &migration_queued },
	{ "migration-copying", &cf_migration_shape, &migration_copying },
	{ "migration-blind", &cf_migration_shape, &migration_copying_blind },
	{ "migration-clean", &cf_migration_shape, &migration_clean },
	{ "migration-aborted", &cf_migration_shape, &migration_aborted },
	{ "migration-refused", &cf_migration_shape, &migration_refused },
	{ "migrations", &cf_migrations_shape, &migrations },
	{ "migrations-none", &cf_migrations_shape, &migrations_none },
	{ "migrations-strays", &cf_migrations_shape, &migrations_strays },
	{ "migrations-more", &cf_migrations_shape, &migrations_more },
	{ "receipt-clean", &cf_receipt_shape, &receipt_clean },
	{ "receipt-carried", &cf_receipt_shape, &receipt_carried },
	{ "receipt-rolled-back", &cf_receipt_shape, &receipt_rolled_back },
	{ "receipt-breached", &cf_receipt_shape, &receipt_breached },
	{ "receipt-unverified", &cf_receipt_shape, &receipt_unverified },
	{ "receipt-refused", &cf_receipt_shape, &receipt_refused },
	{ "receipt-aborted", &cf_receipt_shape, &receipt_aborted },
	{ "receipt-stopped", &cf_receipt_shape, &receipt_stopped },
	{ "receipt-alone", &cf_receipt_shape, &receipt_alone_there },
	{ "receipt-long", &cf_receipt_shape, &receipt_long },
	{ "receipt-absent", &cf_receipt_shape, &receipt_absent },
	{ "vitals-good", &cf_vitals_shape, &vitals_good },
	{ "vitals-warn", &cf_vitals_shape, &vitals_warn },
	{ "vitals-bad", &cf_vitals_shape, &vitals_bad },
	{ "problem-refused", &cf_problem_shape, &problem_refused },
	{ "problem-not-found", &cf_problem_shape, &problem_not_found },
	{ "problem-forbidden", &cf_problem_shape, &problem_forbidden },
	{ "problem-conflict", &cf_problem_shape, &problem_conflict },
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
