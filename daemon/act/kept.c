/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/kept.h"

#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/mend.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/log.h"
#include "daemon/virt/job.h"
#include "policy/blackout.h"
#include "policy/guest.h"

#define WAKE_PATIENCE  ((cf_span){ 2 * CF_S })
#define DISKS_PATIENCE ((cf_span){ 2 * CF_S })

/* STOP of the switchover, from QEMU's events or, after a restart, from the ledger. */
static bool find_stop(struct work *work, const struct guest_events *events)
{
	struct cf_receipt *receipt = work->receipt;

	if (!events->has_stop || !events->switchover)
		return work->again && receipt->has_stop;
	receipt->has_stop = true;
	receipt->stop = events->stop;
	receipt->stop_slack = work->settings->stop_slack;
	return true;
}

/* Why it is not known how long the guest stood still; NULL when it is.  A stamp from before a step may have been put wrongly. */
static const char *why_not(struct work *work, const struct guest_events *events)
{
	if (events->stop_unplaced)
		return "STOP's time stamp fits none of the source's clocks";
	if (events->resume_unplaced)
		return "RESUME's time stamp fits none of the source's clocks";
	if (!events->has_resume)
		return work->again == CF_PHASE_ABORTED ? "the agent was restarted once it ran again" : "its RESUME was not seen";
	return reporter_stepped(work->context->reporter, work->receipt->stop.raw) ? "the source's clock was stepped meanwhile" : NULL;
}

static void note_lost(struct work *work, bool has_stop, const struct guest_events *events)
{
	struct cf_receipt *receipt = work->receipt;
	const char *why = why_not(work, events);
	cf_span slack = { 0 };

	if (why)
		work_unmeasured(work, CF_FIGURE_SOURCE_LOST, "%s", why);
	if (why || !has_stop)
		return;
	if (events->has_resume_known)
		slack = cf_span_max(cf_mono_since(events->resume_known, events->resume.raw), slack);
	receipt->has_source_lost = cf_blackout(receipt->stop, receipt->stop_slack, events->resume, slack,
					       (struct cf_interval){ { 0 }, { 0 } }, &receipt->source_lost);
}

/*
 * From its STOP, or from when its clock was last read, as if it had run until RESUME: both are true, and a STOP that
 * was heard of late is not known well.
 */
static struct aim take_aim(const struct cf_guest_offset *before, const struct cf_instant *stop, struct cf_instant resume)
{
	struct aim read = { .offset = before->offset, .from = before->at, .resume = resume, .ran_on = true };
	struct aim stopped;

	if (!stop)
		return read;
	stopped = (struct aim){ .offset = cf_guest_offset_aged(before, *stop), .from = *stop, .resume = resume };
	return cf_span_cmp(cf_interval_width(aim_at(&read, resume, false)), cf_interval_width(aim_at(&stopped, resume, false))) < 0
		       ? read : stopped;
}

/*
 * What its clock was before says where it should be, also where it is not known when the guest was stopped.
 * It is never too late for that: it is done as soon as anybody knows that the guest runs on here.
 */
static void mend_here(struct work *work, bool has_stop, const struct guest_events *events)
{
	const struct cf_guest_offset *before = &work->record->guest.guest_offset;
	struct cf_receipt *receipt = work->receipt;
	struct aim aim;

	receipt->kept = (struct cf_landing){ .phase = CF_PHASE_ABORTED, .has_resume = events->has_resume,
					     .resume = events->resume, .lever = CF_LEVER_NONE };
	carried_kept(work);
	receipt->has_kept = receipt->kept.has_counters;
	if (!work->record->guest.has_guest_offset) {
		work_unmeasured(work, CF_FIGURE_LAG, "the guest's clock was not known before");
		return;
	}
	aim = take_aim(before, has_stop ? &receipt->stop : NULL, events->has_resume ? events->resume : kernel_instant());
	receipt->has_kept = true;
	mend(work, &(struct mend_guest){ .uuid = work->record->guest.uuid, .aim = &aim, .at = &receipt->kept,
					 .carried = receipt->kept.lever == CF_LEVER_KVM, .whenever = true,
					 .patience = work->settings->guest.correct_within });
}

/* As soon as it runs: QEMU ends itself over the guest's next write. */
static void take_disks(struct work *work, bool cancelled)
{
	struct cf_error err = { 0 };
	struct virt_link *link = work_link(work, &err);

	if (link && job_take_disks(link, work->record->guest.uuid, cf_mono_add(kernel_raw(), DISKS_PATIENCE), &err) == 0) {
		if (cancelled)
			log_info_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				       "migration %s: QEMU was told to cancel as it gave the guest's disks away, and has taken them back", work->id);
		return;
	}
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
			  "migration %s: QEMU could not be asked to take the guest's disks back, and may not have: %s",
			  work->id, err.text);
}

bool kept_is_ours(const struct work *work)
{
	return !work->booted && gated_decision(work->context, work->id) != CF_DECISION_KEPT;
}

void kept_mend(struct work *work)
{
	bool has_stop, stood, blind;
	struct guest_events events;

	if (!work->watch || !kept_is_ours(work))
		return;
	guest_watch_read(work->watch, &events);
	has_stop = find_stop(work, &events);
	stood = has_stop || events.switchover;
	blind = events.gap || work->again >= CF_PHASE_COPYING;
	if (!stood && !blind)
		return;
	while (stood && !events.has_resume && !events.undone &&
	       guest_watch_wait(work->watch, events.revision, WAKE_PATIENCE, &events))
		;
	if (events.cancelled_late || blind)
		take_disks(work, events.cancelled_late);
	if (stood || work->again)
		note_lost(work, has_stop, &events);
	if (events.has_resume || events.undone || blind)
		mend_here(work, has_stop, &events);
}
