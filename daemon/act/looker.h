/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks libvirt how far the copy is, and the guest what its clock says, again and again while memory is
 * copied, and tells QEMU what to aim at, on a thread and a connection of its own: each may hang for as
 * long as QEMU flushes the last of the memory, when the migration's thread has other things to do.
 *
 * Nothing is asked while the switchover may be beginning.
 *
 * The thread may outlive who has it look: worker_wait() knows of it.
 */

#include "daemon/act/context.h"
#include "daemon/virt/events.h"
#include "proto/base.h"
#include "proto/error.h"
#include "proto/migration.h"

struct looker;

struct looker_options {
	const char *uuid;
	struct guest_watch *watch;	/* outlives looker_stop() */
	cf_span progress_every;
	bool guest_alone;		/* libvirt is not asked how far it is: the job is somebody else's */
	bool ask_guest;			/* it has an agent */
	int64_t rounds;			/* of one reading of its clock */
	bool guest_asked;		/* what its clock says, lately; else it is asked at once */
	cf_span guest_every;		/* it is asked ever more seldom, but at least so often: what tells its rate is distance */
	cf_span aims_at;		/* what QEMU was told to aim at as the blackout; 0: nobody knows */
};

/* What was learnt so far; a number grows with each answer of its kind. */
struct looker_news {
	int64_t looks;
	struct cf_progress progress;
	int64_t readings;
	bool read;			/* the last reading came to something */
	struct cf_guest_offset guest_offset;
	char guest_why[CF_DETAIL_ROOM];	/* else why not */
	cf_span aims_at;		/* QEMU, as far as it is known */
};

int looker_new(struct looker **ret, const struct act_context *context, const struct looker_options *options,
	       struct cf_error *err);

/* Something begins that may be over soon: for the next second it looks more often. */
void looker_hurry(struct looker *looker);

/* Have QEMU aim at that: soon, and again until it was heard. */
void looker_aim(struct looker *looker, cf_span target);

/* Never waits for an answer. */
void looker_read(struct looker *looker, struct looker_news *ret);

/* Nothing more is asked, nor is watch looked at.  What hangs ends by itself.  Returns NULL. */
struct looker *looker_free(struct looker *looker);
CF_DEFINE_AUTO(struct looker *, looker_free)
