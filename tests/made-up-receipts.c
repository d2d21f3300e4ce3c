/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/made-up-receipts.h"

#include "tests/made-up-parts.h"

#define ENDS(when, p, o, r, ...) { WHICH, .phase = p, .revision = 40, .has_ended = true, .ended = AT(when), \
	.has_outcome = true, .outcome = o, .reason = r, __VA_ARGS__ }

#define LIMITS {                                                                                     \
	.max_error_bound = SPAN(100 * CF_MS), .max_skew = SPAN(25 * CF_MS), .max_blackout = SPAN(CF_S), \
	.max_residual = SPAN(20 * CF_MS), .gate_grace = SPAN(30 * CF_S), .holdover_max = SPAN(300 * CF_S), \
	.max_stratum = 8, .require_lever = CF_LEVER_NONE, .correction = CF_CORRECTION_STEP_FORWARD,  \
	.correction_floor = SPAN(2 * CF_MS), .has_mode = true, .mode = CF_ENFORCE, .has_aftercare = true, \
	.aftercare = { SPAN(60 * CF_S), false, CF_NOTICE_FILE }, .n_severities = 1, \
	.severities = { { CF_FINDING_GUEST_AGENT_SILENT, CF_SEVERITY_REFUSE } } }
#define DIGEST "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define BY(host) .has_author = true, .author = host
#define POLICY                                                                                       \
	.has_policy = true, .policy = { .source = "default", .destination = "strict", .digest = DIGEST }, \
	.limits = LIMITS,                                                                            \
	.limit_owners = { "hA", "hA", "hB", "hA", true, { "hA", "hA", "hB", "hA", "hA", "hA" } }
#define CLOCKS                                                                                       \
	.has_source_report = true, .source_report = REPORT("hA"), .has_destination_report = true,    \
	.destination_report = REPORT("hB")
#define HERE .agent = "0.1", .libvirt = "9.0.0", .emulator = "QEMU 7.2.22", .kernel = "Linux 6.1.0-28-amd64"
#define THERE .agent = "0.1", .libvirt = "9.5.0", .emulator = "QEMU 8.0.4", .kernel = "Linux 6.5.0-1-amd64"
#define VERSIONS HERE, .machine = "pc-q35-7.2", .has_destination_versions = true, .destination_versions = { THERE }

#define UNTIL_COPYING                                                                                \
	{ CF_PHASE_CHECKING, AT(123), SPAN(1210 * CF_MS) }, { CF_PHASE_RESERVED, AT(1333), SPAN(12 * CF_MS) }, \
	{ CF_PHASE_CAPTURING, AT(1345), SPAN(31 * CF_MS) }
#define PHASES                                                                                       \
	.n_phases = 8, .phases = {                                                                   \
		UNTIL_COPYING, { CF_PHASE_COPYING, AT(1376), SPAN(11320 * CF_MS) },                  \
		{ CF_PHASE_PAUSED, AT(12696), SPAN(1305 * CF_MS) }, { CF_PHASE_LANDED, AT(14001), SPAN(2 * CF_MS) }, \
		{ CF_PHASE_CORRECTING, AT(14003), SPAN(310 * CF_MS) },                               \
		{ CF_PHASE_VERIFYING, AT(14313), SPAN(70 * CF_S) } }
#define PHASES_THERE                                                                                 \
	.n_phases = 5, .phases = {                                                                   \
		{ CF_PHASE_LEASED, AT(1340), SPAN(1150 * CF_MS) }, { CF_PHASE_PREPARED, AT(2490), SPAN(11511 * CF_MS) }, \
		{ CF_PHASE_RUNNING, AT(14001), SPAN(2 * CF_MS) }, { CF_PHASE_CORRECTING, AT(14003), SPAN(310 * CF_MS) }, \
		{ CF_PHASE_VERIFYING, AT(14313), SPAN(70 * CF_S) } }

