/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the other agent, or the operator, leaves with a migration that is at its gate. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/work.h"
#include "daemon/clock/kernel.h"
#include "daemon/rest.h"

struct cf_offer *work_offer_free(struct cf_offer *offer)
{
	if (offer) {
		cf_blob_wipe(&offer->xml);
		cf_blob_wipe(&offer->cookie);
	}
	free(offer);
	return NULL;
}

struct cf_commit *work_commit_free(struct cf_commit *commit)
{
	if (commit)
		cf_blob_wipe(&commit->cookie);
	free(commit);
	return NULL;
}

void work_give_offer(struct work *work, struct cf_offer *offer)
{
	pthread_mutex_lock(&work->lock);
	work_offer_free(work->offer);
	work->offer = offer;
	work->heard = kernel_raw();
	pthread_cond_signal(&work->news);
	pthread_mutex_unlock(&work->lock);
}

void work_give_commit(struct work *work, struct cf_commit *commit)
{
	pthread_mutex_lock(&work->lock);
	work_commit_free(work->commit);
	work->commit = commit;
	work->heard = kernel_raw();
	pthread_cond_signal(&work->news);
	pthread_mutex_unlock(&work->lock);
}

struct cf_offer *work_take_offer(struct work *work)
{
	struct cf_offer *offer;

	pthread_mutex_lock(&work->lock);
	offer = CF_TAKE(work->offer);
	pthread_mutex_unlock(&work->lock);
	return offer;
}

struct cf_commit *work_take_commit(struct work *work)
{
	struct cf_commit *commit;

	pthread_mutex_lock(&work->lock);
	commit = CF_TAKE(work->commit);
	pthread_mutex_unlock(&work->lock);
	return commit;
}

void work_wait(struct work *work, cf_span patience)
{
	pthread_mutex_lock(&work->lock);
	if (!work->offer && !work->commit && !work->closing && !work->inbox && !work->brought)
		rest_on(&work->news, &work->lock, cf_mono_add(kernel_raw(), patience));
	pthread_mutex_unlock(&work->lock);
}

void work_take_counters(struct work *work, struct cf_counters *counters)
{
	pthread_mutex_lock(&work->lock);
	free(work->brought);
	work->brought = counters;
	work->heard = kernel_raw();
	pthread_cond_signal(&work->news);
	pthread_mutex_unlock(&work->lock);
}

bool work_newest_counters(struct work *work)
{
	struct cf_counters *counters;

	pthread_mutex_lock(&work->lock);
	counters = CF_TAKE(work->brought);
	pthread_mutex_unlock(&work->lock);
	if (!counters)
		return false;

	free(work->counters);
	work->counters = counters;
	return true;
}

struct cf_prepared *work_prepared_begin(struct work *work)
{
	pthread_mutex_lock(&work->lock);
	return &work->prepared;
}

struct cf_answer *work_answer_begin(struct work *work)
{
	pthread_mutex_lock(&work->lock);
	return &work->answer;
}

void work_answer_end(struct work *work)
{
	pthread_mutex_unlock(&work->lock);
}

void work_resolve(struct work *work, enum cf_resolution resolution, const char *reason)
{
	pthread_mutex_lock(&work->lock);
	work->resolution = resolution;
	snprintf(work->resolved_why, sizeof(work->resolved_why), "%s", reason);
	pthread_mutex_unlock(&work->lock);
}

enum cf_resolution work_resolution(struct work *work, char why[static CF_DETAIL_ROOM])
{
	enum cf_resolution resolution;

	pthread_mutex_lock(&work->lock);
	resolution = work->resolution;
	if (resolution != CF_RESOLUTION_UNKNOWN)
		memcpy(why, work->resolved_why, CF_DETAIL_ROOM);
	pthread_mutex_unlock(&work->lock);
	return resolution;
}
