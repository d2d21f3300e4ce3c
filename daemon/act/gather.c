/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/gather.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/lately.h"
#include "daemon/act/ramp.h"
#include "daemon/act/terms.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/digest.h"
#include "daemon/ledger/ledger.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/kvm-guest.h"
#include "daemon/virt/passthrough.h"
#include "policy/lever.h"
#include "policy/ramp.h"

#define LINK_PATIENCE     ((cf_span){ 5 * CF_S })

void gather_report(const struct act_context *context, struct cf_report *ret)
{
	struct virt_host host;

	reporter_report(context->reporter, ret);
	if (!virt_host(context->virt, &host))
		return;
	ret->counter = host.counter;
	ret->has_counter_hz = host.has_counter_hz;
	ret->counter_hz = host.counter_hz;
	ret->has_counter_scaling = host.has_counter_scaling;
	ret->counter_scaling = host.counter_scaling;
}

static void gather_software(const struct act_context *context, struct cf_software *ret)
{
	struct virt_host host;

	if (!virt_host(context->virt, &host))
		return;
	memcpy(ret->libvirt, host.libvirt, sizeof(ret->libvirt));
	memcpy(ret->emulator, host.emulator, sizeof(ret->emulator));
}

/* The guest's own clock and its counters; what cannot be read is said in guest_offset_why. */
static void gather_guest(const struct settings *settings, struct virt_link *link, const struct cf_passthrough *passthrough,
			 struct cf_guest_clock *guest)
{
	struct cf_error err = { 0 };
	pid_t pid;

	if (!guest->agent_configured)
		snprintf(guest->guest_offset_why, sizeof(guest->guest_offset_why),
			 "the domain has no guest agent channel");
	else if (!link)
		snprintf(guest->guest_offset_why, sizeof(guest->guest_offset_why), "the guest was not asked");
	else if (guest_offset_read(link, guest->uuid, settings->guest.rounds,
				   cf_mono_add(kernel_raw(), settings->guest.timeout), &guest->guest_offset, &err) < 0)
		snprintf(guest->guest_offset_why, sizeof(guest->guest_offset_why), "%s", err.text);
	else
		guest->has_guest_offset = true;

	if (strcmp(guest->type, "kvm") == 0 &&
	    counters_pid(&counter_roots, guest->domain, guest->uuid, &pid, &err) == 0)
		counters_read(&counter_roots, pid, guest->vcpus, &guest->n_vcpus, &err);

	guest->lever = guest->has_guest_offset ? CF_LEVER_GUEST_AGENT : CF_LEVER_NONE;
	if (strcmp(guest->type, "kvm") == 0)
		kvm_guest_look(&counter_roots, passthrough, guest);
}

/* How a domain is looked at: domain_evidence() or domain_evidence_aside(). */
typedef int look_fn(struct virt *virt, const char *domain, struct cf_domain_evidence *ret, struct cf_guest_clock *guest,
		    struct cf_error *err);

static void gather_by(look_fn *look, const struct act_context *context, const struct settings *settings,
		      struct virt_link *link, const char *domain, struct gathered_domain *ret)
{
	struct cf_error err = { 0 };

	gather_report(context, &ret->report);
	gather_software(context, &ret->software);
	if (look(context->virt, domain, &ret->evidence, &ret->guest, &err) < 0) {
		snprintf(ret->libvirt_why, sizeof(ret->libvirt_why), "%s", err.text);
		return;
	}

	ret->libvirt = true;
	ret->evidence.options = &ret->options;
	if (!ret->evidence.guest)
		return;
	gather_guest(settings, link, &ret->evidence.passthrough, &ret->guest);
	lately_rolled_back(context, ret->guest.uuid, ret->evidence.rolled_back);
}

void gather_domain(const struct act_context *context, const struct settings *settings, struct virt_link *link,
		   const char *domain, const struct cf_options *wish, struct gathered_domain *ret)
{
	memset(ret, 0, sizeof(*ret));
	cf_options_take(&settings->libvirt.options, wish, &ret->options);
	gather_by(domain_evidence, context, settings, link, domain, ret);
}

void gather_domain_aside(const struct act_context *context, const struct settings *settings, struct virt_link *link,
			 const char *domain, struct gathered_domain *ret)
{
	memset(ret, 0, sizeof(*ret));
	gather_by(domain_evidence_aside, context, settings, link, domain, ret);
}

