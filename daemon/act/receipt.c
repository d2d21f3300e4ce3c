/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/receipt.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "daemon/digest.h"
#include "policy/blackout.h"
#include "policy/guest.h"
#include "proto/text.h"

static void note_versions(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;
	struct utsname kernel;
	struct virt_host host;

	snprintf(receipt->agent, sizeof(receipt->agent), "%s", VERSION_TEXT);
	snprintf(receipt->driver, sizeof(receipt->driver), "%s", work->driver->name);
	snprintf(receipt->machine, sizeof(receipt->machine), "%s", work->record->guest.machine);
	snprintf(receipt->emulator, sizeof(receipt->emulator), "%s", work->record->guest.emulator);
	if (virt_host(work->context->virt, &host))
		snprintf(receipt->libvirt, sizeof(receipt->libvirt), "%s", host.libvirt);
	if (uname(&kernel) == 0)
		snprintf(receipt->kernel, sizeof(receipt->kernel), "%.64s %.60s", kernel.sysname, kernel.release);
}

/* What the destination's lease said of its host; it stays true of a guest that never got there. */
static void note_destination_versions(struct work *work)
{
	struct cf_versions *there = &work->receipt->destination_versions;
	const struct cf_lease *lease = &work->lease;

	work->receipt->has_destination_versions = *lease->agent;
	snprintf(there->agent, sizeof(there->agent), "%s", lease->agent);
	snprintf(there->libvirt, sizeof(there->libvirt), "%s", lease->libvirt);
	snprintf(there->emulator, sizeof(there->emulator), "%s", lease->emulator);
	snprintf(there->kernel, sizeof(there->kernel), "%s", lease->kernel);
}

/* After a restart the names are those in the receipt itself. */
static void name(char ret[static CF_HOST_ROOM], const char *host)
{
	if (host != ret)
		snprintf(ret, CF_HOST_ROOM, "%s", host);
}

void receipt_put_limits(const struct cf_both_limits *both, struct cf_receipt *ret)
{
	struct cf_limit_owners *owners = &ret->limit_owners;

	ret->limits = both->limits;
	owners->has_others = true;
	name(owners->max_error_bound, both->owner_max_error_bound);
	name(owners->max_skew, both->owner_max_skew);
	name(owners->max_blackout, both->owner_max_blackout);
	name(owners->max_residual, both->owner_max_residual);
	name(owners->others.gate_grace, both->owner_gate_grace);
	name(owners->others.holdover_max, both->owner_holdover_max);
	name(owners->others.max_stratum, both->owner_max_stratum);
	name(owners->others.require_lever, both->owner_require_lever);
	name(owners->others.correction, both->owner_correction);
	name(owners->others.correction_floor, both->owner_correction_floor);
}

void receipt_limits(struct work *work)
{
	const struct cf_limits *own = &settings_policy(work->settings, "")->limits;
	struct cf_both_limits *both = &work->limits;

	if (!both->owner_max_skew)	/* it did not get as far as the other host's */
		cf_limits_both(own, work->settings->host, own, work->settings->host, both);
	receipt_put_limits(both, work->receipt);
}

/* Without a RESUME there is no reading of the other host's clocks as near to it. */
static void note_offset_at_stop(struct work *work)
{
	work->receipt->has_offset_during = true;
	work->receipt->offset_during = cf_offset_real(&work->peer.offset, work->receipt->stop, CF_SLEW_PPM);
}

/* Clocks that were carried lack what was not made good to the last; others lose what they lose in a blackout. */
static void predict_lag(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;
	const struct cf_counter_report *counters = &receipt->landing.counters;

	receipt->has_predicted_lag = true;
	if (receipt->landing.lever == CF_LEVER_KVM && counters->has_residual) {
		receipt->predicted_lag = cf_interval_neg(counters->residual);
		snprintf(receipt->predicted_lag_why, sizeof(receipt->predicted_lag_why), "its counters were carried");
		return;
	}
	receipt->predicted_lag = cf_lag_predicted(&work->record->guest, receipt->blackout, receipt->offset_during,
						  receipt->predicted_lag_why);
}