#define STOP .has_stop = true, .stop = { { 5 * CF_S }, AT(12696), { 1000 } }, .stop_slack = SPAN(CF_MS)
#define RESUME .has_resume = true, .resume = { { 9 * CF_S }, AT(14001), { 1000 } }, .resume_slack = SPAN(2300 * CF_US)
#define GUEST_BEFORE                                                                                 \
	.has_guest_offset_before = true,                                                             \
	.guest_offset_before = { .offset = FROM(-180 * CF_US, 210 * CF_US), .at = { { CF_S }, AT(0), { 90 } }, .rounds = 8 }
#define PREDICTED                                                                                    \
	.has_predicted_lag = true, .predicted_lag = FROM(0, 86 * CF_MS),                             \
	.predicted_lag_why = "kvm-clock loses from the end of the copy to RESUME"

const struct cf_receipt receipt_clean = {
	.migration = ENDS(84387, CF_PHASE_DONE, CF_OUTCOME_CLEAN, "", .has_progress = true,
			  .progress = { .has_predicted_blackout = true, .predicted_blackout = SPAN(85 * CF_MS) }),
	.driver = "libvirt", .has_persistence = true, .persistence = { true, true }, .has_options = true,
	.options = { .has_tls = true, .tls = true, .has_parallel = true, .parallel = 4, .has_bandwidth_mib_per_second = true,
		     .bandwidth_mib_per_second = 200, .has_auto_converge = true, .auto_converge = true,
		     .has_compression = true, .compression = CF_COMPRESSION_ZSTD, .has_storage = true,
		     .storage = CF_STORAGE_COPY, .n_disks = 2, .disks = { "vda", "vdb" } },
	BY("hA"), POLICY, CLOCKS,
	.has_offset_before = true, .offset_before = FROM(-12300, 8100), .has_offset_during = true,
	.offset_during = FROM(-15100, 9900), .has_offset_after = true, .offset_after = FROM(-11900, 7800),
	.probe_rounds = 160, PHASES, .has_bytes = true, .bytes = 1300234567, STOP,
	.has_blackout = true, .blackout = FROM(83 * CF_MS, 86 * CF_MS),
	.has_ramp = true, .ramp = { SPAN(10 * CF_MS), SPAN(900 * CF_MS), SPAN(40 * CF_MS), 2, true, SPAN(46 * CF_MS), true,
				    FROM(-2 * CF_MS, CF_MS) },
	.has_libvirt_downtime = true, .libvirt_downtime = SPAN(84 * CF_MS), .has_libvirt_downtime_offset = true,
	.libvirt_downtime_offset = FROM(-15100, 9900), GUEST_BEFORE, PREDICTED, .has_landing = true,
	.landing = { .phase = CF_PHASE_DONE, RESUME, .has_lag = true, .lag = FROM(81 * CF_MS, 84 * CF_MS),
		     .lever = CF_LEVER_GUEST_AGENT, .has_corrected_after = true, .corrected_after = SPAN(320 * CF_MS),
		     .n_steps = 1, .steps = { { SPAN(310 * CF_MS), SPAN(81 * CF_MS), SPAN(2 * CF_MS), true, "" } },
		     .n_residuals = 4, .residuals = { { SPAN(123 * CF_MS), FROM(-84010 * CF_US, -81200 * CF_US) },
						      { SPAN(320 * CF_MS), FROM(-1900 * CF_US, 400 * CF_US) },
						      { SPAN(CF_S), FROM(-1800 * CF_US, 500 * CF_US) },
						      { SPAN(10 * CF_S), FROM(-1800 * CF_US, 600 * CF_US) } },
		     .left = "its clock is off by -1.90 ms .. +400 us, which may be nothing",
		     .has_drift = true, .drift = { 5.6, 133.3 }, .has_notice = true,
		     .notice = { CF_NOTICE_FILE, SPAN(330 * CF_MS), "" }, .has_disruption = true, .disruption = { 5, 6 },
		     .has_persistence = true, .persistence = { true, true }, PHASES_THERE, THERE },
	.has_vmclock = true, .vmclock = true, .has_frequency_step = true, .frequency_step = { 3.2, 141.3 },
	VERSIONS,
};