/* The dry run of the reservation that will ask for this guest. */
static void spell(const struct settings *settings, const struct gathered_domain *domain, const struct gather_ask *ask,
		  const struct own_terms *own, struct cf_reservation *ret)
{
	const struct cf_domain_evidence *evidence = &domain->evidence;
	const struct cf_terms *terms = ask->terms;
	struct cf_both_limits tight;

	cf_limits_both(&own->limits, settings->host, &own->limits, settings->host, &tight);
	cf_limits_tighten(&tight, &terms->tighten, TERMS_REQUEST);
	*ret = (struct cf_reservation){
		.dry_run = true, .limits = tight.limits, .report = domain->report,
		.has_policy = evidence->has_policy, .has_requested = terms->has_policy,
		.has_override = terms->has_override, .override = terms->override,
		.has_requester = ask->requester,
		.has_passthrough = passthrough_is_any(&evidence->passthrough), .passthrough = evidence->passthrough,
	};
	if (ask->requester)
		ret->requester = *ask->requester;
	snprintf(ret->domain, sizeof(ret->domain), "%s", domain->guest.domain);
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", domain->guest.uuid);
	snprintf(ret->source, sizeof(ret->source), "%s", settings->host);
	snprintf(ret->destination, sizeof(ret->destination), "%s", ask->destination);
	snprintf(ret->driver, sizeof(ret->driver), "%s", ask->foreign ? drive_foreign.name : drive_gated.name);
	snprintf(ret->policy, sizeof(ret->policy), "%s", evidence->policy);
	snprintf(ret->requested, sizeof(ret->requested), "%s", terms->policy);
}

static void add(struct gathered_pair *pair, enum cf_finding_code code, const char *subject, const char *detail)
{
	struct cf_finding *finding = cf_findings_add(&pair->findings, &pair->limits, code, subject);

	if (finding)
		snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
}

/* The rounds, and what they say of the REALTIME clocks. */
static void measure(const struct act_context *context, const struct settings *settings, struct call *call,
		    const char *destination, struct gathered_pair *ret)
{
	struct cf_error err = { 0 };

	fleet_offset(context->fleet, destination, &ret->offset, ret->boot);
	ret->offset.drift_ppm = settings->probe.raw_drift_ppm;
	if (probe_rounds(call, settings->probe.rounds, &ret->offset, ret->boot, settings->probe.timeout, &err) < 0) {
		snprintf(ret->offset_why, sizeof(ret->offset_why), "%s", err.text);
		return;
	}

	ret->has_host_offset = true;
	ret->host_offset = cf_offset_real(&ret->offset, kernel_instant(), CF_SLEW_PPM);
}

/* Ask the destination; fails when it did not answer as an agent of ours does. */
static int inquire(struct call *call, const struct gather_ask *ask, struct gathered_pair *ret, struct cf_error *err)
{
	const char *segments[] = { ask->id };
	int r;

	r = call_do(call, CF_ROUTE_RESERVE, segments, NULL, &ret->reservation, &ret->lease, ask->patience, NULL, err);
	ret->has_lease = r == 0;
	return r;
}

/* Why this host cannot stand at a gate for that; "" when it can. */
static void own_gate(const struct act_context *context, const struct settings *settings,
		     const struct cf_options *options, char why[static CF_DETAIL_ROOM])
{
	struct cf_error err = { 0 };

	*why = '\0';
	if (settings->libvirt.driver == CF_DRIVER_LIBVIRT)
		snprintf(why, CF_DETAIL_ROOM, "%.80s: its settings have `driver = libvirt`", settings->host);
	else if (options->post_copy)
		snprintf(why, CF_DETAIL_ROOM, "with post-copy the guest runs there before it is loaded");
	else if (!gather_gate(context, &err))
		snprintf(why, CF_DETAIL_ROOM, "%.80s: %.150s", settings->host, err.text);
}

bool gather_gate(const struct act_context *context, struct cf_error *err)
{
	if (*context->gate_why) {
		cf_fail(err, ENOSYS, CF_HOST, "%s", context->gate_why);
		return false;
	}
	return phases_available(context->virt, err);
}

/* With a gate where both hosts can, else as libvirt does it alone; and then why. */
static void choose_driver(const struct act_context *context, const struct settings *settings,
			  const struct gathered_domain *domain, const char *destination, struct gathered_pair *ret)
{
	const struct cf_lease *lease = &ret->lease;
	char why[CF_DETAIL_ROOM];

	own_gate(context, settings, &domain->options, why);
	if (!*why && ret->has_lease && !lease->has_gate)
		snprintf(why, sizeof(why), "%.80s: its agent is too old for it", destination);
	else if (!*why && ret->has_lease && !lease->gate)
		snprintf(why, sizeof(why), "%.80s: %.150s", destination, lease->has_gate_why ? lease->gate_why : "it cannot");
	if (!*why)
		return;
	snprintf(ret->reservation.driver, sizeof(ret->reservation.driver), "%s", drive_libvirt.name);
	if (ret->has_lease)
		add(ret, CF_FINDING_NOT_GATED, destination, why);
}

