/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/waiters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

struct waiter {
	struct waiters *all;
	struct waiter *next;
	sd_event_source *timer;
	int64_t after;
	void (*fn)(void *arg);
	void *arg;
};

struct waiters {
	struct loop *loop;
	struct waiter *first;
};

static void waiter_free(struct waiter *waiter)
{
	for (struct waiter **at = &waiter->all->first; *at; at = &(*at)->next)
		if (*at == waiter) {
			*at = waiter->next;
			break;
		}
	sd_event_source_disable_unref(waiter->timer);
	free(waiter);
}

/* The call may add a new waiter or look at the list: this one is off it before. */
static void waiter_call(struct waiter *waiter)
{
	void (*fn)(void *arg) = waiter->fn;
	void *arg = waiter->arg;

	waiter_free(waiter);
	fn(arg);
}

static int on_waited(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;

	waiter_call(userdata);
	return 0;
}

int waiters_new(struct waiters **ret, struct loop *loop, struct cf_error *err)
{
	struct waiters *waiters = calloc(1, sizeof(*waiters));

	if (!waiters)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	waiters->loop = loop;

	*ret = waiters;
	return 0;
}

void waiters_free(struct waiters *waiters)
{
	while (waiters && waiters->first)
		waiter_call(waiters->first);
	free(waiters);
}

int waiters_add(struct waiters *waiters, int64_t after, cf_span wait, void (*fn)(void *arg), void *arg,
		struct cf_error *err)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	int r;

	if (!waiter)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	*waiter = (struct waiter){ waiters, waiters->first, NULL, after, fn, arg };
	waiters->first = waiter;

	r = sd_event_add_time_relative(loop_sd(waiters->loop), &waiter->timer, CLOCK_MONOTONIC,
				       wait.ns / CF_US, CF_MS / CF_US, on_waited, waiter);
	if (r < 0) {
		waiter_free(waiter);
		return cf_fail(err, -r, CF_HOST, "no timer: %s", strerror(-r));
	}
	return 0;
}

/* The first that is due, or NULL. */
static struct waiter *due(const struct waiters *waiters, int64_t mark)
{
	for (struct waiter *waiter = waiters->first; waiter; waiter = waiter->next)
		if (mark > waiter->after)
			return waiter;

	return NULL;
}

void waiters_wake(struct waiters *waiters, int64_t mark)
{
	for (struct waiter *waiter = due(waiters, mark); waiter; waiter = due(waiters, mark))
		waiter_call(waiter);
}
