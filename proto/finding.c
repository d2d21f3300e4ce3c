/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/finding.h"

#include <stdio.h>
#include <string.h>

#include "proto/text.h"

const char *const cf_finding_words[CF_N_FINDING_CODES] = {
	[CF_FINDING_UNKNOWN]                = "unknown",
	[CF_FINDING_CLOCK_UNSYNCHRONISED]   = "clock-unsynchronised",
	[CF_FINDING_CLOCK_UNTRUSTED]        = "clock-untrusted",
	[CF_FINDING_CLOCK_HOLDOVER]         = "clock-holdover",
	[CF_FINDING_ERROR_BOUND]            = "error-bound",
	[CF_FINDING_CLOCK_STEPPED]          = "clock-stepped",
	[CF_FINDING_KERNEL_UNSYNC]          = "kernel-unsync",
	[CF_FINDING_LEAP_SECOND]            = "leap-second",
	[CF_FINDING_SKEW]                   = "skew",
	[CF_FINDING_OFFSET_UNKNOWN]         = "offset-unknown",
	[CF_FINDING_CLOCK_CONTRADICTION]    = "clock-contradiction",
	[CF_FINDING_TAI_DIFFERS]            = "tai-differs",
	[CF_FINDING_TAI_UNKNOWN]            = "tai-unknown",
	[CF_FINDING_COUNTER_DIFFERS]        = "counter-differs",
	[CF_FINDING_COUNTER_UNKNOWN]        = "counter-unknown",
	[CF_FINDING_PEER_UNREACHABLE]       = "peer-unreachable",
	[CF_FINDING_PEER_CERTIFICATE_TIME]  = "clock-or-certificate-time",
	[CF_FINDING_PEER_DENIED]            = "peer-denied",
	[CF_FINDING_PEER_VERSION]           = "peer-version",
	[CF_FINDING_PEER_BUSY]              = "peer-busy",
	[CF_FINDING_QUIESCING]              = "quiescing",
	[CF_FINDING_SAME_HOST]              = "same-host",
	[CF_FINDING_DOMAIN_UNKNOWN]         = "domain-unknown",
	[CF_FINDING_DOMAIN_NOT_RUNNING]     = "domain-not-running",
	[CF_FINDING_DOMAIN_NOT_MIGRATABLE]  = "domain-not-migratable",
	[CF_FINDING_DOMAIN_MIGRATING]       = "domain-migrating",
	[CF_FINDING_DOMAIN_EXISTS_THERE]    = "domain-exists-there",
	[CF_FINDING_MANAGED_ELSEWHERE]      = "managed-elsewhere",
	[CF_FINDING_RTC_CLOCK]              = "rtc-clock-vm",
	[CF_FINDING_LEVER_MISSING]          = "lever-missing",
	[CF_FINDING_KVM_UNUSABLE]           = "kvm-unusable",
	[CF_FINDING_GUEST_AGENT_SILENT]     = "guest-agent-silent",
	[CF_FINDING_GUEST_CLOCK_UNKNOWN]    = "guest-clock-unknown",
	[CF_FINDING_SELF_CORRECTING]        = "self-correcting",
	[CF_FINDING_BLACKOUT_PREDICTED]     = "blackout-predicted",
	[CF_FINDING_BLACKOUT_NOT_PREDICTED] = "blackout-not-predicted",
	[CF_FINDING_ROLLED_BACK_RECENTLY]   = "rolled-back-recently",
	[CF_FINDING_BLACKOUT_REACHED]       = "blackout-reached",
	[CF_FINDING_RECORD_MISSING]         = "record-missing",
	[CF_FINDING_POLICY_UNKNOWN]         = "policy-unknown",
	[CF_FINDING_OVERRIDE_DENIED]        = "override-denied",
	[CF_FINDING_NOT_GATED]              = "not-gated",
	[CF_FINDING_POST_COPY]              = "post-copy",
	[CF_FINDING_OPTIONS_UNUSABLE]       = "options-unusable",
	[CF_FINDING_LIBVIRT_UNAVAILABLE]    = "libvirt-unavailable",
	[CF_FINDING_LEDGER_UNWRITABLE]      = "ledger-unwritable",
	[CF_FINDING_SETTINGS_INVALID]       = "settings-invalid",
};

#define ALWAYS .always = true