/* Of what comes in by its gate the destination's agent is the judge; by libvirt alone, libvirt is. */
static bool passthrough_denied(const struct gathered_pair *pair)
{
	const struct cf_lease *lease = &pair->lease;

	return pair->has_lease && pair->reservation.has_passthrough &&
	       strcmp(pair->reservation.driver, drive_gated.name) == 0 &&
	       !(lease->has_passthrough_accepted && lease->passthrough_accepted);
}

/* What QEMU will aim at first plus what this pair has needed above it before; without a history nothing. */
static void predict(const struct act_context *context, const struct settings *settings, const struct gathered_domain *domain,
		    const char *destination, struct gathered_pair *ret)
{
	cf_span above, first = ramp_first(settings, &domain->guest), limit = ret->limits.limits.max_blackout;

	if (!fleet_overhead(context->fleet, destination, &above))
		return;
	ret->has_predicted_blackout = true;
	ret->predicted_blackout = cf_span_add(cf_ramp_rules(first, limit, true, above).first, above);
}

/* Here and there may be one host, by this name or by another. */
static bool is_here(const struct settings *settings, const char *destination, const struct gathered_pair *pair)
{
	return strcmp(destination, settings->host) == 0 ||
	       (pair->has_lease && strcmp(pair->lease.host, settings->host) == 0);
}

/* What the destination has to say; it has judged by both hosts' limits, as we do. */
static void add_objections(struct gathered_pair *pair)
{
	for (size_t i = 0; i < pair->lease.n_findings; i++) {
		const struct cf_finding *theirs = &pair->lease.findings[i];
		struct cf_finding *finding = cf_findings_add(&pair->findings, &pair->limits, theirs->code,
							     theirs->subject);

		if (finding)
			*finding = *theirs;
	}
}

static void judge(const struct settings *settings, const struct gathered_domain *domain, const struct gather_ask *ask,
		  struct gathered_pair *ret)
{
	const char *destination = ask->destination;
	struct cf_pair_evidence pair = {
		.source = settings->host,
		.destination = destination,
		.source_report = &domain->report,
		.destination_report = ret->has_lease ? &ret->lease.report : NULL,
		.source_software = domain->software,
		.has_destination_kvm = ret->lease.has_kvm,
		.destination_kvm = ret->lease.kvm,
		.passthrough_denied = passthrough_denied(ret),
		.has_host_offset = ret->has_host_offset,
		.host_offset = ret->host_offset,
		.now = kernel_instant().real,
		.expected_duration = CF_EXPECTED_DURATION,
	};
	struct cf_domain_evidence evidence = domain->evidence;
	char why[CF_DETAIL_ROOM];

	evidence.only_asked = ask->check;
	evidence.has_predicted_blackout = ret->has_predicted_blackout;
	evidence.predicted_blackout = ret->predicted_blackout;
	memcpy(pair.destination_software.libvirt, ret->lease.libvirt, sizeof(ret->lease.libvirt));
	memcpy(pair.destination_software.emulator, ret->lease.emulator, sizeof(ret->lease.emulator));
	snprintf(pair.offset_why, sizeof(pair.offset_why), "%s", ret->offset_why);
	ret->has_lever = ret->has_lease && evidence.guest;
	if (ret->has_lever)
		ret->lever = cf_lever_best(evidence.guest, &pair, why);
	if (is_here(settings, destination, ret))
		add(ret, CF_FINDING_SAME_HOST, destination, "");
	if (ret->has_lease && !is_here(settings, destination, ret))
		cf_gate_pair(&pair, &ret->limits, &ret->findings);
	else
		cf_gate_source(&pair, &ret->limits, &ret->findings);
	if (domain->libvirt && !ask->foreign)	/* what speaks against that domain was its manager's to find out */
		cf_gate_domain(&pair, &evidence, &ret->limits, &ret->findings);
	if (!domain->libvirt)
		add(ret, CF_FINDING_LIBVIRT_UNAVAILABLE, settings->host, domain->libvirt_why);
	if (ret->has_lease)
		add_objections(ret);
	ret->open = ret->has_lease && cf_gate_open(&ret->findings);
}

/* The limits of both hosts, the request's own, and what an administrator takes upon himself. */
static void take_limits(const struct settings *settings, const struct own_terms *own, const struct gather_ask *ask,
			struct gathered_pair *ret)
{
	const struct cf_lease *lease = &ret->lease;

	cf_limits_both(&own->limits, settings->host, ret->has_lease ? &lease->limits : &own->limits,
		       ret->has_lease ? ask->destination : settings->host, &ret->limits);
	cf_limits_tighten(&ret->limits, &ask->terms->tighten, TERMS_REQUEST);

