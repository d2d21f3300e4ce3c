/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The migration job of a domain.  QEMU answers none of this while it flushes
 * a guest's last pages, or a hung libvirtd ever: each call has a deadline and
 * is given up then (-ETIMEDOUT), counted in virt_hung_calls().
 */

#include "daemon/virt/connect.h"
#include "daemon/virt/switchover.h"
#include "proto/migration.h"

/*
 * How far the copy is.  predicted_blackout is QEMU's expected downtime alone.
 * CF_NOT_FOUND while nothing is being copied: before and after it, too.
 */
int job_progress(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_progress *ret,
		 struct cf_error *err);

/*
 * Ask for the end of the job.  0 says that libvirt took the request, not that
 * the migration ended: after QEMU has completed it does nothing at all.
 */
int job_abort(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * Does libvirtd answer, and is it free to speak of the domain?  QEMU is not asked: it
 * may be silent for a while for good reasons of its own.
 */
int job_answers(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * Free libvirtd from a wait that nothing ends. Asked for the end of a migration in the moment in which
 * QEMU stops the guest for it, libvirtd (seen: 9.0) may hear that the guest runs again before it has looked whether it
 * stopped; it then waits for that stop for ever, in the call that migrates, while QEMU has cancelled. A guest that runs
 * is paused for a moment, which is the stop that libvirtd waits for, and runs on: by libvirtd itself, else by
 * this. One that does not run is left as it is. -EAGAIN (CF_HOST): libvirtd was slow to answer, and nothing was done.
 */
int job_unblock(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * Pause the domain as somebody had, before the job and its end undid it: libvirt
 * starts a domain that it moved or kept, whoever had paused it meanwhile.
 */
int job_pause_again(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * Have a guest's QEMU take its disks back, which it may have forgotten (see guest_events.cancelled_late): else it ends
 * itself over the guest's next write, or its next migration (`bdrv_inactivate_recurse: Assertion`).  QEMU's `cont` does
 * that before anything else, and is nothing besides to a guest that runs.  One that does not is left as it is: a resume
 * is the same command.  CF_HOST, with QEMU's words, where they cannot be had: somebody else has locked them.
 */
int job_take_disks(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/* Let the guest run at the destination now and its memory follow: only where the migration was begun for that. */
int job_start_post_copy(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/* Let a persistent domain start with its host, or no longer.  libvirt refuses that while it migrates. */
int job_set_autostart(struct virt_link *link, const char *uuid, bool autostart, cf_mono deadline,
		      struct cf_error *err);

/* Start a domain that is off.  One that runs is as it should be: 0. */
int job_start(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * The blackout QEMU aims at: it goes on copying until it expects to be below.
 * A target, not a limit.  Rounded down to milliseconds, at least 1; lasts for
 * the domain when set before a migration, for that migration when set during it.
 */
int job_set_max_downtime(struct virt_link *link, const char *uuid, cf_span limit, cf_mono deadline,
			 struct cf_error *err);