static const struct {
	enum cf_severity severity;
	const char *sentence;
	const char *advice;
	bool always;
} codes[CF_N_FINDING_CODES] = {
	[CF_FINDING_UNKNOWN] = { CF_SEVERITY_REFUSE,
		"a finding of a newer version that this one does not know",
		"Update clockferry on this host to read it.", ALWAYS },

	[CF_FINDING_CLOCK_UNSYNCHRONISED] = { CF_SEVERITY_REFUSE,
		"the host's clock follows no source it can be trusted for",
		"Look at `chronyc -n sources` on that host; `clockferry clock` says what speaks against it." },
	[CF_FINDING_CLOCK_UNTRUSTED] = { CF_SEVERITY_REFUSE,
		"what is known of the host's clock contradicts itself",
		"Compare `chronyc tracking`, `adjtimex --print` and a third clock before you believe that host again." },
	[CF_FINDING_CLOCK_HOLDOVER] = { CF_SEVERITY_WARN,
		"the host's clock lost its source and runs on by itself",
		"Give chronyd its sources back before holdover-max has passed." },
	[CF_FINDING_ERROR_BOUND] = { CF_SEVERITY_REFUSE,
		"the host's clock may be further from UTC than policy allows",
		"Use nearer or better NTP servers, or wait until chronyd has settled." },
	[CF_FINDING_CLOCK_STEPPED] = { CF_SEVERITY_REFUSE,
		"the host's clock was set, and no update has confirmed it since",
		"Wait for chronyd's next update; find out who sets the clock." },
	[CF_FINDING_KERNEL_UNSYNC] = { CF_SEVERITY_WARN,
		"the kernel calls its clock unsynchronised (STA_UNSYNC)",
		"Add `rtcsync` to chrony.conf; without it the kernel is never told." },
	[CF_FINDING_LEAP_SECOND] = { CF_SEVERITY_REFUSE,
		"a leap second is due while the migration may still be under way",
		"Migrate after the leap second." },

	[CF_FINDING_SKEW] = { CF_SEVERITY_REFUSE,
		"the two hosts' clocks disagree",
		"Let both hosts follow the same NTP servers; `clockferry peers` shows the offset as it shrinks." },
	[CF_FINDING_OFFSET_UNKNOWN] = { CF_SEVERITY_REFUSE,
		"the offset between the two hosts could not be measured",
		"Check the network between the agents; `clockferry peers` shows the last answer.", ALWAYS },
	[CF_FINDING_CLOCK_CONTRADICTION] = { CF_SEVERITY_REFUSE,
		"the measured offset is larger than both hosts' error bounds together allow: one of them is wrong",
		"Compare both with a third clock; a server on its own stratum 1 or a `local` reference looks healthy to its clients." },
	[CF_FINDING_TAI_DIFFERS] = { CF_SEVERITY_REFUSE,
		"the two kernels have different TAI offsets",
		"Give both chronyds the same `leapsectz` or leap seconds list." },
	[CF_FINDING_TAI_UNKNOWN] = { CF_SEVERITY_WARN,
		"a kernel's TAI offset is 0, which means that nobody told it",
		"Add `leapsectz right/UTC` (or `leapseclist`) to chrony.conf on that host." },
	[CF_FINDING_COUNTER_DIFFERS] = { CF_SEVERITY_WARN,
		"the two hosts' CPU counters run at different rates and the destination cannot scale",
		"Migrate to a host with the same counter frequency (TSC within 250 ppm, CNTFRQ equal) or with scaling." },
	[CF_FINDING_COUNTER_UNKNOWN] = { CF_SEVERITY_WARN,
		"a host does not say how fast its CPU counter runs",
		"`virsh capabilities` should have a <counter name='tsc'> on x86 with KVM." },

	[CF_FINDING_PEER_UNREACHABLE] = { CF_SEVERITY_REFUSE,
		"the destination's agent does not answer",
		"Is clockferryd running there, is its port open, do the host's name and its certificate match?", ALWAYS },
	[CF_FINDING_PEER_CERTIFICATE_TIME] = { CF_SEVERITY_REFUSE,
		"the TLS connection failed only because a certificate is not valid at this time",
		"Is that host's clock right? If it is, renew the certificate.", ALWAYS },
	[CF_FINDING_PEER_DENIED] = { CF_SEVERITY_REFUSE,
		"the destination's agent does not accept this host",
		"Give this host's certificate the role `peer` in `access { }` of the destination's settings.", ALWAYS },
	[CF_FINDING_PEER_VERSION] = { CF_SEVERITY_REFUSE,
		"the destination's agent is of a version that does not understand this one's",
		"Update both agents to the same version.", ALWAYS },
	[CF_FINDING_PEER_BUSY] = { CF_SEVERITY_REFUSE,
		"the destination takes no more migrations now",
		"A migration waits for its turn; `incoming` of that host's settings says how many it takes at once.", ALWAYS },
	[CF_FINDING_QUIESCING] = { CF_SEVERITY_REFUSE,
		"the host takes no new migrations, because its agent is to stop or was told so",
		"`clockferry quiesce --off` there takes that back.", ALWAYS },
	[CF_FINDING_SAME_HOST] = { CF_SEVERITY_REFUSE,
		"source and destination are the same host",
		"Name another destination.", ALWAYS },

	[CF_FINDING_DOMAIN_UNKNOWN] = { CF_SEVERITY_REFUSE,
		"there is no such domain on the source",
		"`clockferry domains` lists those that are there.", ALWAYS },
	[CF_FINDING_DOMAIN_NOT_RUNNING] = { CF_SEVERITY_REFUSE,
		"the domain is not running",
		"Only a running domain has a clock to carry; start it at the destination instead.", ALWAYS },
	[CF_FINDING_DOMAIN_NOT_MIGRATABLE] = { CF_SEVERITY_REFUSE,
		"libvirt cannot migrate the domain as it is",
		"Remove what the detail names, such as a passed-through device.", ALWAYS },
	[CF_FINDING_DOMAIN_MIGRATING] = { CF_SEVERITY_REFUSE,
		"the domain is already being migrated, or another job holds it",
		"Wait for it to end, or abort it: `clockferry list`.", ALWAYS },
	[CF_FINDING_DOMAIN_EXISTS_THERE] = { CF_SEVERITY_REFUSE,
		"the destination already has a domain of this uuid or name that is active",
		"Find out why there are two before you move anything.", ALWAYS },
	[CF_FINDING_MANAGED_ELSEWHERE] = { CF_SEVERITY_REFUSE,
		"another manager owns the domain and would not know that it moved",
		"Migrate it through that manager; clockferry guards such migrations." },
	[CF_FINDING_RTC_CLOCK] = { CF_SEVERITY_WARN,
		"the domain's RTC runs on the virtual machine's clock and loses the blackout too",
		"Remove track='guest' from its <timer name='rtc'>." },
	[CF_FINDING_LEVER_MISSING] = { CF_SEVERITY_REFUSE,
		"policy requires a lever to correct the guest's clock and there is none",
		"Install qemu-guest-agent in the guest and give the domain its channel; for `kvm`: `clockferry kvm on`, on both hosts." },
	[CF_FINDING_KVM_UNUSABLE] = { CF_SEVERITY_WARN,
		"the KVM library is in the guest's QEMU and cannot carry its clocks: they lose the blackout, as without it",
		"`clockferry kvm on` on the destination too; the detail says what else is in the way." },
	[CF_FINDING_GUEST_AGENT_SILENT] = { CF_SEVERITY_WARN,
		"the guest agent's channel is there, but the agent does not answer",
		"Look at qemu-guest-agent in the guest; without it its clock is neither measured nor corrected." },
	[CF_FINDING_GUEST_CLOCK_UNKNOWN] = { CF_SEVERITY_WARN,
		"the guest's clock cannot be read: its lag will not be measured",
		"Install qemu-guest-agent in the guest and give the domain its channel." },
	[CF_FINDING_SELF_CORRECTING] = { CF_SEVERITY_WARN,
		"this QEMU moves the guest's clock over the blackout by itself (x-account-downtime)",
		"Nothing: clockferry measures and does not correct twice." },
	[CF_FINDING_BLACKOUT_PREDICTED] = { CF_SEVERITY_REFUSE,
		"the blackout will probably be longer than policy allows",
		"Give the migration more bandwidth, or migrate when the guest writes less memory." },
	[CF_FINDING_BLACKOUT_NOT_PREDICTED] = { CF_SEVERITY_OFF,
		"nothing is known yet from which the blackout could be predicted",
		"The first migration between two hosts has no history; the copy itself is watched." },
	[CF_FINDING_ROLLED_BACK_RECENTLY] = { CF_SEVERITY_WARN,
		"an attempt to move this guest was cut or rolled back within the last hour",
		"Its receipt says why; what has not changed since will end the next attempt as well." },

	[CF_FINDING_BLACKOUT_REACHED] = { CF_SEVERITY_REFUSE,
		"the blackout would have become longer than policy allows, so the guest was given back to its host",
		"Give the migration more bandwidth, migrate when the guest writes less memory, or allow a longer max-blackout." },
	[CF_FINDING_RECORD_MISSING] = { CF_SEVERITY_REFUSE,
		"policy demands a lever, and the clock record of the moment the guest stopped had not reached the destination",
		"The network between the agents was too slow or too full for it; give them a path of their own." },

	[CF_FINDING_POLICY_UNKNOWN] = { CF_SEVERITY_REFUSE,
		"a policy that applies to the migration is not in the host's settings",
		"`clockferry policy` lists those that are; give every host the same files in policy.d." },
	[CF_FINDING_OVERRIDE_DENIED] = { CF_SEVERITY_REFUSE,
		"the destination does not honour what was overridden",
		"Set accept-override there, or make what was overridden good.", ALWAYS },
	[CF_FINDING_NOT_GATED] = { CF_SEVERITY_WARN,
		"nothing stands between the guest's arrival and its start there: its blackout can be measured but not held to its limit, and two running copies cannot be ruled out",
		"The detail says what the gate needs and where it is missing. Who does not take the risk sets not-gated to `refuse`." },
	[CF_FINDING_POST_COPY] = { CF_SEVERITY_REFUSE,
		"post-copy has no way back: once the guest runs there its memory is on both hosts, and it is lost when either or the network between them fails",
		"Let it converge before it moves: more bandwidth, --auto-converge, or a longer max-blackout. Who takes the risk sets post-copy to `warn`." },
	[CF_FINDING_OPTIONS_UNUSABLE] = { CF_SEVERITY_REFUSE,
		"the migration cannot be carried out with these options",
		"Ask without what the detail names, or change the settings of `libvirt { }` where it comes from there.", ALWAYS },

	[CF_FINDING_LIBVIRT_UNAVAILABLE] = { CF_SEVERITY_REFUSE,
		"the agent has no connection to libvirt on that host",
		"Is libvirtd or virtqemud running there? The agent reconnects by itself.", ALWAYS },
	[CF_FINDING_LEDGER_UNWRITABLE] = { CF_SEVERITY_REFUSE,
		"the agent on that host cannot write down what it does",
		"Look at the disk that `ledger` of its settings names, which needs `ReadWritePaths=` in the unit where it is a path of your own; the agent goes on trying.", ALWAYS },
	[CF_FINDING_SETTINGS_INVALID] = { CF_SEVERITY_REFUSE,
		"the agent was started with settings that have a fault, and knows no limits",
		"Mend what the detail names and reload it: `systemctl reload clockferryd`.", ALWAYS },
};

