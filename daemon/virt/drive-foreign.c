/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration that somebody else drives: all there is to see of it is the domain's events. */

#include <errno.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "daemon/virt/foreign.h"
#include "policy/foreign.h"

#define LOOK_EVERY ((cf_span){ CF_S })

struct foreign_drive {
	struct drive head;
	struct virt *virt;
	char uuid[CF_UUID_ROOM];
	struct guest_watch *watch;
	bool missed;		/* it was under way before */
	int64_t seen;
	cf_mono next;		/* look, where events were missed */
	enum cf_here here;	/* then: what that said */
	struct drive_end end;
};

void foreign_seen(const struct guest_events *events, struct cf_departure *ret)
{
	ret->switchover = events->switchover;
	ret->left = events->gone == GUEST_MIGRATED;
	ret->undone = events->undone;
	ret->sent = events->status == MIGRATION_COMPLETED;
	ret->failed = events->status == MIGRATION_FAILED || events->status == MIGRATION_CANCELLED;
	ret->ended = events->gone != GUEST_HERE && events->gone != GUEST_MIGRATED;
	ret->gap = events->gap;
}

/* What events would have said.  The other manager has had its time by then, or the agent was away. */
static void look(struct foreign_drive *ours)
{
	struct domain_standing standing;

	if (!kernel_due(&ours->next, LOOK_EVERY))
		return;
	ours->here = CF_HERE_UNKNOWN;
	if (domain_look(ours->virt, ours->uuid, &standing, NULL) < 0)
		return;
	ours->here = domain_here(&standing);
}

static void over(struct foreign_drive *ours, const struct guest_events *events, enum cf_event how)
{
	const char *what = events->gone != GUEST_HERE && events->gone != GUEST_MIGRATED ? guest_gone_name(events->gone)
			   : events->gap ? "how it ended was not seen"
			   : events->status == MIGRATION_CANCELLED || events->status == MIGRATION_CANCELLING ? "it was cancelled"
			   : "it failed, or was called off";

	ours->end.state = how == CF_EV_LANDED ? DRIVE_SUCCEEDED : DRIVE_FAILED;
	if (how != CF_EV_LANDED)
		cf_fail(&ours->end.error, ECANCELED, CF_HOST, "the other manager's migration came to nothing: %s", what);
}

static int foreign_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	struct foreign_drive *ours = (struct foreign_drive *)drive;
	struct cf_departure seen = { 0 };
	struct guest_events events;
	enum cf_event how;

	if (ours->end.state == DRIVE_RUNNING) {
		guest_watch_wait(ours->watch, ours->seen, timeout, &events);
		ours->seen = events.revision;
		events.gap |= ours->missed;
		if (events.gap)
			look(ours);
		foreign_seen(&events, &seen);
		seen.here = ours->here;
		how = cf_departed(&seen);
		if (how != CF_N_EVENTS)
			over(ours, &events, how);
	}
	*ret = ours->end;
	return 0;
}

static int foreign_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	(void)drive, (void)deadline;
	return cf_fail(err, EPERM, CF_CONFLICT, "another manager drives it");
}

static struct drive *foreign_free(struct drive *drive)
{
	struct foreign_drive *ours = (struct foreign_drive *)drive;

	guest_watch_free(ours->watch);
	free(ours);
	return NULL;
}

int drive_foreign_begin(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err)
{
	struct foreign_drive *ours = calloc(1, sizeof(*ours));
	int r;

	if (!ours)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	ours->head.ops = &drive_foreign;
	ours->virt = virt;
	memcpy(ours->uuid, uuid, sizeof(ours->uuid));
	ours->seen = -1;
	ours->next = kernel_raw();
	r = guest_watch_new(virt, uuid, CF_SOURCE, &ours->watch, err);
	if (r < 0) {
		free(ours);
		return r;
	}
	*ret = &ours->head;
	return 0;
}

static int foreign_attach(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err)
{
	int r = drive_foreign_begin(virt, uuid, ret, err);

	if (r == 0)
		((struct foreign_drive *)*ret)->missed = true;
	return r;
}

const struct drive_ops drive_foreign = {
	.name = "foreign",
	.foreign = true,
	.outlives_agent = true,
	.attach = foreign_attach,
	.wait = foreign_wait,
	.abort = foreign_abort,
	.free = foreign_free,
};
