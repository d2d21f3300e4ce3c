/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the agent comes to rest: no new migrations, time for those that are under way,
 * and then an end for those that would need more.  On the loop's thread.
 */

#include "daemon/act/migrations.h"

struct sd_event_source;

/* Part of the list of migrations; zeroed to begin. */
struct stop {
	bool quiescing;			/* no new ones */
	bool time_over;			/* stop-wait has passed since */
	struct sd_event_source *alarm;
	void (*idle)(void *userdata);	/* set: for good */
	void *userdata;
};

/* Why there are no new ones now; 0 when there may be. */
int stop_let_in(const struct migrations *all, struct cf_error *err);

/* One of the migrations has moved on: was it the last that was waited for? */
void stop_look(struct migrations *all);

void stop_clear(struct stop *stop);