	ret->policy = (struct cf_policy_used){ .domains_choice = own->domains_choice };
	snprintf(ret->policy.source, sizeof(ret->policy.source), "%s", own->policy);
	snprintf(ret->policy.destination, sizeof(ret->policy.destination), "%s", lease->policy);
	snprintf(ret->policy.requested, sizeof(ret->policy.requested), "%s", ask->terms->policy);
	digest_limits(&ret->limits.limits, ret->policy.digest);
}

static void take_override(const struct gather_ask *ask, struct gathered_pair *ret)
{
	const struct cf_lease *lease = &ret->lease;

	if (!ask->terms->has_override || !ret->has_lease)
		return;
	ret->overridden = lease->has_override_accepted && lease->override_accepted;
	if (ret->overridden)
		cf_limits_override(&ret->limits, &ask->terms->override);
	else
		add(ret, CF_FINDING_OVERRIDE_DENIED, ask->destination,
		    lease->has_override_accepted ? "its settings do not accept it" : "its agent is too old for it");
}

void gather_pair(const struct act_context *context, const struct settings *settings, struct call *call,
		 const struct cf_error *uncalled, const struct gathered_domain *domain, const struct gather_ask *ask,
		 struct gathered_pair *ret)
{
	const struct cf_domain_evidence *evidence = &domain->evidence;
	struct cf_error err = *uncalled;
	int r = call ? 0 : -EHOSTUNREACH;
	struct ledger_state ledger;
	struct own_terms own;

	memset(ret, 0, sizeof(*ret));
	terms_own(settings, evidence->has_policy ? evidence->policy : NULL,
		  ask->terms->has_policy ? ask->terms->policy : NULL, &own);
	spell(settings, domain, ask, &own, &ret->reservation);
	if (*own.fault) {	/* without limits there is nothing to judge by */
		take_limits(settings, &own, ask, ret);
		terms_object(&own, settings->host, &ret->limits, &ret->findings);
		return;
	}
	if (r == 0 && !is_here(settings, ask->destination, ret))
		r = inquire(call, ask, ret, &err);
	if (ret->has_lease && (!ask->foreign || ret->lease.granted))
		measure(context, settings, call, ask->destination, ret);
	take_limits(settings, &own, ask, ret);
	take_override(ask, ret);

	if (r < 0)
		add(ret, call_finding(r, &err), ask->destination, err.text);
	ledger_state(context->ledger, &ledger);
	if (!ledger.writable)
		add(ret, CF_FINDING_LEDGER_UNWRITABLE, settings->host, ledger.fault);
	terms_object(&own, settings->host, &ret->limits, &ret->findings);
	predict(context, settings, domain, ask->destination, ret);
	if (domain->libvirt && !ask->foreign)
		choose_driver(context, settings, domain, ask->destination, ret);
	judge(settings, domain, ask, ret);
}

int gather_guest_clock(const struct act_context *context, const struct settings *settings, const char *domain,
		       struct cf_guest_clock *ret, struct cf_error *err)
{
	CF_AUTO(cf_free) struct gathered_domain *all = calloc(1, sizeof(*all));
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	struct cf_findings findings = { 0 };
	struct cf_pair_evidence pair = { .source = settings->host, .destination = settings->host };
	struct cf_both_limits limits;
	struct own_terms own;

	if (!all)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	virt_link_open(context->virt, LINK_PATIENCE, &link, err);
	gather_domain(context, settings, link, domain, NULL, all);
	if (!all->libvirt)
		return cf_fail(err, EIO, CF_HOST, "%s", all->libvirt_why);
	if (!all->evidence.known)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "no domain '%.64s' is on this host", domain);
	if (!all->evidence.guest)
		return cf_fail(err, ENOENT, CF_CONFLICT, "domain '%.64s' is not running: it has no clock now", domain);

	terms_own(settings, all->evidence.has_policy ? all->evidence.policy : NULL, NULL, &own);
	cf_limits_both(&own.limits, settings->host, &own.limits, settings->host, &limits);
	terms_object(&own, settings->host, &limits, &findings);
	pair.source_report = pair.destination_report = &all->report;
	pair.has_destination_kvm = true;	/* that of a host like this one */
	pair.destination_kvm = (struct cf_kvm_offer){ .handed_on = true, .version = all->guest.kvm_version };
	cf_gate_domain(&pair, &all->evidence, &limits, &findings);
	*ret = all->guest;
	for (size_t i = 0; i < findings.n_list && ret->n_findings < CF_COUNT(ret->findings); i++)
		ret->findings[ret->n_findings++] = findings.list[i];
	return 0;
}
