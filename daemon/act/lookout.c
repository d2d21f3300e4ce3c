/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/lookout.h"

#include <pthread.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "daemon/rest.h"
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
	struct rest rest;
	struct lookout_news news;	/* under its lock */
};

/* What it has let go it does not take back. */
static void ask_landing(struct lookout *lookout, struct lookout_news *fresh)
{
	const char *segments[] = { lookout->migration };
	struct cf_landing landing;

	if (call_do(lookout->call, CF_ROUTE_LANDING, segments, NULL, NULL, &landing, PATIENCE, NULL, NULL) < 0)
		return;
	fresh->let_go = landing.phase == CF_PHASE_DROPPED;
	fresh->abort_asked = landing.has_abort_asked;
	memcpy(fresh->let_go_why, landing.has_abort_asked ? landing.abort_asked : landing.reason, sizeof(fresh->let_go_why));
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

	pthread_mutex_lock(&lookout->rest.lock);
	lookout->news = fresh;
	pthread_mutex_unlock(&lookout->rest.lock);
}

static void *look_out(void *userdata)
{
	struct lookout *lookout = userdata;
	cf_mono next;

	do {
		next = cf_mono_add(kernel_raw(), lookout->every);
		look(lookout);
	} while (rest_until(&lookout->rest, next));

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
	rest_init(&lookout->rest);

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
	pthread_mutex_lock(&lookout->rest.lock);
	*ret = lookout->news;
	pthread_mutex_unlock(&lookout->rest.lock);
}

void lookout_stop(struct lookout *lookout)
{
	rest_end(&lookout->rest);
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
	rest_clear(&lookout->rest);
	free(lookout);
	return NULL;
}
