/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * copying: the driver copies; we watch the gate, the guest's clock and QEMU's
 * events, until the switchover begins or the copy has ended without one.
 */

#include <stdio.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/looker.h"
#include "daemon/act/persist.h"
#include "daemon/act/ramp.h"
#include "daemon/act/reason.h"
#include "daemon/act/record.h"
#include "daemon/act/standstill.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"

#define TURN           ((cf_span){ 20 * CF_MS })
#define PROGRESS_EVERY ((cf_span){ 250 * CF_MS })
#define GATE_EVERY     ((cf_span){ CF_S })
#define JOB_PATIENCE   ((cf_span){ CF_S })
#define ABORT_PATIENCE ((cf_span){ 2 * CF_S })
#define EVENT_PATIENCE ((cf_span){ CF_S })
#define ABORT_EVERY    ((cf_span){ 250 * CF_MS })

/* What is done from time to time during the copy, and when each is due. */
struct beats {
	cf_mono gate;
	cf_mono abort;
	bool abort_asked;
	cf_mono post_copy;
	bool flows;		/* memory does, its first pass */
	bool nears_end;
	int64_t looks, readings;	/* of the looker, that were taken */
	struct flow flow;
};

/*
 * Left to itself libvirt takes the certificate of the memory's connection for that of the
 * host it calls, and that of the disks' for nobody's: there it has to be told.
 */
static void name_tls(struct cf_options *options, const char *destination)
{
	if (options->tls && !*options->tls_name && options->storage > CF_STORAGE_SHARED)
		snprintf(options->tls_name, sizeof(options->tls_name), "%s", destination);
}

static int start(struct work *work, struct cf_error *err)
{
	const struct settings *settings = work->settings;
	struct drive_options options = {
		.options = work->receipt->options,
		.xml = work->xml,
		.persistent_xml = work->persistent_xml,
		.has_max_downtime = true,
		.prepare = gated_bring,
		.userdata = work,
	};
	struct cf_migration shown;
	const char *address;
	int port, r;

	ramp_begin(work);
	options.max_downtime = ramp_target(work);
	work_shown(work, &shown);
	settings_where(settings, shown.destination, &address, &port);
	name_tls(&options.options, shown.destination);
	snprintf(options.uuid, sizeof(options.uuid), "%s", shown.uuid);
	snprintf(options.destination, sizeof(options.destination), "%s", address);
	snprintf(options.destination_uri, sizeof(options.destination_uri), "%s", settings->libvirt.destination_uri);
	snprintf(options.migrate_uri, sizeof(options.migrate_uri), "%s", settings->libvirt.migrate_uri);

	r = guest_watch_new(work->context->virt, shown.uuid, CF_SOURCE, &work->watch, err);
	if (r < 0)
		return r;
	r = gate_watch(work, err);
	if (r == 0 && work->driver->has_gate)	/* first: it says that what the domain loses is to be given back */
		r = gated_decide(work, CF_DECISION_NONE, err);
	if (r == 0)
		r = persist_hold(work, err);
	if (r < 0)
		return r;
	r = work->driver->start(work->context->virt, &options, &work->drive, err);
	if (r == 0 && work->driver->can_cut)
		ward_begin(work, work->uri);
	if (r == 0)
		carried_begin(work);
	return r;
}

static void show_progress(struct work *work, struct cf_progress now, struct flow *flow)
{
	struct cf_migration *shown;
	cf_span above;

	ward_copied(work, &now);
	flow->looks++;
	flow->sent = now.bytes_sent;
	work->has_expected_downtime = now.has_predicted_blackout;
	work->expected_downtime = now.predicted_blackout;
	shown = work_show_begin(work);
	if (now.has_predicted_blackout && fleet_overhead(work->context->fleet, shown->destination, &above))
		now.predicted_blackout = cf_span_add(cf_span_min(now.predicted_blackout, ramp_target(work)), above);
	shown->has_progress = true;
	shown->progress = now;
	work_show_end(work);
}

/*
 * Is it to be given up?  Auto-converge, where the options have it, is QEMU's from the beginning; here it
 * gets the time it needs (policy/watch.h).  Once post-copy was asked for there is no way back.
 */
static void judge_copy(struct work *work, const struct cf_progress *now, struct beats *beats, char why[static CF_DETAIL_ROOM])
{
	const struct cf_copy_rules rules = {
		.no_progress = work->settings->copy.no_progress,
		.converge = work->settings->copy.converge,
	};
	const struct cf_copy_look look = {
		.sent = now->bytes_sent,
		.left = now->bytes_left,
		.pass = now->iteration,
		.throttle_percent = now->throttle_percent,
		.held_back = work->held_back,
	};
	cf_mono at = kernel_raw();
	enum cf_copying copying;
	char said[CF_DETAIL_ROOM];

	if (*why || work->by_post_copy)
		return;
	copying = cf_copy_look(&work->copied, &rules, &look, at, said);
	beats->nears_end = cf_copy_nears_end(&work->copied, &look, at);
	if (cf_copying_ends(copying))
		act_say(why, "the copy was given up: %s", said);
}