/* blackout = raw_dst(RESUME) - raw_src(STOP) - raw offset */
static void note_blackout(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;
	const struct cf_landing *landing = &receipt->landing;
	struct cf_interval raw = work->peer.at_stop;

	if (!receipt->has_stop || !work->peer.has_at_stop)
		return;
	if (!receipt->has_landing || !landing->has_resume) {
		note_offset_at_stop(work);
		return;
	}

	receipt->has_blackout = cf_blackout(receipt->stop, receipt->stop_slack, landing->resume,
					    landing->resume_slack, raw, &receipt->blackout);
	if (!receipt->has_blackout) {
		work_unmeasured(work, CF_FIGURE_BLACKOUT,
				"RESUME lies before STOP, so one of the two is not what it claims");
		return;
	}
	receipt->has_offset_during = true;
	receipt->offset_during = cf_offset_real_between(raw, receipt->stop, landing->resume);

	predict_lag(work);
	if (landing->has_lag) {
		struct cf_interval both;

		receipt->lag_surprising = !cf_interval_meet(receipt->predicted_lag, landing->lag, &both);
	}
}

/* libvirt's figures, and what of them is the hosts' clock difference. */
static void note_job(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;
	struct guest_events events;

	if (!work->watch)
		return;
	guest_watch_read(work->watch, &events);
	receipt->has_bytes = events.has_job && events.job.has_bytes;
	receipt->bytes = events.job.bytes;
	receipt->has_libvirt_downtime = events.has_job && events.job.has_downtime;
	receipt->libvirt_downtime = events.job.downtime;
	receipt->has_libvirt_downtime_offset = receipt->has_libvirt_downtime && receipt->has_blackout &&
					       cf_libvirt_downtime_mixed(receipt->blackout, receipt->offset_during);
	receipt->libvirt_downtime_offset = receipt->offset_during;
}

/* Where both its rates are known, each by its own host's oscillator, and the rate of these. */
static void note_frequency_step(struct work *work)
{
	const struct cf_guest_offset *before = &work->record->guest.guest_offset;
	struct cf_receipt *receipt = work->receipt;
	struct cf_rate hosts = { 0 };

	receipt->has_frequency_step = receipt->has_landing && receipt->landing.has_drift &&
				      work->record->guest.has_guest_offset && before->has_rate &&
				      cf_offset_rate(&work->peer.offset, &hosts);
	if (receipt->has_frequency_step)
		receipt->frequency_step = cf_rate_step(before->rate, receipt->landing.drift, hosts);
}

void receipt_complete(struct work *work)
{
	note_versions(work);
	note_destination_versions(work);
	receipt_limits(work);
	note_blackout(work);
	note_job(work);
	note_frequency_step(work);
	work->receipt->probe_rounds = work->peer.offset.rounds;
	work->receipt->has_vmclock = work->record->guest.has_vmclock;
	work->receipt->vmclock = work->record->guest.vmclock;
	work->receipt->has_guest_offset_before = work->record->guest.has_guest_offset;
	work->receipt->guest_offset_before = work->record->guest.guest_offset;
}

void receipt_put_said(const struct cf_reservation *reservation, const struct cf_lease *lease, struct cf_receipt *ret)
{
	snprintf(ret->driver, sizeof(ret->driver), "%s", reservation->driver);
	ret->has_source_report = ret->has_destination_report = true;
	ret->source_report = reservation->report;
	ret->destination_report = lease->report;
	ret->has_policy = true;
	ret->policy.domains_choice = reservation->has_policy;
	snprintf(ret->policy.source, sizeof(ret->policy.source), "%s", reservation->policy);
	snprintf(ret->policy.destination, sizeof(ret->policy.destination), "%s", lease->policy);
	snprintf(ret->policy.requested, sizeof(ret->policy.requested), "%s", reservation->requested);
	ret->has_override = lease->override_accepted;
	ret->override = reservation->override;
	ret->has_persistence = reservation->has_persistence;
	ret->persistence = reservation->persistence;
}

