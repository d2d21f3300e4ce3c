/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a driver with a gate leaves behind when libvirt's job is gone, because
 * the agent, its connection or libvirtd ended: a copy that stands paused at the source,
 * a definition at the destination.
 *
 * Who calls these has been told what became of the guest by whom it asked (DESIGN's first law); libvirt
 * cannot know, and would do either.  Each is repeated without harm: -EBUSY (CF_CONFLICT) when
 * the domain stands otherwise than it says here, and then nothing was done.  No such domain is
 * no error where that is what was wanted.
 */

#include "daemon/virt/connect.h"
#include "proto/error.h"
#include "proto/time.h"

/*
 * Source; the guest has run at the destination: remove the paused copy, and its definition where that is
 * `persistent` there now, as libvirt does at the end of a migration: neither owner nor label of an image is
 * touched, nor what the guest has in its NVRAM or TPM.  (virDomainDestroy would take shared images away
 * from the guest that runs on them.)
 */
int leftover_remove(struct virt *virt, const char *uuid, bool persistent, cf_mono deadline, struct cf_error *err);

/* Source; the guest has never run at the destination, and never will: it runs on here. */
int leftover_resume(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err);

/*
 * Destination; the guest did not stay here: undefine the domain of a Finish that failed, which libvirt had
 * defined before it tried to run it.  Only after incoming_finish() was told to run it (before that
 * libvirt has defined nothing), and only where nothing was defined before (incoming_was_defined()): what is
 * defined here otherwise is somebody's.
 */
int leftover_undefine(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err);