/* A first pass may be over in a moment, and is to be seen to near its end. */
static void look_at_flow(struct work *work, const struct guest_events *events, struct beats *beats)
{
	if (beats->flows || events->pass < 1 || !work->looker)
		return;
	beats->flows = true;
	looker_hurry(work->looker);
}

/* What the looker has learnt since. */
static void take_news(struct work *work, struct beats *beats, char why[static CF_DETAIL_ROOM])
{
	struct looker_news fresh;

	if (!work->looker)
		return;
	looker_read(work->looker, &fresh);
	if (fresh.looks != beats->looks) {
		show_progress(work, fresh.progress, &beats->flow);
		judge_copy(work, &fresh.progress, beats, why);
	}
	if (fresh.readings != beats->readings)
		record_take_guest_offset(work, fresh.read, &fresh.guest_offset, fresh.guest_why);
	beats->looks = fresh.looks;
	beats->readings = fresh.readings;
}

/* Without one nobody sees how far the copy is, and it goes on all the same. */
static void begin_to_look(struct work *work)
{
	const struct looker_options options = {
		.uuid = work->reservation.uuid,
		.watch = work->watch,
		.progress_every = PROGRESS_EVERY,
		.ask_guest = work->record->guest.agent_configured,
		.rounds = work->settings->guest.rounds,
		.guest_asked = true,	/* by capture, whether it answered or not: a first pass may be short, and the question long */
		.guest_every = work->settings->guest.interval,
		.aims_at = work->again ? (cf_span){ 0 } : ramp_target(work),
	};
	struct cf_error err = { 0 };

	if (!work->looker && looker_new(&work->looker, work->context, &options, &err) < 0)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: how far it is cannot be seen: %s", work->id, err.text);
}

/*
 * It is cut, where it can be: libvirtd may hang, and QEMU is not to be told to cancel where it would end by itself.
 * What does not is ended by the driver, asked until it was heard: before its job has begun, libvirt knows of nothing
 * to abort.
 */
static void ask_abort(struct work *work, struct beats *beats)
{
	ward_cut(work);
	if (!ward_ends(work, (cf_mono){ 0 }) && !beats->abort_asked && kernel_due(&beats->abort, ABORT_EVERY))
		beats->abort_asked = drive_abort(work->drive, cf_mono_add(kernel_raw(), ABORT_PATIENCE), NULL) == 0;
}

/* Post-copy begins when all of the memory has been sent once, and while the gate lets the guest go at all. */
static void start_post_copy(struct work *work, const struct guest_events *events, struct beats *beats)
{
	struct cf_error err = { 0 };

	if (!work->receipt->options.post_copy || work->by_post_copy || events->pass < 2 || work->held_back ||
	    !kernel_due(&beats->post_copy, ABORT_EVERY) || !work_link(work, &err))
		return;
	work->by_post_copy = job_start_post_copy(work->link, work->record->guest.uuid,
						 cf_mono_add(kernel_raw(), JOB_PATIENCE), &err) == 0;
}

/* What is due now.  why is filled when the copy has to end; the reason given first is the one that is kept. */
static void beat(struct work *work, struct beats *beats, char why[static CF_DETAIL_ROOM])
{
	if (kernel_due(&beats->gate, GATE_EVERY) && !*why)
		gate_judge(work, why);
	if (!*why)
		work_aborted(work, why);
	if (*why)
		ask_abort(work, beats);
}

/* What the guest itself did may end the migration.  Somebody's pause stays a pause. */
static void look_at_guest(const struct guest_events *events, bool paused, char why[static CF_DETAIL_ROOM])
{
	if (events->gone != GUEST_HERE && events->gone != GUEST_MIGRATED)
		act_say(why, "the domain ended during the copy: %s", guest_gone_name(events->gone));
	else if (paused && events->shutting_down)	/* QEMU stops it before it ends */
		act_say(why, "the domain ended during the copy: %s", guest_gone_name(GUEST_SHUT_DOWN));
	else if (paused)
		act_say(why, "the domain was paused during the copy%s",
			 events->io_error ? " by a failing disk" : events->panicked ? " because it panicked" : "");
}

/*
 * The copy failed and no switchover was seen.  Is the domain plainly here?  The
 * driver's word is not enough, and what it says can be faster than QEMU's events.
 */
static bool is_here(struct work *work, struct guest_events *events)
{
	struct domain_standing standing;

	if (events->gap || work->again)	/* a STOP may have been missed */
		return false;
	if (events->gone != GUEST_HERE && events->gone != GUEST_MIGRATED)
		return true;	/* it ended before it could leave */
	if (domain_look(work->context->virt, work->record->guest.uuid, &standing, NULL) < 0)
		return false;

	guest_watch_read(work->watch, events);	/* to look may have taken as long as a libvirtd hangs */
	return !events->gap && !events->switchover && standing.known && standing.active && !standing.migrating &&
	       !standing.stranded;
}

/*
 * The copy may converge at any time: the first pass is over or nearly so, or the guest stands still already.
 * With a gate both ledgers have to say so before a commit can be thought of: a disk that is slow with that is
 * to be so while the guest still runs.
 */
