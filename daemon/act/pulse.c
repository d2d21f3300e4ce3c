/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/connect.h"
#include "daemon/virt/job.h"
#include "daemon/worker.h"
#include "proto/version.h"

#define LINK_PATIENCE ((cf_span){ 5 * CF_S })
#define SHARE         4		/* of a heartbeat: between two questions */

struct pulse {
	const struct act_context *context;
	struct virt_link *link;
	char uuid[CF_UUID_ROOM];
	cf_span heartbeat;
	void (*heard)(void *userdata);
	void *userdata;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;			/* under the lock */
};

/* False when it need not ask any more. */
static bool rest(struct pulse *pulse)
{
	cf_span share = { pulse->heartbeat.ns / SHARE };
	struct timespec until;
	bool stop;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (until.tv_nsec + share.ns) / CF_S;
	until.tv_nsec = (until.tv_nsec + share.ns) % CF_S;

	pthread_mutex_lock(&pulse->lock);
	while (!pulse->stop && r == 0)
		r = pthread_cond_clockwait(&pulse->wake, &pulse->lock, CLOCK_MONOTONIC, &until);
	stop = pulse->stop;
	pthread_mutex_unlock(&pulse->lock);
	return !stop;
}

static void *beat(void *userdata)
{
	struct pulse *pulse = userdata;

	do {
		if (job_answers(pulse->link, pulse->uuid, cf_mono_add(kernel_raw(), pulse->heartbeat), NULL) == 0)
			pulse->heard(pulse->userdata);
	} while (rest(pulse));

	return NULL;
}

int pulse_new(struct pulse **ret, const struct act_context *context, const char *uuid, cf_span heartbeat,
	      void (*heard)(void *userdata), void *userdata, struct cf_error *err)
{
	struct pulse *pulse = calloc(1, sizeof(*pulse));
	int r;

	if (!pulse)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	snprintf(pulse->uuid, sizeof(pulse->uuid), "%s", uuid);
	pulse->context = context;
	pulse->heartbeat = heartbeat;
	pulse->heard = heard;
	pulse->userdata = userdata;
	pthread_mutex_init(&pulse->lock, NULL);
	pthread_cond_init(&pulse->wake, NULL);

	r = virt_link_open(context->virt, LINK_PATIENCE, &pulse->link, err);
	if (r == 0)
		r = worker_thread(&pulse->thread, beat, pulse, err);
	if (r < 0) {
		pulse_free(pulse);
		return r;
	}
	pulse->has_thread = true;
	*ret = pulse;
	return 0;
}

struct pulse *pulse_free(struct pulse *pulse)
{
	if (!pulse)
		return NULL;

	pthread_mutex_lock(&pulse->lock);
	pulse->stop = true;
	pthread_cond_signal(&pulse->wake);
	pthread_mutex_unlock(&pulse->lock);
	if (pulse->has_thread)
		pthread_join(pulse->thread, NULL);
	virt_link_close(pulse->link);
	pthread_cond_destroy(&pulse->wake);
	pthread_mutex_destroy(&pulse->lock);
	free(pulse);
	return NULL;
}
