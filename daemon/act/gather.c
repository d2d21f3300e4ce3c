/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/gather.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/ledger/ledger.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/guest.h"

/* How long a migration may take before a leap second counts: a guess on the safe side. */
#define EXPECTED_DURATION ((cf_span){ 900 * CF_S })
#define LINK_PATIENCE     ((cf_span){ 5 * CF_S })
#define MAX_DOWNTIME      ((cf_span){ 300 * CF_MS })	/* QEMU's own default */

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

/* The guest's own clock and its counters; what cannot be read is said in guest_offset_why. */
static void gather_guest(const struct settings *settings, struct virt_link *link, struct cf_guest_clock *guest)
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
}

void gather_domain(const struct act_context *context, const struct settings *settings, struct virt_link *link,
		   const char *domain, struct gathered_domain *ret)
{
	struct cf_error err = { 0 };

	memset(ret, 0, sizeof(*ret));
	gather_report(context, &ret->report);
	if (domain_evidence(context->virt, domain, &ret->evidence, &ret->guest, &err) < 0) {
		snprintf(ret->libvirt_why, sizeof(ret->libvirt_why), "%s", err.text);
		return;
	}

	ret->libvirt = true;
	if (ret->evidence.guest)
		gather_guest(settings, link, &ret->guest);
}

void gather_reservation(const struct settings *settings, const struct cf_guest_clock *guest,
			const struct cf_report *report, const char *destination, bool dry_run,
			struct cf_reservation *ret)
{
	*ret = (struct cf_reservation){ .dry_run = dry_run, .report = *report };
	ret->limits = settings_policy(settings, "")->limits;
	snprintf(ret->domain, sizeof(ret->domain), "%s", guest->domain);
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", guest->uuid);
	snprintf(ret->source, sizeof(ret->source), "%s", settings->host);
	snprintf(ret->destination, sizeof(ret->destination), "%s", destination);
	snprintf(ret->driver, sizeof(ret->driver), "%s", drive_libvirt.name);
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
static int ask(const struct settings *settings, struct call *call, const struct gathered_domain *domain,
		const char *id, const char *destination, struct gathered_pair *ret, struct cf_error *err)
{
	const char *segments[] = { id };
	struct cf_reservation reservation;
	int r;

	gather_reservation(settings, &domain->guest, &domain->report, destination, true, &reservation);
	r = call_do(call, CF_ROUTE_RESERVE, segments, NULL, &reservation, &ret->lease,
		    settings->probe.timeout, NULL, err);
	ret->has_lease = r == 0;
	return r;
}

cf_span gather_max_downtime(cf_span max_blackout)
{
	cf_span half = { max_blackout.ns / 2 };

	return cf_span_max(cf_span_min(half, MAX_DOWNTIME), (cf_span){ CF_MS });
}

/* What QEMU will aim at plus what this pair has needed above it before; without a history nothing. */
static void predict(const struct act_context *context, const char *destination, struct gathered_pair *ret)
{
	cf_span above;

	if (!fleet_overhead(context->fleet, destination, &above))
		return;
	ret->has_predicted_blackout = true;
	ret->predicted_blackout = cf_span_add(gather_max_downtime(ret->limits.limits.max_blackout), above);
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

static void judge(const struct settings *settings, const struct gathered_domain *domain, const char *destination,
		  struct gathered_pair *ret)
{
	struct cf_pair_evidence pair = {
		.source = settings->host,
		.destination = destination,
		.source_report = &domain->report,
		.destination_report = ret->has_lease ? &ret->lease.report : NULL,
		.has_host_offset = ret->has_host_offset,
		.host_offset = ret->host_offset,
		.now = kernel_instant().real,
		.expected_duration = EXPECTED_DURATION,
	};
	struct cf_domain_evidence evidence = domain->evidence;

	evidence.has_predicted_blackout = ret->has_predicted_blackout;
	evidence.predicted_blackout = ret->predicted_blackout;
	snprintf(pair.offset_why, sizeof(pair.offset_why), "%s", ret->offset_why);
	if (is_here(settings, destination, ret))
		add(ret, CF_FINDING_SAME_HOST, destination, "");
	if (ret->has_lease && !is_here(settings, destination, ret))
		cf_gate_pair(&pair, &ret->limits, &ret->findings);
	else
		cf_gate_source(&pair, &ret->limits, &ret->findings);
	if (domain->libvirt)
		cf_gate_domain(&pair, &evidence, &ret->limits, &ret->findings);
	else
		add(ret, CF_FINDING_LIBVIRT_UNAVAILABLE, settings->host, domain->libvirt_why);
	if (ret->has_lease)
		add_objections(ret);
	ret->open = ret->has_lease && cf_gate_open(&ret->findings);
}

void gather_pair(const struct act_context *context, const struct settings *settings, struct call *call,
		 const struct cf_error *uncalled, const struct gathered_domain *domain, const char *id,
		 const char *destination, struct gathered_pair *ret)
{
	const struct settings_policy *own = settings_policy(settings, "");
	struct cf_error err = *uncalled;
	int r = call ? 0 : -EHOSTUNREACH;
	struct ledger_state ledger;

	memset(ret, 0, sizeof(*ret));
	if (r == 0 && !is_here(settings, destination, ret))
		r = ask(settings, call, domain, id, destination, ret, &err);
	if (ret->has_lease)
		measure(context, settings, call, destination, ret);
	cf_limits_both(&own->limits, settings->host, ret->has_lease ? &ret->lease.limits : &own->limits,
		       ret->has_lease ? destination : settings->host, &ret->limits);

	if (r < 0)
		add(ret, call_finding(r, &err), destination, err.text);
	ledger_state(context->ledger, &ledger);
	if (!ledger.writable)
		add(ret, CF_FINDING_LEDGER_UNWRITABLE, settings->host, ledger.fault);
	predict(context, destination, ret);
	judge(settings, domain, destination, ret);
}

int gather_guest_clock(const struct act_context *context, const struct settings *settings, const char *domain,
		       struct cf_guest_clock *ret, struct cf_error *err)
{
	CF_AUTO(cf_free) struct gathered_domain *all = calloc(1, sizeof(*all));
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	struct cf_findings findings = { 0 };
	struct cf_pair_evidence pair = { .source = settings->host, .destination = settings->host };
	const struct settings_policy *own = settings_policy(settings, "");
	struct cf_both_limits limits;

	if (!all)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	virt_link_open(context->virt, LINK_PATIENCE, &link, err);
	gather_domain(context, settings, link, domain, all);
	if (!all->libvirt)
		return cf_fail(err, EIO, CF_HOST, "%s", all->libvirt_why);
	if (!all->evidence.known)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "no domain '%.64s' is on this host", domain);
	if (!all->evidence.guest)
		return cf_fail(err, ENOENT, CF_CONFLICT, "domain '%.64s' is not running: it has no clock now", domain);

	cf_limits_both(&own->limits, settings->host, &own->limits, settings->host, &limits);
	pair.source_report = pair.destination_report = &all->report;
	cf_gate_domain(&pair, &all->evidence, &limits, &findings);
	*ret = all->guest;
	for (size_t i = 0; i < findings.n_list && ret->n_findings < CF_COUNT(ret->findings); i++)
		ret->findings[ret->n_findings++] = findings.list[i];
	return 0;
}
