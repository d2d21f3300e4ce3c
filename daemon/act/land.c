/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * paused, and what follows once the guest runs there: the source learns from
 * the destination what happened.  Where the guest runs is asked of both hosts,
 * never taken from the driver's word: libvirt has reported failures of
 * migrations whose guest ran.
 */

#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/let-go.h"
#include "daemon/act/reason.h"
#include "daemon/act/stuck.h"
#include "daemon/act/where.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"

#define TURN            ((cf_span){ 20 * CF_MS })
#define ASK_EVERY       ((struct timespec){ .tv_nsec = 50 * CF_MS })
#define ASK_SELDOM      ((struct timespec){ .tv_sec = 1 })	/* what was not known by then takes its time */
#define ASK_PATIENCE    ((cf_span){ 2 * CF_S })
#define FOLLOW_EVERY    ((struct timespec){ .tv_nsec = 100 * CF_MS })
#define GONE_PATIENCE   ((cf_span){ 10 * CF_S })	/* for an incoming domain to go after a failure */
#define COMPLAIN_EVERY  ((cf_span){ 30 * CF_S })
#define FOLLOW_PATIENCE ((cf_span){ 60 * CF_S })	/* without a word from the destination */

static void nap(cf_span since_end)
{
	nanosleep(cf_span_cmp(since_end, GONE_PATIENCE) < 0 ? &ASK_EVERY : &ASK_SELDOM, NULL);
}

/* Where the guest runs has to be known; until then nothing else is done, and it is said. */
static void complain(struct work *work, cf_mono *next, const struct cf_error *err)
{
	if (!kernel_due(next, COMPLAIN_EVERY))
		return;
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: where the guest runs is not known%s%s", work->id, *err->text ? ": " : "",
			  err->text);
}

/*
 * Both hosts' words, once the driver is done.  libvirt takes an incoming domain away within
 * moments, but not when the destination's agent cannot see it; so what is no end there
 * becomes one in time.
 */
static enum cf_where conclude(struct work *work, enum cf_there there, cf_span since_end)
{
	bool patient = cf_span_cmp(since_end, GONE_PATIENCE) < 0;
	enum cf_where where;

	if (there == CF_THERE_UNKNOWN || (patient && (there == CF_THERE_WAITING || there == CF_THERE_STRANGE)))
		return CF_WHERE_UNKNOWN;

	where = cf_where(where_here(work, work->record->guest.uuid), there);
	if (where == CF_WHERE_BOTH && !where_runs_there(work))
		return CF_WHERE_DESTINATION;	/* it ran there, and has come back since */
	return where == CF_WHERE_SOON ? CF_WHERE_SOURCE : where;
}

/* Nobody may touch either: which of them has the right disk is for a person to find out. */
static void shout(struct work *work)
{
	log_error_about(LOG_ABOUT(.id = LOG_ID_TWO_COPIES, .migration = work->id, .domain = work->reservation.domain,
				  .peer = work->reservation.destination),
			"migration %s: %s runs on this host and on %s", work->id, work->reservation.domain,
			work->reservation.destination);
	work_unmeasured(work, CF_FIGURE_OTHER, "the guest ran on both hosts, which this driver cannot rule out");
}

/* The driver's state, after a moment; what is over waits for nobody. */
static struct drive_end look_at_drive(struct work *work)
{
	struct drive_end end = { .state = DRIVE_FAILED };

	if (work->drive)
		drive_wait(work->drive, TURN, &end);
	return end;
}

/* What led here explains more than that the driver gave up then. */
static bool has_reason(struct work *work)
{
	struct cf_migration shown;

	work_shown(work, &shown);
	return *shown.reason;
}

/* The end of asking, if it is one. */
static bool is_known(struct work *work, enum cf_where where, const struct drive_end *end, char why[static CF_DETAIL_ROOM])
{
	if (where == CF_WHERE_NOWHERE)
		act_say(why, "the domain runs on neither host");
	else if (where == CF_WHERE_SOURCE && !has_reason(work))
		reason_driver(work, end, "the migration came to nothing", why);
	return cf_where_event(where) != CF_N_EVENTS;
}

/* It ran there and is not here: the driver has nothing left to end.  Its call may never return after QEMU died. */
static bool is_past(const struct work *work, enum cf_there there)
{
	return there == CF_THERE_RAN && where_here(work, work->record->guest.uuid) == CF_HERE_ABSENT;
}

enum cf_event act_ask(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono last_running = kernel_raw(), next_complaint = cf_mono_add(last_running, COMPLAIN_EVERY);
	enum cf_where where = CF_WHERE_UNKNOWN;
	struct cf_error err = { 0 };
	struct stuck stuck = { 0 };
	struct drive_end end;
	enum cf_there there;

	at_stop_note(work);
	at_stop_narrow(work);
	at_stop_send(work, AT_STOP_PATIENCE);

	for (;;) {
		end = look_at_drive(work);
		if (end.state == DRIVE_SUCCEEDED)
			return CF_EV_LANDED;
		err = (struct cf_error){ 0 };
		there = where_there(work, &err);
		stuck_look(&stuck, work, end.state, there);
		if (end.state == DRIVE_RUNNING && !is_past(work, there))
			last_running = kernel_raw();
		if (there == CF_THERE_RAN && work->receipt->landing.has_resume)
			at_stop_refine(work);
		if (end.state != DRIVE_RUNNING || cf_span_cmp(cf_mono_since(kernel_raw(), last_running), GONE_PATIENCE) > 0)
			where = conclude(work, there, cf_mono_since(kernel_raw(), last_running));
		if (is_known(work, where, &end, why)) {
			if (where == CF_WHERE_BOTH)
				shout(work);
			work->torn = work->by_post_copy;
			return cf_where_event(where);
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before it knew where the guest runs");
			return CF_EV_FAILED;
		}
		complain(work, &next_complaint, &err);
		if (end.state != DRIVE_RUNNING)
			nap(cf_mono_since(kernel_raw(), last_running));
	}
}

/* Until the destination's phase is beyond `phase`. */
static enum cf_event follow(struct work *work, enum cf_phase phase, enum cf_event then, char why[static CF_DETAIL_ROOM])
{
	cf_mono heard = kernel_raw();

	for (;;) {
		struct cf_error err = { 0 };
		enum cf_there there = where_there(work, &err);

		if (there == CF_THERE_STRANGE || there == CF_THERE_FOUND) {
			act_say(why, "the destination's agent knows nothing of it any more");
			return CF_EV_FAILED;
		}
		if (there != CF_THERE_UNKNOWN) {
			heard = kernel_raw();
			if (work->receipt->landing.phase > phase)
				return then;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before the destination had come to its end");
			return CF_EV_FAILED;
		}
		if (cf_span_cmp(cf_mono_since(kernel_raw(), heard), FOLLOW_PATIENCE) > 0) {
			act_say(why, "the destination's agent fell silent: %s", err.text);
			return CF_EV_FAILED;
		}
		nanosleep(&FOLLOW_EVERY, NULL);
	}
}

/* The destination hears of RESUME when QEMU says so; libvirt is done with it a little later. */
enum cf_event act_land(struct work *work, char why[static CF_DETAIL_ROOM])
{
	if (work->driver->has_gate)
		let_go_of_source(work);
	at_stop_refine(work);
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