const char *const cf_severity_words[CF_N_SEVERITIES] = {
	[CF_SEVERITY_UNKNOWN] = "unknown",
	[CF_SEVERITY_OFF]     = "off",
	[CF_SEVERITY_WARN]    = "warn",
	[CF_SEVERITY_REFUSE]  = "refuse",
};

const char *const cf_waiver_words[CF_N_WAIVERS] = {
	[CF_WAIVER_UNKNOWN]      = "unknown",
	[CF_WAIVED_BY_OVERRIDE]  = "override",
	[CF_WAIVED_BY_OBSERVING] = "observe",
};

const int cf_finding_words_since[CF_N_FINDING_CODES] = {
	[CF_FINDING_KVM_UNUSABLE]         = 2,
	[CF_FINDING_ROLLED_BACK_RECENTLY] = 2,
	[CF_FINDING_BLACKOUT_REACHED]     = 2,
	[CF_FINDING_RECORD_MISSING]       = 2,
	[CF_FINDING_NOT_GATED]            = 2,
};

#define T struct cf_finding
static const struct cf_field finding_fields[] = {
	CF_FINDING_CODE(T, code),
	CF_ENUM(T, severity, cf_severity_words, CF_N_SEVERITIES),
	CF_ENUM(T, waived, cf_waiver_words, CF_N_WAIVERS, CF_MAYBE(T, has_waived), CF_SINCE(1)),
	CF_TEXT(T, subject),
	CF_INTERVAL(T, measured, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_measured)),
	CF_SPAN(T, limit, 0, INT64_MAX, CF_MAYBE(T, has_limit)),
	CF_TEXT(T, limit_of),
	CF_TEXT(T, detail),
};
#undef T
const struct cf_shape cf_finding_shape = CF_SHAPE(cf_finding, finding_fields);