/* Much went wrong, and all of it is said.  The agents are of an older version, which says less. */
const struct cf_receipt receipt_breached = {
	.migration = { .id = ID, .side = CF_SOURCE, .domain = "web1", .uuid = UUID, .source = "hA",
		       .destination = "hB", .started = AT(123), .phase = CF_PHASE_DONE, .revision = 40,
		       .has_ended = true, .ended = AT(84387), .has_outcome = true, .outcome = CF_OUTCOME_BREACHED,
		       .reason = "the blackout was +1.302 s .. +1.309 s, the limit is 1 s",
		       .n_labels = 2, .labels = { "team=db", "ticket=OPS-12" }, .n_findings = 2,
		       .findings = { NO_TAI, IGNORED } },
	.driver = "libvirt", .has_persistence = true, .persistence = { true, true }, .limits = LIMITS,
	.limit_owners = { "hA", "hA", "hB", "hA" }, .has_source_report = true,
	.source_report = { .host = "hA", .at = AT(123), .state = CF_CLOCK_HOLDOVER, .why = "no source is reachable",
			   .has_bound = true, .bound = SPAN(48 * CF_MS), .stepped = true },
	.has_destination_report = true, .destination_report = REPORT("hB"), .has_offset_before = true,
	.offset_before = FROM(1999900 * CF_US, 2000300 * CF_US), .has_offset_during = true,
	.offset_during = FROM(1999900 * CF_US, 2000300 * CF_US), .probe_rounds = 16, PHASES, .has_bytes = true,
	.bytes = 1300234567, STOP, .has_blackout = true, .blackout = FROM(1302 * CF_MS, 1309 * CF_MS),
	.has_ramp = true, .ramp = { .first = SPAN(10 * CF_MS), .most = SPAN(10 * CF_MS), .last = SPAN(10 * CF_MS) },
	.has_libvirt_downtime = true, .libvirt_downtime = SPAN(3305 * CF_MS), .has_libvirt_downtime_offset = true,
	.libvirt_downtime_offset = FROM(1999900 * CF_US, 2000300 * CF_US), .has_guest_offset_before = true,
	.guest_offset_before = { .offset = FROM(3600 * CF_S - 180 * CF_US, 3600 * CF_S + 210 * CF_US),
				 .at = { { CF_S }, AT(0), { 90 } }, .rounds = 8, .has_rate = true, .rate = { 3.2, 0.4 } },
	PREDICTED, .lag_surprising = true, .has_landing = true,
	.landing = { .phase = CF_PHASE_VERIFYING, RESUME, .has_stop = true, .stop = { { 99 * CF_S }, AT(20000), { 9 } },
		     .has_lag = true, .lag = FROM(1301 * CF_MS, 1304 * CF_MS), .lever = CF_LEVER_GUEST_AGENT, .has_counters = true,
		     .counters = { .result = CF_COUNTERS_LEFT, .why = "a vCPU's counter could not be set (errno 5)" },
		     .n_steps = 2, .steps = { { SPAN(310 * CF_MS), SPAN(1301 * CF_MS), SPAN(2 * CF_MS), true, "" },
					      { SPAN(900 * CF_MS), SPAN(40 * CF_MS), SPAN(5 * CF_S), false,
						"the guest agent did not answer" } },
		     .n_residuals = 1, .residuals = { { SPAN(890 * CF_MS), FROM(-41 * CF_MS, -39 * CF_MS) } },
		     .has_persistence = true, HERE,
		     .n_unmeasured = 1, .unmeasured = { "residual: at RESUME + 10 s: the domain had stopped" } },
	HERE, .machine = "pc-q35-7.2", .n_unmeasured = 2,
	.unmeasured = { "host offset after: hB did not answer", "guest clocksource: the guest agent can't tell" },
};

