/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/rest.h"
#include "daemon/virt/private.h"

struct guest_watch {
	struct virt *virt;
	char uuid[CF_UUID_ROOM];
	pthread_cond_t changed;
	struct guest_events events;	/* with virt->lock, and so the next two */
	guest_watch_teller teller;
	void *userdata;
	struct guest_watch *next;
};

int guest_watch_new(struct virt *virt, const char *uuid, enum cf_side side, struct guest_watch **ret,
		    struct cf_error *err)
{
	struct guest_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	watch->virt = virt;
	snprintf(watch->uuid, sizeof(watch->uuid), "%s", uuid);
	pthread_cond_init(&watch->changed, NULL);
	guest_events_begin(&watch->events, side);

	pthread_mutex_lock(&virt->lock);
	if (!virt->connection)
		guest_events_add(&watch->events, &(struct guest_event){ .kind = GUEST_EV_GAP });
	watch->next = virt->watches;
	virt->watches = watch;
	pthread_mutex_unlock(&virt->lock);

	*ret = watch;
	return 0;
}

struct guest_watch *guest_watch_free(struct guest_watch *watch)
{
	struct guest_watch **at;

	if (!watch)
		return NULL;

	pthread_mutex_lock(&watch->virt->lock);
	for (at = &watch->virt->watches; *at != watch; at = &(*at)->next)
		;
	*at = watch->next;
	pthread_mutex_unlock(&watch->virt->lock);
	pthread_cond_destroy(&watch->changed);
	free(watch);
	return NULL;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	pthread_mutex_lock(&watch->virt->lock);
	*ret = watch->events;
	pthread_mutex_unlock(&watch->virt->lock);
}

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), timeout);

	pthread_mutex_lock(&watch->virt->lock);
	while (watch->events.revision == seen &&
	       rest_on(&watch->changed, &watch->virt->lock, deadline))
		;
	*ret = watch->events;
	pthread_mutex_unlock(&watch->virt->lock);
	return ret->revision != seen;
}

void guest_watch_tell(struct guest_watch *watch, guest_watch_teller teller, void *userdata)
{
	pthread_mutex_lock(&watch->virt->lock);
	watch->teller = teller;
	watch->userdata = userdata;
	if (teller)
		teller(&watch->events, NULL, userdata);
	pthread_mutex_unlock(&watch->virt->lock);
}

static void feed(struct guest_watch *watch, const struct guest_event *event)
{
	guest_events_add(&watch->events, event);
	if (watch->teller)	/* first: a guard may be waiting for it, who waits here only reads */
		watch->teller(&watch->events, event, watch->userdata);
	pthread_cond_broadcast(&watch->changed);
}

void virt_watches_feed(struct virt *virt, virDomainPtr domain, const struct guest_event *event)
{
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (virDomainGetUUIDString(domain, uuid) < 0)
		return;

	pthread_mutex_lock(&virt->lock);
	for (struct guest_watch *watch = virt->watches; watch; watch = watch->next)
		if (strcmp(watch->uuid, uuid) == 0)
			feed(watch, event);
	pthread_mutex_unlock(&virt->lock);
}

void virt_events_connected(struct virt *virt, bool connected)
{
	pthread_mutex_lock(&virt->lock);
	for (struct guest_watch *watch = virt->watches; watch && !connected; watch = watch->next)
		feed(watch, &(struct guest_event){ .kind = GUEST_EV_GAP });
	pthread_mutex_unlock(&virt->lock);

	virt_tell(virt, connected ? VIRT_CONNECTED : VIRT_DISCONNECTED, NULL, kernel_instant());
}
