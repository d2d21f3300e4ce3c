/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "policy/gate-inside.h"
#include "policy/lever.h"

/* libvirt's own tolerance, "half of NTP threshold" (qemuProcessStartValidateTSC): 250 ppm are 1 in 4000. */
#define TSC_TOLERANCE 4000

/*
 * Does the guest depend on its counter's rate?  One that was promised it, one that
 * tells time by it, one whose clock is to be continued by it; and every arm64 guest,
 * since CNTFRQ is neither virtualised nor scaled, and QEMU does not look.
 */
static bool depends(const struct cf_judge *judge, const struct cf_guest_clock *guest)
{
	enum cf_lever lever = judge->limits->require_lever;	/* of one not known, the strictest is assumed */

	return guest->counter_promised || lever == CF_LEVER_KVM || lever == CF_LEVER_UNKNOWN ||
	       judge->pair->source_report->counter == CF_COUNTER_CNTVCT ||
	       (guest->has_clocksource && strcmp(guest->clocksource, "tsc") == 0);
}

static bool rate_known(const struct cf_judge *judge, const struct cf_judged *host)
{
	if (host->report->counter != CF_COUNTER_UNKNOWN && host->report->has_counter_hz &&
	    host->report->counter_hz > 0)
		return true;
	cf_judge_say(judge, CF_FINDING_COUNTER_UNKNOWN, host->name, "");

	return false;
}

static bool same_rate(int64_t guest, const struct cf_report *there)
{
	int64_t apart = guest > there->counter_hz ? guest - there->counter_hz : there->counter_hz - guest;

	if (there->counter != CF_COUNTER_TSC)
		return apart == 0;

	return apart <= there->counter_hz / TSC_TOLERANCE || (there->has_counter_scaling &&
							      there->counter_scaling);
}

/* Under TCG the counter is QEMU's own, and the hosts' do not matter. */
static void counters(const struct cf_judge *judge, const struct cf_guest_clock *guest)
{
	const struct cf_report *here = judge->pair->source_report, *there = judge->pair->destination_report;
	bool scaled = guest->has_counter_hz && guest->counter_hz > 0;
	struct cf_finding *finding;
	bool known;

	if (strcmp(guest->type, "qemu") == 0 || !here || !there)
		return;
	known = rate_known(judge, &judge->hosts[0]);
	known &= rate_known(judge, &judge->hosts[1]);
	/* A guest that came from elsewhere may run scaled already: its own rate is what has to be kept. */
	if (!known ||
	    (here->counter == there->counter &&
	     same_rate(scaled ? guest->counter_hz : here->counter_hz, there)))
		return;

	finding = cf_judge_add(judge, CF_FINDING_COUNTER_DIFFERS, judge->both,
			       depends(judge, guest) ? CF_SEVERITY_REFUSE : CF_SEVERITY_UNKNOWN);
	if (here->counter != there->counter) {
		cf_finding_detail(finding, "they are not even of one kind");
		return;
	}
	cf_finding_number(finding, scaled ? guest->counter_hz : here->counter_hz);
	cf_finding_detail(finding, " Hz and ");
	cf_finding_number(finding, there->counter_hz);
	cf_finding_detail(finding, there->has_counter_scaling
			  ? " Hz" : " Hz; whether it scales is not known");
}

/* <timer name='rtc' track='guest'> is QEMU's -rtc clock=vm. */
static void rtc(const struct cf_judge *judge, const struct cf_guest_clock *guest, const char *domain)
{
	for (size_t i = 0; i < guest->n_timers; i++)
		if (strcmp(guest->timers[i].name, "rtc") == 0 && strcmp(guest->timers[i].track, "guest") == 0)
			cf_judge_say(judge, CF_FINDING_RTC_CLOCK, domain, "");
}

static void lever(const struct cf_judge *judge, const struct cf_guest_clock *guest, const char *domain)
{
	enum cf_lever wanted = judge->limits->require_lever;
	char why[CF_DETAIL_ROOM];
	enum cf_lever best = cf_lever_best(guest, judge->pair, why);
	struct cf_finding *finding;

	if (guest->has_kvm_version && *why)
		cf_judge_say(judge, CF_FINDING_KVM_UNUSABLE, domain, why);
	if (wanted != CF_LEVER_UNKNOWN && best >= wanted)
		return;
	finding = cf_judge_add(judge, CF_FINDING_LEVER_MISSING, domain, CF_SEVERITY_UNKNOWN);
	cf_finding_detail(finding, cf_lever_words[wanted]);
	cf_finding_detail(finding, " is required, the best there is now: ");
	cf_finding_detail(finding, cf_lever_words[best]);
	cf_finding_detail(finding, wanted == CF_LEVER_KVM && *why ? "; " : "");
	cf_finding_detail(finding, wanted == CF_LEVER_KVM ? why : "");
	cf_finding_owner(finding, judge->owners->owner_require_lever);
}

