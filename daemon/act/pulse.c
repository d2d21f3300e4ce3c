/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/connect.h"
#include "daemon/virt/job.h"
#include "daemon/rest.h"
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
	struct rest rest;
	pthread_mutex_t lock;
	bool over;
};

/* Not to one who has asked for its end. */
static void tell(struct pulse *pulse)
{
	pthread_mutex_lock(&pulse->lock);
	if (!pulse->over)
		pulse->heard(pulse->userdata);
	pthread_mutex_unlock(&pulse->lock);
}

static void *beat(void *userdata)
{
	struct pulse *pulse = userdata;
	cf_span share = { pulse->heartbeat.ns / SHARE };

	do {
		if (job_answers(pulse->link, pulse->uuid, cf_mono_add(kernel_raw(), pulse->heartbeat), NULL) == 0)
			tell(pulse);
	} while (rest_until(&pulse->rest, cf_mono_add(kernel_raw(), share)));

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
	rest_init(&pulse->rest);
	pthread_mutex_init(&pulse->lock, NULL);

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

void pulse_end(struct pulse *pulse)
{
	pthread_mutex_lock(&pulse->lock);
	pulse->over = true;
	pthread_mutex_unlock(&pulse->lock);
	rest_end(&pulse->rest);
}

struct pulse *pulse_free(struct pulse *pulse)
{
	if (!pulse)
		return NULL;

	pulse_end(pulse);
	if (pulse->has_thread)
		pthread_join(pulse->thread, NULL);
	virt_link_close(pulse->link);
	rest_clear(&pulse->rest);
	pthread_mutex_destroy(&pulse->lock);
	free(pulse);
	return NULL;
}
