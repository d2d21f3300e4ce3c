/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A migration that libvirtd does by itself, and of which nobody here has the call any
 * more: what can be seen of it is the domain's job.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/job.h"

#define LOOK_EVERY   ((cf_span){ 250 * CF_MS })
#define BEGIN_TIME   ((cf_span){ 3 * CF_S })	/* in which a call that was just made becomes a job */
#define BLIND_TIME   ((cf_span){ 30 * CF_S })	/* without a word from libvirt */
#define LINK_TIME    ((cf_span){ 5 * CF_S })

struct attached_drive {
	struct drive head;
	struct virt *virt;
	char uuid[CF_UUID_ROOM];
	cf_mono since;
	cf_mono seen;		/* when libvirt last said how it stands */
	cf_mono next;		/* look */
	bool had_job;
	bool aborted;
	struct drive_end end;
};

static void over(struct attached_drive *ours, const char *what)
{
	ours->end.state = ours->aborted ? DRIVE_ABORTED : DRIVE_FAILED;
	cf_fail(&ours->end.error, ECONNRESET, CF_HOST, "the agent was restarted, and did not see how it ended%s", what);
}

static void look(struct attached_drive *ours)
{
	struct domain_standing standing;
	cf_mono now = kernel_raw();

	ours->next = cf_mono_add(now, LOOK_EVERY);
	if (domain_look(ours->virt, ours->uuid, &standing, NULL) < 0) {
		if (cf_span_cmp(cf_mono_since(now, ours->seen), BLIND_TIME) > 0)
			over(ours, ": libvirt does not answer");
		return;
	}

	ours->seen = now;
	if (standing.known && standing.active && standing.moving)
		ours->had_job = true;
	else if (ours->had_job || !standing.known || !standing.active ||
		 cf_span_cmp(cf_mono_since(now, ours->since), BEGIN_TIME) > 0)
		over(ours, "");
}

static int attached_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	struct attached_drive *ours = (struct attached_drive *)drive;
	const struct timespec nap = { timeout.ns / CF_S, timeout.ns % CF_S };

	if (ours->end.state == DRIVE_RUNNING && timeout.ns > 0)
		nanosleep(&nap, NULL);
	if (ours->end.state == DRIVE_RUNNING && cf_mono_cmp(kernel_raw(), ours->next) >= 0)
		look(ours);
	*ret = ours->end;
	return 0;
}

static int attached_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	struct attached_drive *ours = (struct attached_drive *)drive;
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	int r;

	r = virt_link_open(ours->virt, LINK_TIME, &link, err);
	if (r < 0)
		return r;
	ours->aborted = true;
	return job_abort(link, ours->uuid, deadline, err);
}

static struct drive *attached_free(struct drive *drive)
{
	free(drive);
	return NULL;
}

static const struct drive_ops drive_attached = {
	.name = "libvirt",
	.outlives_agent = true,
	.wait = attached_wait,
	.abort = attached_abort,
	.free = attached_free,
};

int drive_attach(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err)
{
	struct attached_drive *ours = calloc(1, sizeof(*ours));

	if (!ours)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	ours->head.ops = &drive_attached;
	ours->virt = virt;
	memcpy(ours->uuid, uuid, sizeof(ours->uuid));
	ours->since = ours->seen = ours->next = kernel_raw();
	*ret = &ours->head;
	return 0;
}
