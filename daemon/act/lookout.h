/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lookout asks the other host how its clock stands, and whether its agent
 * still expects the guest, again and again while memory is copied.
 *
 * It has a thread and a connection of its own: behind the copy's own traffic an
 * answer may be late by as much as the network's queues hold, and it is wanted
 * all the same, while the migration's thread has to see STOP at once.  Answers
 * that do not come are no news: what was known goes on growing old.
 */

#include "daemon/act/context.h"
#include "policy/offset.h"
#include "proto/base.h"
#include "proto/error.h"
#include "proto/report.h"
#include "proto/version.h"

struct lookout;

/* What is known of the other host. */
struct lookout_news {
	struct cf_offset offset;	/* RAW destination - RAW source */
	char boot[CF_BOOT_ROOM];
	struct cf_report report;	/* its newest */
	bool let_go;			/* its agent does not expect the guest any more */
	bool abort_asked;		/* or somebody there wants it called off */
	char let_go_why[CF_DETAIL_ROOM];	/* of either */
};

struct lookout_options {
	const char *destination;
	const char *migration;		/* id */
	const struct lookout_news *known;
	bool heartbeat;			/* the destination drops the guest when it does not hear from us: more often */
};

/* Begins to look, from what is known already. */
int lookout_new(struct lookout **ret, const struct act_context *context, const struct lookout_options *options,
		struct cf_error *err);

/* What is known now.  From any thread, without waiting for an answer. */
void lookout_read(struct lookout *lookout, struct lookout_news *ret);

/* It need not look any more; returns at once. */
void lookout_stop(struct lookout *lookout);

/* Waits for the end of a question that is under way: for seconds at most. */
struct lookout *lookout_free(struct lookout *lookout);
CF_DEFINE_AUTO(struct lookout *, lookout_free)
