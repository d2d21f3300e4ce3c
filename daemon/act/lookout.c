/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/lookout.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "daemon/worker.h"
#include "proto/receipt.h"

/*
 * Twice as often as the gate is judged.  A full queue loses our packets, too, and
 * to be patient costs less than a handshake through the same queue.
 */
#define LOOK_EVERY ((cf_span){ 500 * CF_MS })
#define BEAT_EVERY ((cf_span){ 250 * CF_MS })
#define PATIENCE   ((cf_span){ 5 * CF_S })

struct lookout {
	struct call *call;		/* the thread's */
	char migration[CF_UUID_ROOM];
	cf_span every;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;			/* under the lock, as is: */
	struct lookout_news news;
};

/* What it has let go it does not take back. */
static void ask_landing(struct lookout *lookout, struct lookout_news *fresh)
{
	const char *segments[] = { lookout->migration };
	struct cf_landing landing;

	if (call_do(lookout->call, CF_ROUTE_LANDING, segments, NULL, NULL, &landing, PATIENCE, NULL, NULL) < 0)
		return;
	fresh->let_go = landing.phase == CF_PHASE_DROPPED;
	memcpy(fresh->let_go_why, landing.reason, sizeof(fresh->let_go_why));
}

static void look(struct lookout *lookout)
{
	struct lookout_news fresh;
	struct cf_error err = { 0 };

	lookout_read(lookout, &fresh);
	if (probe_rounds(lookout->call, 1, &fresh.offset, fresh.boot, PATIENCE, &err) < 0)
		return;
	call_do(lookout->call, CF_ROUTE_CLOCK, NULL, NULL, NULL, &fresh.report, PATIENCE, NULL, &err);
	ask_landing(lookout, &fresh);

	pthread_mutex_lock(&lookout->lock);
	lookout->news = fresh;
	pthread_mutex_unlock(&lookout->lock);
}

/* Until it is time to look again; false when it need not look any more. */
static bool rest(struct lookout *lookout, cf_mono since)
{
	cf_span left = cf_span_sub(lookout->every, cf_mono_since(kernel_raw(), since));
	struct timespec until;
	bool stop;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	left = cf_span_max(left, (cf_span){ 0 });
	until.tv_sec += (until.tv_nsec + left.ns) / CF_S;
	until.tv_nsec = (until.tv_nsec + left.ns) % CF_S;

	pthread_mutex_lock(&lookout->lock);
	while (!lookout->stop && r == 0)
		r = pthread_cond_clockwait(&lookout->wake, &lookout->lock, CLOCK_MONOTONIC, &until);
	stop = lookout->stop;
	pthread_mutex_unlock(&lookout->lock);
	return !stop;
}

static void *look_out(void *userdata)
{
	struct lookout *lookout = userdata;
	cf_mono began;

	do {
		began = kernel_raw();
		look(lookout);
	} while (rest(lookout, began));

	return NULL;
}

int lookout_new(struct lookout **ret, const struct act_context *context, const struct lookout_options *options,
		struct cf_error *err)
{
	CF_AUTO(lookout_free) struct lookout *lookout = calloc(1, sizeof(*lookout));
	int r;

	if (!lookout)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	lookout->news = *options->known;
	lookout->every = options->heartbeat ? BEAT_EVERY : LOOK_EVERY;
	snprintf(lookout->migration, sizeof(lookout->migration), "%s", options->migration);
	pthread_mutex_init(&lookout->lock, NULL);
	pthread_cond_init(&lookout->wake, NULL);

	r = fleet_call(context->fleet, options->destination, &lookout->call, err);
	if (r < 0)
		return r;
	r = worker_thread(&lookout->thread, look_out, lookout, err);
	if (r < 0)
		return r;
	lookout->has_thread = true;

	*ret = CF_TAKE(lookout);
	return 0;
}

void lookout_read(struct lookout *lookout, struct lookout_news *ret)
{
	pthread_mutex_lock(&lookout->lock);
	*ret = lookout->news;
	pthread_mutex_unlock(&lookout->lock);
}

void lookout_stop(struct lookout *lookout)
{
	pthread_mutex_lock(&lookout->lock);
	lookout->stop = true;
	pthread_cond_signal(&lookout->wake);
	pthread_mutex_unlock(&lookout->lock);
}

struct lookout *lookout_free(struct lookout *lookout)
{
	if (!lookout)
		return NULL;

	if (lookout->has_thread) {
		lookout_stop(lookout);
		pthread_join(lookout->thread, NULL);
	}
	call_free(lookout->call);
	pthread_cond_destroy(&lookout->wake);
	pthread_mutex_destroy(&lookout->lock);
	free(lookout);
	return NULL;
}