static bool is_to_be_armed(const struct work *work, enum cf_phase phase, const struct guest_events *events,
			   const struct drive_end *end, bool nears_end)
{
	return work->driver->has_gate && phase == CF_PHASE_COPYING &&
	       (nears_end || events->pass >= 2 || events->switchover || end->state == DRIVE_LOADED);
}

/* It failed, or was ended, and the guest may stand still: nobody has sent a commit. */
static enum cf_event failed(struct work *work, const struct guest_events *events)
{
	struct guest_events last = *events;

	if (is_here(work, &last))
		return CF_EV_KEPT;
	return work->driver->has_gate ? CF_EV_NEVER_RAN : CF_EV_FAILED;
}

/*
 * Why it came to nothing.  Libvirt tells how a domain ended, which it may do later
 * than its migration fails, or than its QEMU is seen to be gone.
 */
static void say_end(struct work *work, struct guest_events *events, const struct drive_end *end,
		    char why[static CF_DETAIL_ROOM])
{
	cf_mono since = kernel_raw();

	while (ward_saw_end(work) && events->gone == GUEST_HERE &&
	       cf_span_cmp(cf_mono_since(kernel_raw(), since), EVENT_PATIENCE) < 0)
		guest_watch_wait(work->watch, events->revision, TURN, events);
	look_at_guest(events, false, why);
	if (!*why && !ward_has_cut(work, why))
		reason_driver(work, end, "", why);
}

/*
 * The guest stands still, or the copy has ended well.  What was to end has been asked to, and with a gate its
 * guest is taken back: before it was armed nobody is at the gate, and no commit can be sent.
 */
static enum cf_event stopped(struct work *work, enum cf_phase phase, bool paused, bool is_to_end)
{
	if (!is_to_end || !work->driver->has_gate || phase != CF_PHASE_COPYING)
		return CF_EV_STOPPED;
	at_stop_note(work);
	work->record->paused |= paused;
	return CF_EV_NEVER_RAN;
}

static enum cf_event watch(struct work *work, enum cf_phase phase, char why[static CF_DETAIL_ROOM])
{
	cf_mono now = kernel_raw();
	struct beats beats = { .gate = now, .abort = now, .post_copy = now };
	struct guest_events events = { 0 };
	struct standstill still = { 0 };
	struct drive_end end;

	for (;;) {
		guest_watch_wait(work->watch, events.revision, TURN, &events);
		drive_wait(work->drive, (cf_span){ 0 }, &end);
		ward_look(work);
		look_at_flow(work, &events, &beats);
		take_news(work, &beats, why);
		if (!*why && is_to_be_armed(work, phase, &events, &end, beats.nears_end))
			return CF_EV_ARMED;
		if (events.switchover || end.state == DRIVE_SUCCEEDED || end.state == DRIVE_LOADED)
			return stopped(work, phase, still.paused && !events.switchover, *why);
		if (end.state != DRIVE_RUNNING) {
			if (still.paused)
				standstill_undone(work);
			if (!*why)
				say_end(work, &events, &end, why);
			return failed(work, &events);
		}
		if (work_stopping(work)) {
			act_say(why, work->driver->outlives_agent ? "the agent was stopped; libvirt goes on by itself"
								  : "the agent was stopped");
			return work->driver->has_gate ? CF_EV_NEVER_RAN : CF_EV_FAILED;
		}
		if (!*why && !standstill_look(&still, &events, &beats.flow))
			continue;
		if (!*why)
			ramp_look(work, events.pass);
		if (!*why)
			look_at_guest(&events, still.paused, why);
		beat(work, &beats, why);
		if (!*why)
			start_post_copy(work, &events, &beats);
	}
}

/* One that is under way already, as far as anybody knows: taken up again, or armed meanwhile. */
static bool is_under_way(const struct work *work, enum cf_phase phase)
{
	return work->again == CF_PHASE_COPYING || phase == CF_PHASE_ARMED;
}

enum cf_event act_copy(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_error err = { 0 };
	struct cf_migration shown;
	enum cf_event event;
	bool again;

	work_shown(work, &shown);
	again = is_under_way(work, shown.phase);
	if (!again && work_aborted(work, why))
		return CF_EV_ABORT;
	if (!again && start(work, &err) < 0) {	/* what is not started has not begun */
		act_say(why, "%s", err.text);
		return CF_EV_KEPT;
	}
	if (!work->watch || !work->lookout || !work->drive) {
		act_say(why, "the agent was restarted, and cannot watch the copy");
		return work->driver->has_gate ? CF_EV_NEVER_RAN : CF_EV_FAILED;
	}

	if (ramp_target(work).ns == 0)	/* taken up */
		ramp_begin(work);
	begin_to_look(work);
	event = watch(work, shown.phase, why);
	if (event != CF_EV_ARMED)
		work->looker = looker_free(work->looker);
	if (!work->driver->has_gate || event == CF_EV_KEPT)
		gate_leave(work);	/* else it is looked at until the decision */
	return event;
}