void receipt_alone(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;

	note_destination_versions(work);
	receipt_limits(work);
	receipt_put_said(&work->reservation, &work->lease, receipt);
	receipt->has_source_report = work_has_peer(work);
	if (work->limits.owner_max_skew)
		digest_limits(&work->limits.limits, receipt->policy.digest);
	receipt->has_landing = work->landing.has_resume || work->landing.n_phases > 0;
	work_landing(work, &receipt->landing);
}

/* Takes it both hosts' agents? */
static bool is_of_both(enum cf_figure figure)
{
	return figure != CF_FIGURE_GUEST_BEFORE && figure != CF_FIGURE_BYTES && figure != CF_FIGURE_LIBVIRT_DOWNTIME &&
	       figure != CF_FIGURE_SOURCE_LOST;
}

/* Why there is none, where whoever should have measured it did not say so. */
static const char *why_not(const struct work *work, enum cf_figure figure)
{
	const struct cf_receipt *receipt = work->receipt;
	const char *unseen = work->watch ? "RESUME was not seen" : "the agent was restarted once the guest ran again";
	const char *silent = receipt->migration.outcome == CF_OUTCOME_ABORTED ? unseen
			     : receipt->has_landing ? "the destination's agent did not get that far"
						    : "the destination's agent was not heard of again";

	if (!work_has_peer(work) && is_of_both(figure))
		return *work->alone ? work->alone : "no agent of the other host was found";
	if (work->side == CF_DESTINATION)
		return "the source's agent sent no receipt";
	if (!receipt->has_source_report)
		return "the migration ended before it was checked";

	switch (figure) {
	case CF_FIGURE_DESTINATION_CLOCK:
	case CF_FIGURE_OFFSET_BEFORE:
		return "there is no answer of the destination's agent";
	case CF_FIGURE_OFFSET_DURING:
		if (!receipt->has_stop)
			return "STOP is not known";
		return work->peer.offset.rounds > 0 ? silent : "there is no round of measuring";
	case CF_FIGURE_BLACKOUT:
		return work->peer.has_at_stop ? silent : "the host offset at STOP is not known";
	case CF_FIGURE_BYTES:
	case CF_FIGURE_LIBVIRT_DOWNTIME:
		return "libvirt does not tell";
	case CF_FIGURE_SOURCE_LOST:
		return work->watch ? "STOP and RESUME contradict each other" : unseen;
	case CF_FIGURE_GUEST_BEFORE:
		return *work->record->guest.guest_offset_why ? work->record->guest.guest_offset_why
							     : "the guest was not asked";
	case CF_FIGURE_PREDICTED_LAG:
		return "it follows from the blackout";
	case CF_FIGURE_DISRUPTION:
		return cf_limits_aftercare(&receipt->limits).notice > CF_NOTICE_NONE
			       ? "the guest was not asked"
			       : "policy has the guest's agent neither told nor asked such things (notice)";
	case CF_FIGURE_RESIDUAL:
		return *cf_figure_why(receipt, CF_FIGURE_LAG) ? cf_figure_why(receipt, CF_FIGURE_LAG) : silent;
	default:
		return silent;
	}
}

void receipt_explain(struct work *work)
{
	struct cf_receipt *receipt = work->receipt;

	for (int figure = 0; figure < CF_N_FIGURES; figure++) {
		if (!cf_figure_due(receipt, figure) || cf_figure_there(receipt, figure) ||
		    *cf_figure_why(receipt, figure) || receipt->n_unmeasured == CF_COUNT(receipt->unmeasured))
			continue;
		snprintf(receipt->unmeasured[receipt->n_unmeasured], CF_DETAIL_ROOM, "%s: %.190s", cf_figure_words[figure],
			 why_not(work, figure));
		receipt->n_unmeasured++;
	}
}

/* Whoever ends it does so at an instant of its own. */
void receipt_log_late(const struct cf_receipt *late, cf_real had_ended)
{
	if (cf_real_since(late->migration.ended, had_ended).ns != 0)
		receipt_log(late);
}

bool receipt_take_late(struct work *work)
{
	cf_real had_ended = work->receipt->migration.ended;

	if (!work_newest_closing(work))
		return false;
	receipt_log_late(work->receipt, had_ended);
	return true;
}