/* A guest without an agent, and a QEMU event that libvirt lost: both hosts say why. */
const struct cf_receipt receipt_unverified = {
	.migration = ENDS(24387, CF_PHASE_DONE, CF_OUTCOME_UNVERIFIED, "blackout and guest clock could not be measured",
			  .n_findings = 1, .findings = { SILENT }),
	.driver = "libvirt", .has_persistence = true, BY("hA"), POLICY, CLOCKS, .has_offset_before = true,
	.offset_before = FROM(-12300, 8100), .has_offset_after = true, .offset_after = FROM(-11900, 7800),
	.probe_rounds = 160, PHASES, .has_bytes = true, .bytes = 1300234567, .has_landing = true,
	.landing = { .phase = CF_PHASE_DONE, RESUME, .lever = CF_LEVER_NONE, .has_persistence = true, PHASES_THERE, THERE,
		     .n_unmeasured = 1,
		     .unmeasured = { "lag: the guest's clock was not known at the source: the domain has no guest "
				     "agent channel" } },
	VERSIONS, .n_unmeasured = 6,
	.unmeasured = { "blackout: STOP was not seen (libvirt's connection was lost)",
			"host offset at STOP: the destination's agent did not get that far",
			"libvirt's downtime: libvirt does not tell",
			"guest clock before: the domain has no guest agent channel",
			"predicted lag: it follows from the blackout",
			"residual: the guest's clock was not known at the source: the domain has no guest agent channel" },
};

const struct cf_receipt receipt_refused = {
	.migration = ENDS(1333, CF_PHASE_REFUSED, CF_OUTCOME_REFUSED,
			  "hA -> hB: the two hosts' clocks disagree: +1.9999626 s .. +2.0000365 s, limit 25 ms (hA)",
			  .n_findings = 3, .findings = { SKEWED, NO_TAI, IGNORED }),
	.driver = "libvirt", BY("hA"), POLICY, .has_source_report = true, .source_report = REPORT("hA"),
	.has_offset_before = true, .offset_before = FROM(1999900 * CF_US, 2000300 * CF_US), .probe_rounds = 16,
	.n_phases = 1, .phases = { { CF_PHASE_CHECKING, AT(123), SPAN(1210 * CF_MS) } }, HERE, .n_unmeasured = 1,
	.unmeasured = { "clock report of the destination: there is no answer of the destination's agent" },
};

/* Before the guest was stopped: nothing was lost, and nothing else is expected. */
const struct cf_receipt receipt_aborted = {
	.migration = ENDS(7456, CF_PHASE_ABORTED, CF_OUTCOME_ABORTED, "aborted by uid 0 (root)", .has_progress = true,
			  .progress = { .bytes_total = 4 * INT64_C(1073741824), .bytes_sent = 700123456,
					.bytes_left = 3 * INT64_C(1073741824), .bytes_per_second = 115 << 20 }), .driver = "libvirt",
	.has_persistence = true, .persistence = { true, false }, BY("hA"), POLICY, .has_override = true,
	.override = { 2, { "tai-unknown", "guest-agent-silent" }, "the host burns" }, CLOCKS, .has_offset_before = true,
	.offset_before = FROM(-12300, 8100), .probe_rounds = 40, .n_phases = 4,
	.phases = { UNTIL_COPYING, { CF_PHASE_COPYING, AT(1376), SPAN(6080 * CF_MS) } }, GUEST_BEFORE, VERSIONS,
};

