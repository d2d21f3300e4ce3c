/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/switchover.h"

#include <string.h>

#include "proto/base.h"

static const char *const statuses[MIGRATION_N_STATUSES] = {
	[MIGRATION_NONE] = "none", [MIGRATION_SETUP] = "setup", [MIGRATION_ACTIVE] = "active",
	[MIGRATION_PRE_SWITCHOVER] = "pre-switchover", [MIGRATION_DEVICE] = "device",
	[MIGRATION_COMPLETED] = "completed", [MIGRATION_CANCELLING] = "cancelling",
	[MIGRATION_CANCELLED] = "cancelled", [MIGRATION_FAILED] = "failed", [MIGRATION_OTHER] = "other",
};

static const char *const gones[GUEST_N_GONES] = {
	[GUEST_HERE] = "here", [GUEST_MIGRATED] = "migrated", [GUEST_SHUT_DOWN] = "shut down",
	[GUEST_CRASHED] = "crashed", [GUEST_DESTROYED] = "destroyed", [GUEST_FAILED] = "failed",
};

const char *migration_status_name(enum migration_status status)
{
	return statuses[status];
}

const char *guest_gone_name(enum guest_gone gone)
{
	return gones[gone];
}

enum migration_status migration_status_from(const char *word)
{
	for (int status = MIGRATION_SETUP; status < MIGRATION_OTHER; status++)
		if (strcmp(statuses[status], word) == 0)
			return status;

	return MIGRATION_OTHER;
}

void guest_events_begin(struct guest_events *events, enum cf_side side)
{
	*events = (struct guest_events){ .side = side };
}

static void note_stop(struct guest_events *events, const struct guest_event *event)
{
	events->has_stop = event->placed;
	events->stop = event->placed ? event->at : (struct cf_instant){ 0 };
	events->stop_unplaced = !event->placed;
}

static void note_resume(struct guest_events *events, const struct guest_event *event)
{
	events->has_resume = event->placed;
	events->resume = event->placed ? event->at : (struct cf_instant){ 0 };
	events->resume_unplaced = !event->placed;
}

static void forget_resume(struct guest_events *events)
{
	events->has_resume = events->resume_unplaced = events->has_resume_known = false;
	events->resume = (struct cf_instant){ 0 };
	events->resume_known = (cf_mono){ 0 };
}

static void on_stop(struct guest_events *events, const struct guest_event *event)
{
	bool source = events->side == CF_SOURCE;
	bool first_there = events->landed && !events->has_stop && !events->stop_unplaced;

	if (source && !events->switchover) {
		note_stop(events, event);
		forget_resume(events);
	}
	if (!source && first_there)
		note_stop(events, event);

	events->stopped = true;
	events->paused = events->undone || events->landed || events->io_error || events->panicked ||
			 events->shutting_down;
}

static void on_resume(struct guest_events *events, const struct guest_event *event)
{
	if (events->side == CF_SOURCE && !events->undone)
		note_resume(events, event);
	if (events->side != CF_SOURCE && !events->landed)
		note_resume(events, event);

	events->undone = events->side == CF_SOURCE && (events->undone || events->switchover);
	events->landed = events->side != CF_SOURCE;
	events->arriving = false;
	events->stopped = events->paused = false;
	events->io_error = events->panicked = events->shutting_down = false;
}

/* The source entered its last part: is the standstill that of the migration? */
static void on_last_part(struct guest_events *events)
{
	if (events->undone || events->switchover || events->paused)
		return;

	/* No STOP seen, and none can have been missed: the guest had been paused before all this. */
	events->paused = !events->stopped && !events->gap;
	events->switchover = !events->paused;
	events->stopped = true;
}

static void on_status(struct guest_events *events, const struct guest_event *event)
{
	events->status = event->status;
	events->in_last_part |= event->status == MIGRATION_DEVICE;
	events->cancelled_late = events->in_last_part && (event->status == MIGRATION_CANCELLING || event->status == MIGRATION_CANCELLED);
	if (events->side == CF_SOURCE &&
	    (event->status == MIGRATION_PRE_SWITCHOVER || event->status == MIGRATION_DEVICE))
		on_last_part(events);
}

/*
 * libvirt says that it runs.  At the destination that counts as well as QEMU's
 * own word; on the source it may be late news of an earlier pause, and counts
 * after QEMU's word, or where that may have been missed.
 */
static void on_running(struct guest_events *events, const struct guest_event *event)
{
	if (events->side == CF_SOURCE && !events->undone && !(events->switchover && events->gap))
		return;
	if (!events->has_resume_known) {
		events->has_resume_known = true;
		events->resume_known = event->at.raw;
		events->stopped = events->paused = events->arriving = false;
	}
	if (events->side == CF_SOURCE)
		events->undone = true;
	else
		events->landed = true;
}

/* A source on its way out: what QEMU says of its end is not about the guest. */
static bool leaving(const struct guest_events *events)
{
	return events->switchover && !events->undone;
}

static void pause_if_stopped(struct guest_events *events)
{
	if (events->stopped && !leaving(events))
		events->paused = true;
}

static void on_arriving(struct guest_events *events)
{
	if (events->landed)
		return;
	events->arriving = events->stopped = true;
	events->gone = GUEST_HERE;
}

void guest_events_add(struct guest_events *events, const struct guest_event *event)
{
	events->revision++;
	switch (event->kind) {
	case GUEST_EV_STOP: on_stop(events, event); break;
	case GUEST_EV_RESUME: on_resume(events, event); break;
	case GUEST_EV_MIGRATION: on_status(events, event); break;
	case GUEST_EV_PASS:
		events->pass = event->pass;
		pause_if_stopped(events);
		break;
	case GUEST_EV_RUNNING: on_running(events, event); break;
	case GUEST_EV_ARRIVING: on_arriving(events); break;
	case GUEST_EV_PAUSED: pause_if_stopped(events); break;
	case GUEST_EV_IO_ERROR: events->io_error = !leaving(events); break;
	case GUEST_EV_PANICKED: events->panicked = !leaving(events); break;
	case GUEST_EV_SHUTDOWN: events->shutting_down = !leaving(events); break;
	case GUEST_EV_RESET: events->reset = true; break;
	case GUEST_EV_GONE:
		events->gone = event->gone;
		events->arriving = false;
		break;
	case GUEST_EV_JOB:
		events->has_job = true;
		events->job = event->job;
		break;
	case GUEST_EV_GAP: events->gap = true; break;
	}
}
