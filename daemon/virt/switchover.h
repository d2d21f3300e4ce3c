/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The events of one guest over one migration, and what they mean.
 *
 * Pure.  The switchover is STOP followed by MIGRATION `pre-switchover` or
 * `device`.  STOP alone is a guest that somebody or something paused: libvirt
 * calls that "migrated" too while a migration runs, and QEMU sends no second
 * STOP when the copy of a paused guest converges.  But QEMU's migration thread
 * counts dirty pages (MIGRATION_PASS) before it stops the guest and not between
 * STOP and `pre-switchover` (migration_iteration_run(), migration_completion()
 * in QEMU 7.2 to 10.2): a pass after STOP proves that the STOP was not its own.
 */

#include <stdbool.h>

#include "proto/migration.h"
#include "proto/time.h"

/* QEMU's MIGRATION{status}, as far as it makes a difference to us. */
enum migration_status {
	MIGRATION_NONE, MIGRATION_SETUP, MIGRATION_ACTIVE, MIGRATION_PRE_SWITCHOVER, MIGRATION_DEVICE,
	MIGRATION_COMPLETED, MIGRATION_CANCELLING, MIGRATION_CANCELLED, MIGRATION_FAILED, MIGRATION_OTHER,
	MIGRATION_N_STATUSES,
};

/* How the domain ended, if it did. */
enum guest_gone {
	GUEST_HERE,
	GUEST_MIGRATED,		/* stopped here because it runs elsewhere (source) */
	GUEST_SHUT_DOWN,	/* by itself */
	GUEST_CRASHED,
	GUEST_DESTROYED,	/* by somebody, or the incoming migration was given up (destination) */
	GUEST_FAILED,		/* QEMU went away */
	GUEST_N_GONES,
};

/* What libvirt says of a job at its end; each its own clock's business (see policy/blackout.h). */
struct job_result {
	bool has_bytes;
	int64_t bytes;
	bool has_downtime;
	cf_span downtime;	/* libvirt's "total downtime": whole ms, two hosts' wall clocks mixed */
	bool has_downtime_net;
	cf_span downtime_net;
};

struct guest_events {
	enum cf_side side;
	int64_t revision;		/* grows with every event */
	bool gap;			/* the connection was lost meanwhile: events may be missing */

	/*
	 * Source: the STOP of the switchover once there was one, else the last STOP.
	 * Destination: the first STOP after the landing.
	 * Once a switchover was undone or the guest has landed, later pauses
	 * change neither stop nor resume.
	 */
	bool has_stop;
	struct cf_instant stop;
	bool stop_unplaced;		/* a STOP whose stamp fits none of our clocks: there is no `stop` */

	/* Source: the RESUME after `stop`.  Destination: the first, which is the landing. */
	bool has_resume;
	struct cf_instant resume;
	bool resume_unplaced;
	bool has_resume_known;		/* libvirt has said that the guest runs */
	cf_mono resume_known;		/* when that was heard: the guest was due to run by then */

	/*
	 * stopped without switchover and without paused: not known yet which it is.
	 * The switchover shows as soon as QEMU has flushed its disks.
	 */
	bool stopped;			/* it stands still now */
	bool switchover;		/* `stop` is the migration's own */
	bool paused;			/* it stands still, and not because of the migration */
	bool undone;			/* source: it ran again after the switchover */
	bool arriving;			/* destination: there is an incoming domain that does not run yet */
	bool landed;			/* destination: it runs, or has run, here */

	enum migration_status status;	/* last seen */
	bool in_last_part;		/* source: `device` was seen */
	/*
	 * Source: in its last part it was told to cancel.  QEMU (seen: 7.2; until 9.2 by its source) may give its
	 * disks away after that, which wants no taking back then: migration_completion() lets go of QEMU's own lock
	 * where it synchronises the vCPUs, between `block_inactive = true` and bdrv_inactivate_all(), and
	 * migrate_fd_cancel() takes back just there what has not been given yet.  See job_take_disks().
	 */
	bool cancelled_late;
	int64_t pass;			/* of the copy, last seen */
	bool io_error;			/* it stands still because of a failing disk */
	bool panicked;			/* or because its kernel panicked */
	bool shutting_down;		/* or because it is about to power off */
	bool reset;			/* the guest rebooted meanwhile */
	enum guest_gone gone;
	bool has_job;
	struct job_result job;
};

/* What can be fed. */
enum guest_event_kind {
	GUEST_EV_STOP, GUEST_EV_RESUME,		/* QEMU's, with an instant */
	GUEST_EV_MIGRATION,			/* with a status */
	GUEST_EV_PASS,				/* with a number */
	GUEST_EV_RUNNING,			/* libvirt's RESUMED, when heard */
	GUEST_EV_ARRIVING,			/* libvirt started it for an incoming migration */
	GUEST_EV_PAUSED,			/* libvirt's SUSPENDED, for another reason than that */
	GUEST_EV_IO_ERROR, GUEST_EV_PANICKED, GUEST_EV_SHUTDOWN, GUEST_EV_RESET,	/* QEMU's */
	GUEST_EV_GONE,				/* with how */
	GUEST_EV_JOB,				/* with a result */
	GUEST_EV_GAP,
};

struct guest_event {
	enum guest_event_kind kind;
	bool placed;			/* STOP, RESUME: the stamp could be placed on our clocks */
	struct cf_instant at;		/* then: the stamp; RUNNING: when it was heard */
	enum migration_status status;
	int64_t pass;
	enum guest_gone gone;
	struct job_result job;
};

/* Begin with nothing seen. */
void guest_events_begin(struct guest_events *events, enum cf_side side);

void guest_events_add(struct guest_events *events, const struct guest_event *event);

/* QEMU's word for a status ("pre-switchover") to ours; MIGRATION_OTHER for one we do not know. */
enum migration_status migration_status_from(const char *word);
const char *migration_status_name(enum migration_status status);
const char *guest_gone_name(enum guest_gone gone);