#define T struct cf_finding_kind
static const struct cf_field finding_kind_fields[] = {
	CF_FINDING_CODE(T, code),
	CF_ENUM(T, severity, cf_severity_words, CF_N_SEVERITIES),
	CF_BOOL(T, overridable),
	CF_TEXT(T, sentence),
	CF_TEXT(T, advice),
};
#undef T
const struct cf_shape cf_finding_kind_shape = CF_SHAPE(cf_finding_kind, finding_kind_fields);

#define T struct cf_finding_kinds
static const struct cf_field finding_kinds_fields[] = {
	CF_LIST(T, list, &cf_finding_kind_shape),
};
#undef T
const struct cf_shape cf_finding_kinds_shape = CF_SHAPE(cf_finding_kinds, finding_kinds_fields);

void cf_finding_kind(enum cf_finding_code code, struct cf_finding_kind *ret)
{
	*ret = (struct cf_finding_kind){
		.code = code, .severity = codes[code].severity, .overridable = !codes[code].always,
	};
	snprintf(ret->sentence, sizeof(ret->sentence), "%s", codes[code].sentence);
	snprintf(ret->advice, sizeof(ret->advice), "%s", codes[code].advice);
}

void cf_finding_kinds(struct cf_finding_kinds *ret)
{
	ret->n_list = 0;
	for (int code = CF_FINDING_UNKNOWN + 1; code < CF_N_FINDING_CODES; code++)
		cf_finding_kind(code, &ret->list[ret->n_list++]);
}

