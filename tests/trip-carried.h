/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's clocks on their way to another host, which is this one: a single migration has the source's acts, and then
 * the destination's.
 */

#include "daemon/act/carried.h"
#include "tests/fake-carrier.h"
#include "tests/fake-unmeasured.h"

static const struct act_context context;
static struct work *work;
static struct cf_error err;
static struct cf_commit commit;		/* the last one */
static char why[CF_DETAIL_ROOM];

int fake_answer(const struct fake_asked *asked, struct cf_error *e)
{
	return take_counters(asked, e);
}

static inline void set_out(enum cf_lever required)
{
	*unmeasured = '\0';
	work->carrier = carrier_free(work->carrier);
	work->carried = carried_free(work->carried);
	free(work->counters);
	work->counters = NULL;
	work->landing = (struct cf_landing){ .lever = CF_LEVER_NONE };
	furnish(work);
	work->limits = (struct cf_both_limits){ .limits = { .require_lever = required, .max_blackout = { CF_S } } };
	carried_begin(work);
}

/* What was pushed last is brought to the destination. */
static inline void bring(void)
{
	free(work->brought);
	work->brought = malloc(sizeof(*came));
	pthread_mutex_lock(&lock);
	*work->brought = *came;
	pthread_mutex_unlock(&lock);
}

/* The source's part, up to where its guest stands and the destination knows. */
static inline void stand(void)
{
	comes(has_pushed);
	happens(true, false, true);
	capture();
	comes(has_pushed_stop);
}

/* The source's part, up to the commit, and what it sends is brought to the destination. */
static inline void leave(void)
{
	stand();
	capture();
	commit = (struct cf_commit){ 0 };
	carried_commit(work, &commit);
	work->carrier = carrier_free(work->carrier);
	bring();
}
