/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a migration's thread and the loop show of it, under the lock. */

#include <string.h>

#include "daemon/act/work.h"

struct cf_migration *work_show_begin(struct work *work)
{
	pthread_mutex_lock(&work->lock);
	return &work->shown;
}

void work_show_end(struct work *work)
{
	work->shown.revision++;
	pthread_mutex_unlock(&work->lock);
	if (work->changed)
		work->changed(work->userdata);
}

void work_shown(struct work *work, struct cf_migration *ret)
{
	pthread_mutex_lock(&work->lock);
	*ret = work->shown;
	pthread_mutex_unlock(&work->lock);
}

static void conclude(const struct work *work, struct cf_migration *view)
{
	const struct cf_migration *last = &work->receipt->migration;

	view->has_outcome = last->has_outcome;
	view->outcome = last->outcome;
	memcpy(view->reason, last->reason, sizeof(view->reason));
	view->has_ended = last->has_ended;
	if (!last->has_ended)
		return;
	view->started = last->started;	/* both by the clock of who wrote the receipt: people subtract them */
	view->ended = last->ended;
}

void work_concluded(struct work *work, struct cf_migration *ret)
{
	work_shown(work, ret);
	conclude(work, ret);
}

void work_conclude(struct work *work)
{
	conclude(work, work_show_begin(work));
	work_show_end(work);
}

struct cf_landing *work_landing_begin(struct work *work)
{
	pthread_mutex_lock(&work->lock);
	return &work->landing;
}

void work_landing_end(struct work *work)
{
	pthread_mutex_unlock(&work->lock);
}
