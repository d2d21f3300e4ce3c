/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * paused, and what follows once the guest runs there: the source learns from
 * the destination what happened.  Where the guest runs is asked of both hosts,
 * never taken from the driver's word: libvirt has reported failures of
 * migrations whose guest ran.
 */

#include <stdio.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/record.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/probe.h"
#include "daemon/virt/domain.h"

#define TURN            ((cf_span){ 20 * CF_MS })
#define ASK_EVERY       ((struct timespec){ .tv_nsec = 50 * CF_MS })
#define ASK_PATIENCE    ((cf_span){ 2 * CF_S })
#define ROUNDS          8
#define SOME_ROUNDS     4	/* while the last of the memory may still be on its way */
#define ROUND_PATIENCE  ((cf_span){ 100 * CF_MS })
#define FOLLOW_EVERY    ((struct timespec){ .tv_nsec = 100 * CF_MS })
#define GONE_PATIENCE   ((cf_span){ 10 * CF_S })	/* for an incoming domain to go after a failure */
#define COMPLAIN_EVERY  ((cf_span){ 30 * CF_S })
#define FOLLOW_PATIENCE ((cf_span){ 60 * CF_S })	/* without a word from the destination */

/* Ask the destination what it has seen; false when it does not answer. */
static bool ask(struct work *work, struct cf_error *err)
{
	const char *segments[] = { work->id };
	struct cf_landing landing;

	if (call_do(work->peer.call, CF_ROUTE_LANDING, segments, NULL, NULL, &landing, ASK_PATIENCE, NULL, err) < 0)
		return false;

	work->receipt->has_landing = true;
	work->receipt->landing = landing;
	return true;
}

/* STOP as QEMU stamped it, or why it is not known. */
static void note_stop(struct work *work)
{
	struct guest_events events;

	guest_watch_read(work->watch, &events);
	work->receipt->stop_slack = work->settings->stop_slack;
	if (events.has_stop && events.switchover) {
		work->receipt->has_stop = work->record->has_stop = true;
		work->receipt->stop = work->record->stop = events.stop;
		work->peer.has_at_stop = work->peer.offset.rounds > 0;
		work->peer.at_stop = cf_offset_raw(&work->peer.offset, events.stop.raw);
	} else if (events.paused) {
		work->record->paused = true;
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "somebody had paused the guest");
	} else if (events.stop_unplaced) {
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "STOP's time stamp fits none of the source's clocks");
	} else {
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "STOP was not seen%s",
				events.gap ? " (libvirt's connection was lost)" : "");
	}
}

/*
 * The rounds before STOP and those right after it bound the offset at STOP from both
 * sides.  Later ones say less: two oscillators drift.
 */
static void narrow(struct work *work, int rounds, cf_span patience)
{
	struct work_peer *peer = &work->peer;
	struct cf_interval after;
	struct cf_error err = { 0 };

	if (!work->receipt->has_stop ||
	    probe_rounds(peer->probes, rounds, &peer->offset, peer->boot, patience, &err) < 0)
		return;
	after = cf_offset_raw(&peer->offset, work->receipt->stop.raw);
	if (!peer->has_at_stop || !cf_interval_meet(peer->at_stop, after, &peer->at_stop))
		peer->at_stop = after;	/* the offset began anew: a host was suspended meanwhile */
	peer->has_at_stop = true;
}

/*
 * The copy's own traffic is over, and rounds are quick again.  The destination learns
 * of it while its guest's agent is still waking up.
 */
static void refine(struct work *work)
{
	struct cf_error err = { 0 };

	if (work->peer.refined || !work->receipt->has_stop)
		return;
	work->peer.refined = true;
	narrow(work, ROUNDS, ASK_PATIENCE);
	record_send(work, &err);	/* should that fail, it has one that will do */
}

/* It runs there or did, even if QEMU's stamp of that could not be used. */
static bool has_landed(const struct cf_landing *there)
{
	return there->has_resume || (there->phase >= CF_PHASE_RUNNING && there->phase <= CF_PHASE_DONE);
}