static void guest_clock(const struct cf_judge *judge, const struct cf_guest_clock *guest, const char *domain)
{
	const char *why = guest->guest_offset_why;

	if (guest->agent_configured && !guest->agent_connected)
		cf_judge_say(judge, CF_FINDING_GUEST_AGENT_SILENT, domain, "its channel is not connected");
	else if (guest->agent_configured && !guest->has_guest_offset)
		cf_judge_say(judge, CF_FINDING_GUEST_AGENT_SILENT, domain, why);
	if (!guest->has_guest_offset)
		cf_judge_say(judge, CF_FINDING_GUEST_CLOCK_UNKNOWN, domain, why);
	if (guest->self_correcting)
		cf_judge_say(judge, CF_FINDING_SELF_CORRECTING, domain, "");
}

static void blackout(const struct cf_judge *judge, const struct cf_domain_evidence *domain)
{
	cf_span predicted = domain->predicted_blackout, max = judge->limits->max_blackout;
	struct cf_finding *finding;

	if (!domain->has_predicted_blackout) {
		cf_judge_say(judge, CF_FINDING_BLACKOUT_NOT_PREDICTED, domain->domain, "");
		return;
	}
	if (cf_span_cmp(predicted, max) <= 0)
		return;
	finding = cf_judge_add(judge, CF_FINDING_BLACKOUT_PREDICTED, domain->domain, CF_SEVERITY_UNKNOWN);
	cf_finding_measured(finding, (struct cf_interval){ predicted, predicted });
	cf_finding_limit(finding, max, judge->owners->owner_max_blackout);
}

static void denied_passthrough(const struct cf_judge *judge, const char *domain)
{
	struct cf_finding *finding = cf_judge_add(judge, CF_FINDING_DOMAIN_NOT_MIGRATABLE, domain, CF_SEVERITY_UNKNOWN);

	cf_finding_detail(finding, judge->pair->destination);
	cf_finding_detail(finding, " lets in nothing for QEMU's command line (<qemu:commandline>, accept-passthrough)");
}

/* Nobody but its manager is to move it; who only asks may be just that one, and does it by itself. */
static void managed(const struct cf_judge *judge, const struct cf_domain_evidence *domain)
{
	if (domain->only_asked)
		cf_judge_warn(judge, CF_FINDING_MANAGED_ELSEWHERE, domain->domain, domain->manager);
	else
		cf_judge_say(judge, CF_FINDING_MANAGED_ELSEWHERE, domain->domain, domain->manager);
}

/* What libvirt and its users have to say, whatever the guest's clock. */
static void standing(const struct cf_judge *judge, const struct cf_domain_evidence *domain)
{
	const char *name = domain->domain;

	if (domain->state != CF_DOMAIN_RUNNING)
		cf_judge_say(judge, CF_FINDING_DOMAIN_NOT_RUNNING, name,
			     cf_domain_state_words[domain->state]);
	if (domain->job_active)
		cf_judge_say(judge, CF_FINDING_DOMAIN_MIGRATING, name, domain->job);
	if (*domain->manager)
		managed(judge, domain);
	for (size_t i = 0; i < domain->n_blockers; i++)
		cf_judge_say(judge, CF_FINDING_DOMAIN_NOT_MIGRATABLE, name, domain->blockers[i]);
	if (judge->pair->passthrough_denied)
		denied_passthrough(judge, name);
}

void cf_gate_domain(const struct cf_pair_evidence *pair, const struct cf_domain_evidence *domain,
		    const struct cf_both_limits *limits, struct cf_findings *findings)
{
	const struct cf_guest_clock *guest = domain->guest;
	struct cf_judge judge;

	cf_judge_begin(pair, limits, findings, &judge);
	if (!domain->known) {
		cf_judge_say(&judge, CF_FINDING_DOMAIN_UNKNOWN, domain->domain, "");
		return;
	}
	standing(&judge, domain);
	if (guest) {
		counters(&judge, guest);
		rtc(&judge, guest, domain->domain);
		lever(&judge, guest, domain->domain);
		guest_clock(&judge, guest, domain->domain);
	}
	blackout(&judge, domain);
	if (*domain->rolled_back)
		cf_judge_say(&judge, CF_FINDING_ROLLED_BACK_RECENTLY, domain->domain, domain->rolled_back);
	cf_judge_options(&judge, domain);
}
