/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source's side of a migration that somebody else drives: copying, paused, and what
 * follows.  The other manager is not waited for, not asked and not told anything; where an
 * agent of ours is at the destination, that is, as for our own.
 */

#include <errno.h>
#include <stdio.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/notice.h"
#include "daemon/act/record.h"
#include "daemon/act/where.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"

#define TURN          ((cf_span){ 20 * CF_MS })
#define SLOW_TURN     ((cf_span){ 250 * CF_MS })
#define SOON          ((cf_span){ 10 * CF_S })
#define CALL_PATIENCE ((cf_span){ 2 * CF_S })

/* From now on it is watched from here alone. */
static void lose_peer(struct work *work, const char *why)
{
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: the agent of %s has no part in it: %s", work->id, work->reservation.destination, why);
	snprintf(work->alone, sizeof(work->alone), "%.80s: %.150s", work->reservation.destination, why);
	work->lease.host[0] = '\0';
}

/* The destination's agent hears of it as it would of one of ours: the same lease, the same record, the same lever. */
static void announce(struct work *work)
{
	const char *segments[] = { work->id };
	struct cf_error err = { 0 };
	int r;

	r = work_calls(work, &err);
	if (r == 0)
		r = call_do(work->peer.call, CF_ROUTE_RESERVE, segments, NULL, &work->reservation, &work->lease,
			    CALL_PATIENCE, NULL, &err);
	if (r == 0 && !work->lease.granted)
		r = cf_fail(&err, ENOENT, CF_NOT_FOUND, "it does not see it come in any more");
	if (r == 0)
		r = gate_watch(work, &err);
	if (r == 0)
		carried_begin(work);	/* first: its QEMU there may be let run at any moment */
	if (r == 0)
		notice_marker_before(work, CALL_PATIENCE);
	if (r == 0)
		r = record_send(work, CALL_PATIENCE, &err);
	if (r < 0)
		lose_peer(work, err.text);
}

/* Whoever pauses the guest in the copy wants its clocks to stand, and is not held up: no more than that is told there. */
static void tell_of_pause(struct work *work, const struct guest_events *events)
{
	struct cf_error err = { 0 };

	if (!work->carrier || events->paused == work->record->paused)
		return;
	work->record->paused = events->paused;
	if (!events->switchover)	/* the record of STOP goes at once, and says it, too */
		record_send(work, CALL_PATIENCE, &err);
}

static void take_readings(struct work *work, int64_t *readings)
{
	struct looker_news fresh;

	if (!work->looker)
		return;
	looker_read(work->looker, &fresh);
	if (fresh.readings != *readings)
		record_take_guest_offset(work, fresh.read, &fresh.guest_offset, fresh.guest_why);
	*readings = fresh.readings;
}

static enum cf_event watch(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct guest_events events = { 0 };
	int64_t readings = 0;
	struct drive_end end;

	for (;;) {
		guest_watch_wait(work->watch, events.revision, TURN, &events);
		drive_wait(work->drive, (cf_span){ 0 }, &end);
		take_readings(work, &readings);
		tell_of_pause(work, &events);
		if (events.switchover || end.state == DRIVE_SUCCEEDED)
			return CF_EV_STOPPED;
		if (end.state != DRIVE_RUNNING) {
			act_say(why, "%s", end.error.text);
			return CF_EV_KEPT;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped; the other manager goes on");
			return CF_EV_FAILED;
		}
	}
}

enum cf_event act_attend(struct work *work, char why[static CF_DETAIL_ROOM])
{
	enum cf_event event;

	if (work->again != CF_PHASE_COPYING && work_has_peer(work))
		announce(work);
	if (!work->watch || !work->drive) {
		act_say(why, "the agent was restarted, and cannot watch the copy");
		return CF_EV_FAILED;
	}

	event = watch(work, why);
	work->looker = looker_free(work->looker);
	if (work->lookout)
		gate_leave(work);
	return event;
}

/* STOP, and what the destination has to know of it before the guest's clock is made right there. */
static void note_stop(struct work *work)
{
	at_stop_note(work);
	if (!work_has_peer(work))
		return;
	at_stop_narrow(work);
	at_stop_send(work, AT_STOP_PATIENCE);
}

/* Has the destination's agent seen it run? */
static bool ran_there(struct work *work)
{
	struct cf_error err = { 0 };
	enum cf_there there = work_has_peer(work) ? where_there(work, &err) : CF_THERE_UNKNOWN;

	if (there == CF_THERE_RAN && work->receipt->landing.has_resume)
		at_stop_refine(work);
	return there == CF_THERE_RAN;
}

/*
 * libvirt's and QEMU's own words of this host say how it ends.  A domain that is gone from here
 * in another way may have run there all the same.
 */
enum cf_event act_attend_end(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono since = kernel_raw();
	struct drive_end end = { .state = DRIVE_FAILED };
	bool ran;

	note_stop(work);
	for (;;) {
		bool soon = cf_span_cmp(cf_mono_since(kernel_raw(), since), SOON) < 0;

		if (work->drive)
			drive_wait(work->drive, soon ? TURN : SLOW_TURN, &end);
		ran = ran_there(work);
		if (end.state == DRIVE_SUCCEEDED || (end.state == DRIVE_FAILED && ran)) {
			carried_missed(work);
			return CF_EV_LANDED;
		}
		if (end.state != DRIVE_RUNNING) {
			act_say(why, "%s", *end.error.text ? end.error.text : "the agent was restarted, and did not see how it ended");
			return CF_EV_KEPT;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before it knew where the guest runs");
			return CF_EV_FAILED;
		}
	}
}

/* Without an agent there nobody tells what became of the guest. */
static enum cf_event alone_or(struct work *work, act_fn *act, char why[static CF_DETAIL_ROOM])
{
	if (work_has_peer(work))
		return act(work, why);
	act_say(why, "%s", *work->alone ? work->alone : "no agent of the destination was found");
	return CF_EV_FAILED;
}

enum cf_event act_attend_landing(struct work *work, char why[static CF_DETAIL_ROOM])
{
	return alone_or(work, act_land, why);
}

enum cf_event act_attend_correction(struct work *work, char why[static CF_DETAIL_ROOM])
{
	return alone_or(work, act_follow_correction, why);
}

enum cf_event act_attend_verification(struct work *work, char why[static CF_DETAIL_ROOM])
{
	return alone_or(work, act_follow_verification, why);
}
