/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* checking: gather the evidence on both hosts and let policy judge it. */

#include "daemon/act/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/record.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain-xml.h"

#define START_PATIENCE ((cf_span){ 15 * CF_S })

static const struct timespec SOON = { .tv_nsec = 100 * CF_MS };

void check_keep_pair(struct work *work, const struct gathered_pair *pair)
{
	struct cf_receipt *receipt = work->receipt;

	work->lease = pair->lease;
	work->peer.offset = pair->offset;
	memcpy(work->peer.boot, pair->boot, sizeof(work->peer.boot));
	receipt->has_policy = true;
	receipt->policy = pair->policy;
	receipt->has_destination_report = pair->has_lease;
	receipt->destination_report = pair->lease.report;
	receipt->has_offset_before = pair->has_host_offset;
	receipt->offset_before = pair->host_offset;
	receipt->has_would_refuse = true;
	receipt->would_refuse = cf_gate_would_refuse(&pair->findings, !work->driver->foreign);
}

void check_show_pair(struct cf_migration *shown, const struct gathered_pair *pair, cf_span max_blackout)
{
	shown->has_host_offset = pair->has_host_offset;
	shown->host_offset = pair->host_offset;
	shown->has_max_blackout = true;
	shown->max_blackout = max_blackout;
	shown->n_findings = pair->findings.n_list;
	memcpy(shown->findings, pair->findings.list, pair->findings.n_list * sizeof(*shown->findings));
}

/* Keep of the evidence what later acts and the receipt need. */
static void keep(struct work *work, const struct gathered_domain *domain, const struct gathered_pair *pair)
{
	struct cf_receipt *receipt = work->receipt;

	record_begin(work, &domain->guest);
	work->driver = work_driver(pair->reservation.driver);
	check_keep_pair(work, pair);
	work->limits = pair->limits;
	work->draft = pair->reservation;

	receipt->has_override = pair->overridden;
	receipt->override = work->terms.override;
	receipt->has_persistence = domain->evidence.known;
	receipt->persistence = (struct cf_persistence){ domain->evidence.persistent, domain->evidence.autostart };
	receipt->has_options = true;
	receipt->options = domain->options;
	receipt->has_source_report = true;
	receipt->source_report = domain->report;
	if (pair->has_lease && !pair->has_host_offset)
		work_unmeasured(work, CF_FIGURE_OFFSET_BEFORE, "%s", pair->offset_why);
}

/*
 * XML that is not even that of the domain: libvirt would find out with the migration begun.
 * What it has for QEMU past libvirt takes the place of what the domain has here.
 */
static void look_at_xml(struct work *work, struct gathered_domain *domain)
{
	struct cf_domain_evidence *evidence = &domain->evidence;
	struct cf_passthrough of_next_start;
	const struct { const char *xml; struct cf_passthrough *passthrough; } given[] = {
		{ work->xml, &evidence->passthrough }, { work->persistent_xml, &of_next_start },
	};
	struct cf_error err = { 0 };

	for (size_t i = 0; evidence->guest && i < CF_COUNT(given); i++)
		if (given[i].xml && domain_xml_is(given[i].xml, domain->guest.domain, domain->guest.uuid,
						  given[i].passthrough, &err) < 0)
			snprintf(evidence->xml_fault, sizeof(evidence->xml_fault), "%s", err.text);
}

static void show(struct work *work, const struct gathered_domain *domain, const struct gathered_pair *pair)
{
	struct cf_migration *shown = work_show_begin(work);

	if (domain->evidence.guest) {
		snprintf(shown->domain, sizeof(shown->domain), "%s", domain->guest.domain);
		snprintf(shown->uuid, sizeof(shown->uuid), "%s", domain->guest.uuid);
	}
	snprintf(shown->source, sizeof(shown->source), "%s", work->settings->host);
	check_show_pair(shown, pair, pair->limits.limits.max_blackout);
	work_show_end(work);
}

/* An agent that has just begun knows neither its clock nor libvirt yet: that is no reason to refuse. */
static void await_start(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono end = cf_mono_add(kernel_raw(), START_PATIENCE);
	struct cf_report report;

	for (;;) {
		reporter_report(work->context->reporter, &report);
		if (report.state == CF_CLOCK_SYNCHRONISED && virt_connected(work->context->virt, NULL))
			return;
		if (cf_mono_cmp(kernel_raw(), end) >= 0 || work_stopping(work) || work_aborted(work, why))
			return;
		nanosleep(&SOON, NULL);
	}
}

enum cf_event act_check(struct work *work, char why[static CF_DETAIL_ROOM])
{
	CF_AUTO(cf_free) struct gathered_domain *domain = calloc(1, sizeof(*domain));
	CF_AUTO(cf_free) struct gathered_pair *pair = calloc(1, sizeof(*pair));
	const char *destination = work->reservation.destination;
	struct cf_error uncalled = { 0 };
	struct cf_migration asked;
	const struct gather_ask ask = { work->id, destination, &work->terms, &asked.requester, .patience = GATHER_PATIENCE };

	if (!domain || !pair) {
		act_say(why, "out of memory");
		return CF_EV_FAILED;
	}

	if (work->again == CF_PHASE_QUEUED)
		await_start(work, why);
	work->again = CF_PHASE_UNKNOWN;
	work_shown(work, &asked);
	work_link(work, NULL);	/* without it the guest is not asked */
	snprintf(work->reservation.destination, sizeof(work->reservation.destination), "%s", asked.destination);
	work_calls(work, &uncalled);

	gather_domain(work->context, work->settings, work->link, asked.domain, &work->wish, domain);
	look_at_xml(work, domain);
	gather_pair(work->context, work->settings, work->peer.call, &uncalled, domain, &ask, pair);
	keep(work, domain, pair);
	show(work, domain, pair);

	if (work_aborted(work, why))
		return CF_EV_ABORT;
	if (!pair->open) {
		act_say_refusal(why, "", pair->findings.list, pair->findings.n_list);
		return cf_gate_only(pair->findings.list, pair->findings.n_list, CF_FINDING_PEER_BUSY) ? CF_EV_BUSY
												      : CF_EV_REFUSED;
	}
	return CF_EV_ALLOWED;
}