/* With the library in its QEMU on both hosts, and no agent in the guest. */
const struct cf_receipt receipt_carried = {
	.migration = ENDS(24387, CF_PHASE_DONE, CF_OUTCOME_CLEAN, ""),
	.driver = "gated", .has_persistence = true, BY("hA"), POLICY, CLOCKS, .has_offset_before = true,
	.offset_before = FROM(-12300, 8100), .has_offset_during = true, .offset_during = FROM(-15100, 9900),
	.has_offset_after = true, .offset_after = FROM(-11900, 7800), .probe_rounds = 160, PHASES, .has_bytes = true,
	.bytes = 1300234567, STOP, .has_blackout = true, .blackout = FROM(83 * CF_MS, 86 * CF_MS), .has_predicted_lag = true,
	.has_vmclock = true, .vmclock = true, .predicted_lag = FROM(-10100, 14900), .predicted_lag_why = "its counters were carried", .has_landing = true,
	.landing = { .phase = CF_PHASE_DONE, RESUME, .has_lag = true, .lag = FROM(-10100, 14900), .lever = CF_LEVER_KVM,
		     .has_counters = true,
		     .counters = { .result = CF_COUNTERS_CARRIED, .has_elapsed = true, .elapsed = SPAN(81234567),
				   .has_residual = true, .residual = FROM(-14900, 10100), .master_clock = true, .has_routes = true,
				   .routes = SPAN(-430), .took = SPAN(37 * CF_US), .bare = SPAN(21 * CF_US), .vcpus = 5, .n_runs = 2,
				   .runs = { { 0, 4, -81234567890123, -123456789012, true, true },
					     { 8, 1, -81234567890123, -123456789011, true, false } } },
		     .has_persistence = true, PHASES_THERE, THERE },
	VERSIONS, .n_unmeasured = 3,
	.unmeasured = { "libvirt's downtime: libvirt does not tell", "guest clock before: the domain has no guest agent channel",
			"disruption marker of vmclock: policy has the guest's agent neither told nor asked such things (notice)" },
};

/* Taken back before anything was to be decided at its gate, and later than its limit: a libvirtd hung. */
const struct cf_receipt receipt_rolled_back = {
	.migration = ENDS(20456, CF_PHASE_ABORTED, CF_OUTCOME_ABORTED,
			  "hB does not expect the guest any more; meanwhile libvirtd did not answer for 7.1 s"),
	.driver = "gated", BY("hA"), POLICY, CLOCKS, .has_offset_before = true, .offset_before = FROM(-12300, 8100),
	.has_offset_during = true, .offset_during = FROM(-94000, 91000), .probe_rounds = 40, .n_phases = 5,
	.phases = { UNTIL_COPYING, { CF_PHASE_COPYING, AT(1376), SPAN(11320 * CF_MS) },
		    { CF_PHASE_PAUSED, AT(12696), SPAN(7431 * CF_MS) } },
	STOP, .has_source_lost = true, .source_lost = FROM(7331 * CF_MS, 7333 * CF_MS), .has_gated = true,
	.gated = { .committed = false, .limit = SPAN(CF_S) }, GUEST_BEFORE, VERSIONS, .n_unmeasured = 1,
	.unmeasured = { "bytes copied: libvirt does not tell" },
};

/* After it: what the guest lost where it stays, and how its clock was mended there. */
const struct cf_receipt receipt_stopped = {
	.migration = ENDS(14456, CF_PHASE_ABORTED, CF_OUTCOME_ABORTED,
			  "internal error: qemu unexpectedly closed the monitor"),
	.driver = "libvirt", BY("hA"), POLICY, CLOCKS, .has_offset_before = true, .offset_before = FROM(-12300, 8100),
	.has_offset_during = true, .offset_during = FROM(-94000, 91000), .probe_rounds = 40, .n_phases = 5,
	.phases = { UNTIL_COPYING, { CF_PHASE_COPYING, AT(1376), SPAN(11320 * CF_MS) },
		    { CF_PHASE_PAUSED, AT(12696), SPAN(131 * CF_MS) } },
	STOP, .has_source_lost = true, .source_lost = FROM(31 * CF_MS, 33 * CF_MS), GUEST_BEFORE, .has_kept = true,
	.kept = { .phase = CF_PHASE_ABORTED, RESUME, .has_lag = true, .lag = FROM(31 * CF_MS, 32 * CF_MS),
		  .lever = CF_LEVER_GUEST_AGENT, .has_corrected_after = true, .corrected_after = SPAN(40 * CF_MS),
		  .n_steps = 1, .steps = { { SPAN(25 * CF_MS), SPAN(31 * CF_MS), SPAN(9 * CF_MS), true, "" } },
		  .n_residuals = 2, .residuals = { { SPAN(25 * CF_MS), FROM(-32 * CF_MS, -31 * CF_MS) },
						   { SPAN(40 * CF_MS), FROM(-900 * CF_US, 100 * CF_US) } } },
	VERSIONS, .n_unmeasured = 1, .unmeasured = { "bytes copied: libvirt does not tell" },
};

