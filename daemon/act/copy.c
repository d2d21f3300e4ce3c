/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * copying: the driver copies; we watch the gate, the guest's clock and QEMU's
 * events, until the switchover begins or the copy has ended without one.
 */

#include <stdio.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/gate.h"
#include "daemon/act/gather.h"
#include "daemon/act/persist.h"
#include "daemon/act/record.h"
#include "daemon/act/standstill.h"
#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"

#define TURN           ((cf_span){ 20 * CF_MS })
#define PROGRESS_EVERY ((cf_span){ 250 * CF_MS })
#define GATE_EVERY     ((cf_span){ CF_S })
#define GUEST_FIRST    ((cf_span){ CF_S })	/* and then ever more seldom: what tells its rate is distance */
#define GUEST_PATIENCE ((cf_span){ CF_S })	/* nothing else is looked at meanwhile, not even STOP */
#define JOB_PATIENCE   ((cf_span){ CF_S })
#define ABORT_PATIENCE ((cf_span){ 2 * CF_S })
#define ABORT_EVERY    ((cf_span){ 250 * CF_MS })

/* What is done from time to time during the copy, and when each is due. */
struct beats {
	cf_mono progress;
	cf_mono gate;
	cf_mono guest;
	cf_span guest_every;
	cf_mono abort;
	bool abort_asked;
	cf_mono post_copy;
	bool post_copy_asked;
	struct flow flow;
};

static bool due(cf_mono *at, cf_span every)
{
	cf_mono now = kernel_raw();

	if (cf_mono_cmp(now, *at) < 0)
		return false;
	*at = cf_mono_add(now, every);
	return true;
}

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
		.max_downtime = gather_max_downtime(work->limits.limits.max_blackout),
	};
	struct cf_migration shown;
	const char *address;
	int port, r;

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
	if (r == 0)
		r = persist_hold(work, err);
	if (r < 0)
		return r;
	return work->driver->start(work->context->virt, &options, &work->drive, err);
}

static void progress(struct work *work, struct flow *flow)
{
	struct cf_progress now = { 0 };
	struct cf_error err = { 0 };
	struct cf_migration *shown;
	cf_span above;

	if (!work->link || job_progress(work->link, work->record->guest.uuid, cf_mono_add(kernel_raw(), JOB_PATIENCE),
					&now, &err) < 0)
		return;

	flow->looks++;
	flow->sent = now.bytes_sent;
	work->has_expected_downtime = now.has_predicted_blackout;
	work->expected_downtime = now.predicted_blackout;
	shown = work_show_begin(work);
	if (now.has_predicted_blackout && fleet_overhead(work->context->fleet, shown->destination, &above))
		now.predicted_blackout = cf_span_add(now.predicted_blackout, above);
	shown->has_progress = true;
	shown->progress = now;
	work_show_end(work);
}

/* Ask the driver to stop until it was heard: before its job has begun, libvirt knows of nothing to abort. */
static void ask_abort(struct work *work, struct beats *beats)
{
	if (!beats->abort_asked && due(&beats->abort, ABORT_EVERY))
		beats->abort_asked = drive_abort(work->drive, cf_mono_add(kernel_raw(), ABORT_PATIENCE), NULL) == 0;
}

/* Post-copy begins when all of the memory has been sent once, and while the gate lets the guest go at all. */
static void start_post_copy(struct work *work, const struct guest_events *events, struct beats *beats)
{
	struct cf_error err = { 0 };

	if (!work->receipt->options.post_copy || beats->post_copy_asked || events->pass < 2 || work->held_back ||
	    !due(&beats->post_copy, ABORT_EVERY) || !work_link(work, &err))
		return;
	beats->post_copy_asked = job_start_post_copy(work->link, work->record->guest.uuid,
						     cf_mono_add(kernel_raw(), JOB_PATIENCE), &err) == 0;
}

/* What is due now.  why is filled when the copy has to end; the reason given first is the one that is kept. */
static void beat(struct work *work, struct beats *beats, char why[static CF_DETAIL_ROOM])
{
	if (due(&beats->progress, PROGRESS_EVERY))
		progress(work, &beats->flow);
	if (due(&beats->guest, beats->guest_every)) {
		beats->guest_every = cf_span_min(cf_span_add(beats->guest_every, beats->guest_every),
						 work->settings->guest.interval);
		record_guest_offset(work, GUEST_PATIENCE);
	}
	if (due(&beats->gate, GATE_EVERY) && !*why)
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

	guest_watch_read(work->watch, events);
	return !events->switchover && standing.known && standing.active && !standing.migrating;
}

static enum cf_event watch(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono now = kernel_raw();
	struct beats beats = { .progress = now, .gate = now, .abort = now, .post_copy = now,
			       .guest = cf_mono_add(now, GUEST_FIRST), .guest_every = GUEST_FIRST };
	struct guest_events events = { 0 };
	struct standstill still = { 0 };
	struct drive_end end;

	for (;;) {
		guest_watch_wait(work->watch, events.revision, TURN, &events);
		drive_wait(work->drive, (cf_span){ 0 }, &end);
		if (events.switchover || end.state == DRIVE_SUCCEEDED)
			return CF_EV_STOPPED;
		if (end.state != DRIVE_RUNNING) {
			if (still.paused)
				standstill_again(work);
			if (!*why)
				act_say(why, "%s", end.error.text);
			return is_here(work, &events) ? CF_EV_KEPT : CF_EV_FAILED;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped; libvirt goes on by itself");
			return CF_EV_FAILED;
		}
		if (!*why && !standstill_look(&still, &events, &beats.flow))
			continue;
		if (!*why)
			look_at_guest(&events, still.paused, why);
		beat(work, &beats, why);
		if (!*why)
			start_post_copy(work, &events, &beats);
	}
}

enum cf_event act_copy(struct work *work, char why[static CF_DETAIL_ROOM])
{
	bool again = work->again == CF_PHASE_COPYING;	/* it is under way, as far as anybody knows */
	struct cf_error err = { 0 };
	enum cf_event event;

	if (!again && work_aborted(work, why))
		return CF_EV_ABORT;
	if (!again && start(work, &err) < 0) {	/* what is not started has not begun */
		act_say(why, "%s", err.text);
		return CF_EV_KEPT;
	}
	if (!work->watch || !work->lookout || !work->drive) {
		act_say(why, "the agent was restarted, and cannot watch the copy");
		return CF_EV_FAILED;
	}

	event = watch(work, why);
	gate_leave(work);
	return event;
}
