/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's side: make the guest's clock right once it runs, and look at it again later. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/carried.h"
#include "daemon/act/hang.h"
#include "daemon/act/mend.h"
#include "daemon/act/notice.h"
#include "daemon/act/persist.h"
#include "daemon/act/standstill.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "policy/guest.h"
#include "proto/text.h"

#define RECORD_WAIT ((cf_span){ 2 * CF_S })	/* for the record that names STOP */
#define SOON        ((struct timespec){ .tv_nsec = 2 * CF_MS })

/* The record that names STOP comes while the guest stands still; one from before the copy is better than none. */
static void await_record(struct work *work)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), RECORD_WAIT);

	do {
		work_newest_record(work);
		if (work->has_record &&
		    (work->record->paused || (work->record->has_stop && work->record->has_raw_offset)))
			return;
		nanosleep(&SOON, NULL);
	} while (cf_mono_cmp(kernel_raw(), deadline) < 0);
}

/* Where the guest's clock should be; false when there is no way to know. */
static bool take_aim(struct work *work, struct aim *ret)
{
	const struct cf_record *record = work->record;
	struct cf_instant from = record->has_stop ? record->stop : record->host_at;
	char boot[CF_UUID_ROOM] = "";

	if (!work->has_record || !record->guest.has_guest_offset) {
		work_unmeasured(work, CF_FIGURE_LAG, "the guest's clock was not known at the source%s%s",
				*record->guest.guest_offset_why ? ": " : "", record->guest.guest_offset_why);
		return false;
	}
	if (!record->has_raw_offset) {
		work_unmeasured(work, CF_FIGURE_LAG, "the offset of the two hosts' clocks was not known");
		return false;
	}
	kernel_boot_id(boot, NULL);
	if (strcmp(boot, record->destination_boot) != 0) {
		work_unmeasured(work, CF_FIGURE_LAG, "this host booted anew since its offset was measured");
		return false;
	}

	*ret = (struct aim){
		.offset = cf_guest_offset_aged(&record->guest.guest_offset, from),
		.raw = record->raw_offset,
		.from = from,
		.resume = work->landing.has_resume ? work->landing.resume : kernel_instant(),
		.ran_on = !record->has_stop,
	};
	return true;
}

/* The source measures the hosts once more when the copy's own traffic is over. */
static void refresh_aim(struct work *work)
{
	if (work_newest_record(work))
		work->has_aim = take_aim(work, &work->aim);
}

static struct mend_guest to_mend(struct work *work)
{
	return (struct mend_guest){ .uuid = work->reservation.uuid, .aim = &work->aim, .at = &work->landing,
				    .refresh = refresh_aim, .carried = work->landing.lever == CF_LEVER_KVM };
}

static void note_host(struct work *work)
{
	struct cf_landing *landing = work_landing_begin(work);

	snprintf(landing->agent, sizeof(landing->agent), "%s", work->lease.agent);
	snprintf(landing->libvirt, sizeof(landing->libvirt), "%s", work->lease.libvirt);
	snprintf(landing->emulator, sizeof(landing->emulator), "%s", work->lease.emulator);
	snprintf(landing->kernel, sizeof(landing->kernel), "%s", work->lease.kernel);
	work_landing_end(work);
}

/*
 * What can be done about its clock, soon: a late step fights the guest's own NTP client.  Where libvirtd had hung,
 * or an earlier agent had ended before it came to this, nobody could be sooner.
 */
static void correct(struct work *work)
{
	struct mend_guest guest = to_mend(work);
	struct cf_error err = { 0 };

	work->hung |= hang_wait(work);	/* once more: it may have begun to hang since, and a restarted agent begins here */
	guest.whenever = work->hung || work->again;
	if (!work_link(work, &err)) {
		work_unmeasured(work, CF_FIGURE_LAG, "%s", err.text);
		return;
	}

	if (!work_has_peer(work)) {
		mend_look(work, work->reservation.uuid, &work->landing);
		return;
	}
	await_record(work);
	if (work->has_record && work->record->paused && !work->driver->foreign) {
		work_unmeasured(work, CF_FIGURE_LAG, "somebody had paused the guest, and it stays so");
		standstill_again(work);
		return;
	}
	work->has_aim = take_aim(work, &work->aim);
	if (work->has_aim)
		mend(work, &guest);
}

enum cf_event act_correct(struct work *work, char why[static CF_DETAIL_ROOM])
{
	(void)why;
	note_host(work);
	carried_report(work);
	correct(work);
	notice_marker_after(work);
	notice_give(work);
	persist_land(work);
	return CF_EV_CORRECTED;
}