const char *cf_finding_sentence(enum cf_finding_code code)
{
	return codes[code].sentence;
}

const char *cf_finding_advice(enum cf_finding_code code)
{
	return codes[code].advice;
}

enum cf_severity cf_finding_default(enum cf_finding_code code)
{
	return codes[code].severity;
}

bool cf_finding_always_refuses(enum cf_finding_code code)
{
	return codes[code].always;
}

bool cf_finding_refuses(const struct cf_finding *finding)
{
	if (finding->severity == CF_SEVERITY_OFF || finding->severity == CF_SEVERITY_WARN)
		return false;
	return !finding->has_waived || finding->waived == CF_WAIVER_UNKNOWN;
}

enum cf_finding_code cf_finding_from_name(const char *name)
{
	for (int code = 0; code < CF_N_FINDING_CODES; code++)
		if (strcmp(cf_finding_words[code], name) == 0)
			return code;

	return CF_FINDING_UNKNOWN;
}

const char *cf_finding_text(const struct cf_finding *finding, char text[static CF_FINDING_TEXT_ROOM])
{
	char measured[CF_INTERVAL_TEXT_ROOM], limit[CF_SPAN_TEXT_ROOM];
	size_t n;

	n = snprintf(text, CF_FINDING_TEXT_ROOM, "%s: %s", finding->subject, cf_finding_sentence(finding->code));
	if (finding->has_measured)
		n += snprintf(text + n, CF_FINDING_TEXT_ROOM - n, ": %s",
			      finding->measured.low.ns == finding->measured.high.ns ?
			      cf_span_text(finding->measured.low, measured) :
			      cf_interval_text(finding->measured, measured));
	if (finding->has_limit)
		n += snprintf(text + n, CF_FINDING_TEXT_ROOM - n, ", limit %s", cf_span_text(finding->limit, limit));
	if (*finding->limit_of)
		n += snprintf(text + n, CF_FINDING_TEXT_ROOM - n, " (%s)", finding->limit_of);
	if (*finding->detail)
		snprintf(text + n, CF_FINDING_TEXT_ROOM - n, ": %s", finding->detail);

	return text;
}
