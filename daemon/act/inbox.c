/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the other agent, or the operator, leaves with a migration. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/work.h"
#include "daemon/clock/kernel.h"
#include "daemon/rest.h"

/* Puts what is fresh, or NULL, into a box that holds a pointer; returns what was in it. */
static void *exchange(struct work *work, void *box, void *fresh)
{
	void *was;

	pthread_mutex_lock(&work->lock);
	memcpy(&was, box, sizeof(was));
	memcpy(box, &fresh, sizeof(fresh));
	if (fresh) {
		work->heard = kernel_raw();
		pthread_cond_signal(&work->news);
	}
	pthread_mutex_unlock(&work->lock);
	return was;
}

/* What is in the box, if there is anything, takes the place of what is kept, a pointer as well. */
static bool keep_newest(struct work *work, void *box, void *kept)
{
	void *fresh = exchange(work, box, NULL), *was;

	if (!fresh)
		return false;

	memcpy(&was, kept, sizeof(was));
	free(was);
	memcpy(kept, &fresh, sizeof(fresh));
	return true;
}

void work_take_record(struct work *work, struct cf_record *record)
{
	free(exchange(work, &work->inbox, record));
}

bool work_newest_record(struct work *work)
{
	if (!keep_newest(work, &work->inbox, &work->record))
		return false;

	work->has_record = true;
	return true;
}

void work_take_closing(struct work *work, struct cf_receipt *receipt)
{
	free(exchange(work, &work->closing, receipt));
}

bool work_newest_closing(struct work *work)
{
	if (!keep_newest(work, &work->closing, &work->receipt))
		return false;

	work->receipt->migration.side = CF_DESTINATION;
	return true;
}

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
	work_offer_free(exchange(work, &work->offer, offer));
}

void work_give_commit(struct work *work, struct cf_commit *commit)
{
	work_commit_free(exchange(work, &work->commit, commit));
}

struct cf_offer *work_take_offer(struct work *work)
{
	return exchange(work, &work->offer, NULL);
}

struct cf_commit *work_take_commit(struct work *work)
{
	return exchange(work, &work->commit, NULL);
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
	free(exchange(work, &work->brought, counters));
}

bool work_newest_counters(struct work *work)
{
	return keep_newest(work, &work->brought, &work->counters);
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