#define NO_RECEIPT "the source's agent sent no receipt"

/* What the destination has to say when the source's agent was not heard again. */
const struct cf_receipt receipt_alone_there = {
	.migration = { .id = ID, .side = CF_DESTINATION, .domain = "web1", .uuid = UUID, .source = "hA",
		       .destination = "hB", .has_requester = true, .requester = { "cn:Ada Example", "admin", "hA" },
		       .started = AT(1340), .phase = CF_PHASE_DONE, .revision = 40, .has_ended = true,
		       .ended = AT(84313), .has_outcome = true, .outcome = CF_OUTCOME_UNVERIFIED },
	.driver = "libvirt", BY("hB"), POLICY, CLOCKS, .has_landing = true,
	.landing = { .phase = CF_PHASE_DONE, RESUME, .has_lag = true, .lag = FROM(81 * CF_MS, 84 * CF_MS),
		     .lever = CF_LEVER_GUEST_AGENT, .n_residuals = 1,
		     .residuals = { { SPAN(10 * CF_S), FROM(-1800 * CF_US, 600 * CF_US) } }, PHASES_THERE, THERE },
	.has_destination_versions = true, .destination_versions = { THERE }, .n_unmeasured = 8,
	.unmeasured = { "host offset before: " NO_RECEIPT, "host offset at STOP: " NO_RECEIPT,
			"host offset after: " NO_RECEIPT, "bytes copied: " NO_RECEIPT, "blackout: " NO_RECEIPT,
			"libvirt's downtime: " NO_RECEIPT, "guest clock before: " NO_RECEIPT,
			"predicted lag: " NO_RECEIPT },
};

#define LONG_HOST "hypervisor-0117.rack-42.row-north.building-2.availability-zone-3.eu-central.compute.example.com"
#define LONG_PEER "hypervisor-0118.rack-43.row-south.building-2.availability-zone-3.eu-central.compute.example.com"
#define LONG_NAME "customer-4711-production-database-primary-with-a-name-that-somebody-generated-from-a-ticket-" \
	"and-that-goes-on-for-as-long-as-libvirt-permits-names-of-domains-to-go-on-which-is-long-indeed"

/* Names as some fleets have them. */
const struct cf_receipt receipt_long = {
	.migration = { .id = ID, .side = CF_SOURCE, .domain = LONG_NAME, .uuid = UUID, .source = LONG_HOST,
		       .destination = LONG_PEER, .has_requester = true,
		       .requester = { "uri:spiffe://eu-central.compute.example.com/ns/controllers/sa/evacuator", "operator",
				      LONG_HOST },
		       .started = AT(123), .phase = CF_PHASE_ABORTED, .revision = 40, .has_ended = true,
		       .ended = AT(7456), .has_outcome = true, .outcome = CF_OUTCOME_ABORTED,
		       .reason = "the domain ended during the copy: it was shut down" },
	.driver = "libvirt", .limits = LIMITS,
	.limit_owners = { LONG_HOST, LONG_PEER, LONG_HOST, LONG_HOST, true,
			  { LONG_HOST, LONG_HOST, LONG_HOST, LONG_PEER, LONG_HOST, LONG_HOST } },
	.has_source_report = true, .source_report = REPORT(LONG_HOST), .has_destination_report = true,
	.destination_report = REPORT(LONG_PEER), .n_phases = 4,
	.phases = { UNTIL_COPYING, { CF_PHASE_COPYING, AT(1376), SPAN(6080 * CF_MS) } }, VERSIONS, .n_unmeasured = 1,
	.unmeasured = { "host offset before: no answer within 2 s" },
};

/* Nothing was measured: not one figure may appear that is not a limit or a time of ours. */
const struct cf_receipt receipt_absent = {
	.migration = { WHICH, .phase = CF_PHASE_DONE, .revision = 40, .has_outcome = true,
		       .outcome = CF_OUTCOME_UNVERIFIED, .reason = "the destination was not heard again" },
	.driver = "libvirt", .limits = LIMITS,
};