/*
 * After the driver has given up, by the destination's answer and what is here: is the
 * guest's story at the destination over without a RESUME?  It is when the incoming
 * domain is gone; one that is still there may run any moment.  libvirt takes it away
 * within moments, but not when the destination's agent cannot see it.
 */
static bool was_kept(struct work *work, cf_span since_end)
{
	bool over = work->receipt->landing.phase == CF_PHASE_DROPPED;
	struct domain_standing standing;

	if (!over && cf_span_cmp(since_end, GONE_PATIENCE) < 0)
		return false;
	if (domain_look(work->context->virt, work->record->guest.uuid, &standing, NULL) < 0)
		return false;
	if (standing.known && standing.active)
		return !standing.migrating;

	return over;	/* it ended while it stood still: there is nothing to wait for */
}

/* Where the guest runs has to be known; until then nothing else is done, and it is said. */
static void complain(struct work *work, cf_mono *next, const struct cf_error *err)
{
	if (cf_mono_cmp(kernel_raw(), *next) < 0)
		return;
	*next = cf_mono_add(kernel_raw(), COMPLAIN_EVERY);
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: where the guest runs is not known%s%s", work->id, *err->text ? ": " : "",
			  err->text);
}

enum cf_event act_ask(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono last_running = kernel_raw(), next_complaint = cf_mono_add(last_running, COMPLAIN_EVERY);
	const struct cf_landing *there = &work->receipt->landing;
	struct cf_error err = { 0 };
	struct drive_end end;
	bool heard, final;

	note_stop(work);
	narrow(work, SOME_ROUNDS, ROUND_PATIENCE);
	if (record_send(work, &err) < 0)
		work_unmeasured(work, CF_FIGURE_OTHER, "the completed clock record did not reach the destination: %s",
				err.text);

	for (;;) {
		drive_wait(work->drive, TURN, &end);
		if (end.state == DRIVE_SUCCEEDED)
			return CF_EV_LANDED;
		if (end.state == DRIVE_RUNNING)
			last_running = kernel_raw();
		else
			nanosleep(&ASK_EVERY, NULL);	/* a wait for a drive that has ended is over at once */

		err = (struct cf_error){ 0 };
		heard = ask(work, &err);
		if (heard && there->has_resume)
			refine(work);
		final = heard && end.state != DRIVE_RUNNING;
		if (final && has_landed(there))
			return CF_EV_LANDED;
		if (final && was_kept(work, cf_mono_since(kernel_raw(), last_running))) {
			act_say(why, "%s", end.error.text);
			return CF_EV_KEPT;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before it knew where the guest runs");
			return CF_EV_FAILED;
		}
		complain(work, &next_complaint, &err);
	}
}

/* Until the destination's phase is beyond `phase`. */
static enum cf_event follow(struct work *work, enum cf_phase phase, enum cf_event then, char why[static CF_DETAIL_ROOM])
{
	cf_mono heard = kernel_raw();
	struct cf_error err = { 0 };

	for (;;) {
		if (ask(work, &err)) {
			heard = kernel_raw();
			if (work->receipt->landing.phase > phase)
				return then;
		}
		if (cf_span_cmp(cf_mono_since(kernel_raw(), heard), FOLLOW_PATIENCE) > 0 || work_stopping(work)) {
			act_say(why, "the destination's agent fell silent: %s", err.text);
			return CF_EV_FAILED;
		}
		nanosleep(&FOLLOW_EVERY, NULL);
	}
}

/* The destination hears of RESUME when QEMU says so; libvirt is done with it a little later. */
enum cf_event act_land(struct work *work, char why[static CF_DETAIL_ROOM])
{
	refine(work);
	return follow(work, CF_PHASE_RUNNING, CF_EV_RESUMED, why);
}

enum cf_event act_follow_correction(struct work *work, char why[static CF_DETAIL_ROOM])
{
	return follow(work, CF_PHASE_CORRECTING, CF_EV_CORRECTED, why);
}

enum cf_event act_follow_verification(struct work *work, char why[static CF_DETAIL_ROOM])
{
	return follow(work, CF_PHASE_VERIFYING, CF_EV_VERIFIED, why);
}