/* Sleep until so long after RESUME; false when the agent is to stop. */
static bool sleep_until(struct work *work, cf_span after)
{
	const struct timespec turn = { .tv_nsec = 50 * CF_MS };

	while (cf_span_cmp(cf_mono_since(kernel_raw(), work->aim.resume.raw), after) < 0) {
		if (work_stopping(work))
			return false;
		nanosleep(&turn, NULL);
	}
	return true;
}

/* Whoever stops the guest again stops its clock again: what was measured since then is about that, too. */
static void note_stop(struct work *work)
{
	struct guest_events events = { 0 };
	struct cf_landing *landing;

	if (work->watch)
		guest_watch_read(work->watch, &events);
	landing = work_landing_begin(work);
	landing->has_stop = events.has_stop;
	landing->stop = events.stop;
	work_landing_end(work);
}

/* The agent was restarted meanwhile: what the guest's clock is held against was in its memory. */
static void take_aim_again(struct work *work)
{
	struct cf_error err = { 0 };

	if (work_link(work, &err))
		work->has_aim = take_aim(work, &work->aim);
	else
		work_unmeasured(work, CF_FIGURE_RESIDUAL, "%s", err.text);
}

/* How fast its clock runs here, by the readings since the last step. */
static void note_drift(struct work *work)
{
	struct cf_landing *landing = work_landing_begin(work);

	landing->has_drift = cf_guest_drift(landing->residuals, landing->n_residuals, cf_landing_untouched(landing),
					    &landing->drift);
	work_landing_end(work);
}

/* What libvirt says of a post-copy that lost its source; a guest may run for long before it needs what is gone. */
static void note_torn(struct work *work)
{
	struct domain_standing standing = { 0 };
	struct cf_landing *landing;

	if (domain_look(work->context->virt, work->reservation.uuid, &standing, NULL) < 0 || !standing.torn)
		return;
	log_error_about(LOG_ABOUT(.id = LOG_ID_TORN, .migration = work->id, .domain = work->reservation.domain,
				  .peer = work->reservation.source),
			"migration %s: the post-copy of %s failed, and it lacks memory; where %s still has that, `virsh migrate "
			"--postcopy --postcopy-resume` there goes on with it", work->id, work->reservation.domain,
			work->reservation.source);
	landing = work_landing_begin(work);
	landing->has_torn = landing->torn = true;
	work_landing_end(work);
}

/*
 * Its clock once more, so long after RESUME; false when that could not be had.  A guest that did not answer when it was
 * time to correct it is corrected now: nobody could be sooner.
 */
static bool look_again(struct work *work, struct mend_guest *guest, bool correct_again, struct cf_error *err)
{
	bool first = work->landing.n_residuals == 0;

	if (correct_again) {
		mend_again(work, guest);
		return true;
	}
	if (!mend_read(work, guest, err))
		return false;
	guest->whenever = first;
	if (first)
		mend_again(work, guest);
	return true;
}

enum cf_event act_verify(struct work *work, char why[static CF_DETAIL_ROOM])
{
	static const cf_span moments[] = { { CF_S }, { 10 * CF_S }, { 60 * CF_S } };
	const struct cf_aftercare care = cf_limits_aftercare(&work->limits.limits);
	struct mend_guest guest = to_mend(work);
	size_t steps = work->landing.n_steps;
	struct cf_error err = { 0 };

	(void)why;
	guest.whenever = care.correct_again;
	if (work->again == CF_PHASE_VERIFYING)
		take_aim_again(work);
	for (size_t i = 0; work->has_aim && i < CF_COUNT(moments); i++) {
		char at[CF_SPAN_TEXT_ROOM];

		if (cf_span_cmp(moments[i], care.verify_until) > 0)
			break;
		if (!sleep_until(work, moments[i])) {
			work_unmeasured(work, CF_FIGURE_RESIDUAL, "at RESUME + %s: the agent was stopped",
					cf_span_text(moments[i], at));
			break;
		}
		if (!look_again(work, &guest, care.correct_again, &err))
			work_unmeasured(work, CF_FIGURE_RESIDUAL, "at RESUME + %s: %s", cf_span_text(moments[i], at),
					err.text);
	}

	note_drift(work);
	if (work->landing.n_steps > steps)	/* what it was told no longer holds */
		notice_give(work);
	note_stop(work);
	note_torn(work);
	return CF_EV_VERIFIED;
}
