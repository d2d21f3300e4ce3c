/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's side: look out for the incoming domain and its RESUME. */

#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/arrive.h"
#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/hang.h"
#include "daemon/act/terms.h"
#include "daemon/act/where.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"

#define TURN           ((cf_span){ 100 * CF_MS })
#define SHORT_TURN     ((cf_span){ 5 * CF_MS })	/* somebody waits for the domain to be made */
#define LOOK_EVERY     ((cf_span){ CF_S })
#define KNOWN_WAIT     ((cf_span){ CF_S })
#define SOON           ((struct timespec){ .tv_nsec = 2 * CF_MS })
#define NOT_SO_SOON    ((struct timespec){ .tv_nsec = 20 * CF_MS })	/* the job is somebody else's */

bool arrive_source_gave_up(struct work *work, char why[static CF_DETAIL_ROOM])
{
	if (!work_newest_closing(work))
		return false;

	act_say(why, "the source ended it: %s", work->receipt->migration.reason);
	return true;
}

static bool has_arrived(struct work *work)
{
	struct domain_standing standing;
	struct cf_error err = { 0 };

	return domain_glance(work->context->virt, work->reservation.uuid, &standing, &err) == 0 && standing.known &&
	       standing.active;
}

/* RESUME on our clocks, and how much later the guest's first instruction may have been. */
static void note_resume(struct work *work, const struct guest_events *events)
{
	cf_mono known = events->has_resume_known ? events->resume_known : kernel_raw();
	struct cf_landing *landing = work_landing_begin(work);

	landing->has_resume = events->has_resume;
	landing->resume = events->resume;
	if (events->has_resume)
		landing->resume_slack = cf_span_max(cf_mono_since(known, events->resume.raw), (cf_span){ 0 });
	work_landing_end(work);
	if (!events->has_resume)
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "RESUME %s",
				events->resume_unplaced ? "has a time stamp that fits none of the destination's clocks" :
				work->again ? "was not seen (the agent was restarted)" : "was not seen");
}

void arrive_note_resume(struct work *work)
{
	struct guest_events events = { 0 };

	if (work->watch)
		guest_watch_read(work->watch, &events);
	while (events.has_resume && !events.has_resume_known &&	/* libvirt says so a moment after QEMU */
	       guest_watch_wait(work->watch, events.revision, KNOWN_WAIT, &events))
		;
	note_resume(work, &events);
}

/* What ends a reservation before a guest runs here; false when nothing does yet. */
static bool ended(struct work *work, const struct guest_events *events, bool arrived, enum cf_event *ret,
		  char why[static CF_DETAIL_ROOM])
{
	if (arrive_source_gave_up(work, why)) {
		*ret = CF_EV_KEPT;
	} else if (events->gone != GUEST_HERE) {
		act_say(why, "the incoming domain is gone: %s", guest_gone_name(events->gone));
		*ret = CF_EV_GONE;
	} else if (!arrived && work_aborted(work, why)) {
		*ret = CF_EV_ABORT;
	} else if (!arrived && cf_span_cmp(work_silence(work), work->settings->lease) > 0) {
		act_say(why, "the source's agent said nothing for as long as the lease holds");
		*ret = CF_EV_GONE;
	} else if (work_stopping(work)) {
		*ret = CF_EV_FAILED;
	} else {
		return false;
	}
	return true;
}

/*
 * A guest that was paused at the source need not run here first.  libvirt says of it
 * that it is paused for the migration for as long as that is not over.
 */
static bool came_paused(struct work *work)
{
	struct domain_standing standing;

	work_newest_record(work);
	return (work->driver->foreign || (work->has_record && work->record->paused)) &&
	       domain_glance(work->context->virt, work->reservation.uuid, &standing, NULL) == 0 && standing.known &&
	       standing.state == CF_DOMAIN_PAUSED && !standing.moving;
}

/*
 * Where events may be missing, how the domain stands tells what has happened.  One that
 * just lands has its event soon: that says more.
 */
static enum cf_event look_behind(struct work *work, enum cf_phase phase, struct guest_events *events, cf_mono *next)
{
	enum cf_event event;

	if (!(events->gap || work->again) || !kernel_due(next, LOOK_EVERY))
		return CF_N_EVENTS;

	event = cf_arrival(phase, work->driver->has_gate, gated_mark(work->context, work->id),
			   where_here(work, work->reservation.uuid));
	while (event == CF_EV_RESUMED && !events->landed &&
	       guest_watch_wait(work->watch, events->revision, KNOWN_WAIT, events))
		;
	return event;
}

static bool has_offer(struct work *work)
{
	bool has;

	pthread_mutex_lock(&work->lock);
	has = work->offer != NULL;
	pthread_mutex_unlock(&work->lock);
	return has;
}

static enum cf_event await_resume(struct work *work, enum cf_phase phase, char why[static CF_DETAIL_ROOM])
{
	bool arrived = phase == CF_PHASE_PREPARED;
	struct guest_events events = { 0 };
	cf_mono next = kernel_raw();
	enum cf_event end;
	bool paused;

	for (;;) {
		if (work->driver->has_gate && !arrived && has_offer(work))
			return CF_EV_OFFERED;
		guest_watch_wait(work->watch, events.revision, work->driver->has_gate ? SHORT_TURN : TURN, &events);
		if (!events.landed)	/* what is armed later is not acted on in time */
			carried_look(work);
		end = look_behind(work, phase, &events, &next);
		while (events.has_resume && !events.has_resume_known &&	/* libvirt says so a moment after QEMU */
		       guest_watch_wait(work->watch, events.revision, KNOWN_WAIT, &events))
			;
		paused = !events.landed && end != CF_EV_RESUMED && arrived && came_paused(work);
		if (paused)
			carried_let_be(work);
		if (events.landed || end == CF_EV_RESUMED || paused) {
			note_resume(work, &events);
			return CF_EV_RESUMED;
		}
		if (end == CF_EV_GONE) {
			act_say(why, "the incoming domain is gone");
			return end;
		}
		if (!arrived && has_arrived(work))
			return CF_EV_PREPARED;
		if (ended(work, &events, arrived, &end, why))
			return end;
	}
}

/* libvirt's incoming job ends with Finish; guest-set-time would wait for it with the clock already set. */
static enum cf_event await_finish(struct work *work)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), work->settings->guest.correct_within);
	struct domain_standing standing;
	struct cf_error err = { 0 };

	while (domain_look(work->context->virt, work->reservation.uuid, &standing, &err) == 0 && standing.job_active &&
	       cf_mono_cmp(kernel_raw(), deadline) < 0)
		nanosleep(work->driver->foreign ? &NOT_SO_SOON : &SOON, NULL);
	return CF_EV_LANDED;
}

enum cf_event act_await(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_error err = { 0 };
	struct cf_migration shown;

	work_shown(work, &shown);
	if (shown.phase == CF_PHASE_RUNNING) {
		work->hung = hang_wait(work);
		return await_finish(work);
	}

	cf_limits_both(&work->reservation.limits, work->reservation.source, &work->lease.limits,
		       work->reservation.destination, &work->limits);
	terms_override(&work->reservation, &work->lease, &work->limits);

	if (!work->watch &&
	    guest_watch_new(work->context->virt, work->reservation.uuid, CF_DESTINATION, &work->watch, &err) < 0) {
		act_say(why, "%s", err.text);
		return CF_EV_GONE;	/* nobody would look out for it: no lease */
	}
	return await_resume(work, shown.phase, why);
}
