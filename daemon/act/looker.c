/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/looker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/rest.h"
#include "daemon/virt/connect.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/job.h"
#include "daemon/worker.h"

#define LINK_PATIENCE   ((cf_span){ 5 * CF_S })
#define JOB_PATIENCE    ((cf_span){ CF_S })
#define STANDS_PATIENCE ((cf_span){ CF_S })
#define GUEST_PATIENCE  ((cf_span){ CF_S })
#define GUEST_AGAIN     ((cf_span){ CF_S })
#define HURRIES_FOR     ((cf_span){ CF_S })
#define HURRIED_EVERY   ((cf_span){ 50 * CF_MS })

struct looker {
	const struct act_context *context;
	char uuid[CF_UUID_ROOM];
	struct looker_options options;
	struct virt_link *link;		/* the thread's, as is: */
	bool stands;
	cf_mono since;
	struct rest rest;
	struct looker_news news;	/* under its lock, as are: */
	cf_span aim;			/* what QEMU shall aim at */
	bool wakes;			/* and that is new */
	bool hurries;			/* it looks more often, until: */
	cf_mono until;
	int users;			/* the thread, and whoever made it: the last one clears up */
};

static void leave(struct looker *looker)
{
	int users;

	pthread_mutex_lock(&looker->rest.lock);
	users = --looker->users;
	pthread_mutex_unlock(&looker->rest.lock);
	if (users > 0)
		return;
	virt_link_close(looker->link);
	rest_clear(&looker->rest);
	free(looker);
}

/* The watch is there while nobody has said stop; after that all is taken to have stopped. */
static struct guest_events seen(struct looker *looker)
{
	struct guest_events events = { .stopped = true, .switchover = true };

	pthread_mutex_lock(&looker->rest.lock);
	if (!looker->rest.over)
		guest_watch_read(looker->options.watch, &events);
	pthread_mutex_unlock(&looker->rest.lock);
	return events;
}

/*
 * May something be asked now?  Not while the switchover may be beginning.  A guest that has stood still for longer
 * without one was paused by somebody, or was not: whether memory flows tells (standstill.h).
 */
static bool may_ask(struct looker *looker, bool stands_too)
{
	struct guest_events events = seen(looker);
	bool stands;

	if (events.stopped && !looker->stands)
		looker->since = kernel_raw();
	looker->stands = events.stopped;
	stands = stands_too && !events.switchover &&
		 cf_span_cmp(cf_mono_since(kernel_raw(), looker->since), STANDS_PATIENCE) > 0;
	return !events.stopped || stands;
}

static bool has_link(struct looker *looker)
{
	if (!looker->link)
		virt_link_open(looker->context->virt, LINK_PATIENCE, &looker->link, NULL);
	return looker->link != NULL;
}

static void look(struct looker *looker)
{
	struct cf_progress now = { 0 };

	if (looker->options.guest_alone || !may_ask(looker, true) || !has_link(looker))
		return;
	if (job_progress(looker->link, looker->uuid, cf_mono_add(kernel_raw(), JOB_PATIENCE), &now, NULL) < 0)
		return;
	pthread_mutex_lock(&looker->rest.lock);
	looker->news.looks++;
	looker->news.progress = now;
	pthread_mutex_unlock(&looker->rest.lock);
}

/* Does QEMU aim at what it shall? */
static void set_aim(struct looker *looker)
{
	cf_span aim, is;

	pthread_mutex_lock(&looker->rest.lock);
	aim = looker->aim;
	is = looker->news.aims_at;
	looker->wakes = false;
	pthread_mutex_unlock(&looker->rest.lock);
	if (cf_span_cmp(aim, is) == 0 || !may_ask(looker, false) || !has_link(looker) ||
	    job_set_max_downtime(looker->link, looker->uuid, aim, cf_mono_add(kernel_raw(), JOB_PATIENCE), NULL) < 0)
		return;
	pthread_mutex_lock(&looker->rest.lock);
	looker->news.aims_at = aim;
	pthread_mutex_unlock(&looker->rest.lock);
}

/* What was read while it stopped, or once it had been given back, is none of before. */
static bool has_stopped(struct looker *looker, cf_mono asked)
{
	struct guest_events events = seen(looker);

	return events.stopped || events.switchover || events.undone || events.stop_unplaced ||
	       (events.has_stop && cf_mono_cmp(events.stop.raw, asked) > 0);
}

/* Did it answer? */
static bool ask_guest(struct looker *looker)
{
	struct cf_guest_offset fresh = { 0 };
	cf_mono asked = kernel_raw();
	struct cf_error err = { 0 };
	int r;

	if (!may_ask(looker, false) || !has_link(looker))
		return false;
	r = guest_offset_read(looker->link, looker->uuid, looker->options.rounds,
			      cf_mono_add(kernel_raw(), GUEST_PATIENCE), &fresh, &err);
	if (r == 0 && has_stopped(looker, asked))
		return false;
	pthread_mutex_lock(&looker->rest.lock);
	looker->news.readings++;
	looker->news.read = r == 0;
	looker->news.guest_offset = fresh;
	snprintf(looker->news.guest_why, sizeof(looker->news.guest_why), "%s", err.text);
	pthread_mutex_unlock(&looker->rest.lock);
	return r == 0;
}

/* The longer this goes on, the more seldom the guest is asked; sooner while it does not answer: the copy may end any time. */
static cf_span until_asked(const struct looker_options *options, cf_span age, bool answered)
{
	cf_span every = answered ? age : (cf_span){ age.ns / 4 };

	return cf_span_min(cf_span_max(every, GUEST_AGAIN), options->guest_every);
}

/* Until it looks again.  Under the lock. */
static cf_span turn(const struct looker *looker, cf_mono now)
{
	cf_span every = looker->options.progress_every;

	return looker->hurries && cf_mono_cmp(now, looker->until) < 0 ? cf_span_min(every, HURRIED_EVERY) : every;
}

/* False when it need not look any more; at once when QEMU is to hear something, or something begins. */
static bool wait_a_turn(struct looker *looker)
{
	cf_mono deadline, now = kernel_raw();
	bool over;

	pthread_mutex_lock(&looker->rest.lock);
	deadline = cf_mono_add(now, turn(looker, now));
	while (!looker->rest.over && !looker->wakes && rest_on(&looker->rest.wake, &looker->rest.lock, deadline))
		;
	over = looker->rest.over;
	pthread_mutex_unlock(&looker->rest.lock);
	return !over;
}

static void go_round(void *userdata)
{
	struct looker *looker = userdata;
	const struct looker_options *options = &looker->options;
	cf_mono begun = kernel_raw(), next = options->guest_asked ? cf_mono_add(begun, GUEST_AGAIN) : begun;
	bool answered;

	do {
		set_aim(looker);
		look(looker);
		if (options->ask_guest && cf_mono_cmp(kernel_raw(), next) >= 0) {
			answered = ask_guest(looker);
			next = cf_mono_add(kernel_raw(), until_asked(options, cf_mono_since(kernel_raw(), begun), answered));
		}
	} while (wait_a_turn(looker));

	leave(looker);
}

int looker_new(struct looker **ret, const struct act_context *context, const struct looker_options *options,
	       struct cf_error *err)
{
	struct looker *looker = calloc(1, sizeof(*looker));
	int r;

	if (!looker)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	snprintf(looker->uuid, sizeof(looker->uuid), "%s", options->uuid);
	looker->context = context;
	looker->options = *options;
	looker->aim = looker->news.aims_at = options->aims_at;
	rest_init(&looker->rest);

	looker->users = 2;
	r = worker_aside(go_round, looker, err);
	if (r < 0) {
		looker->users = 1;
		leave(looker);
		return r;
	}
	*ret = looker;
	return 0;
}

void looker_aim(struct looker *looker, cf_span target)
{
	pthread_mutex_lock(&looker->rest.lock);
	looker->wakes = looker->wakes || cf_span_cmp(looker->aim, target) != 0;
	looker->aim = target;
	pthread_cond_signal(&looker->rest.wake);
	pthread_mutex_unlock(&looker->rest.lock);
}

void looker_hurry(struct looker *looker)
{
	pthread_mutex_lock(&looker->rest.lock);
	looker->wakes = looker->hurries = true;
	looker->until = cf_mono_add(kernel_raw(), HURRIES_FOR);
	pthread_cond_signal(&looker->rest.wake);
	pthread_mutex_unlock(&looker->rest.lock);
}

void looker_read(struct looker *looker, struct looker_news *ret)
{
	pthread_mutex_lock(&looker->rest.lock);
	*ret = looker->news;
	pthread_mutex_unlock(&looker->rest.lock);
}

struct looker *looker_free(struct looker *looker)
{
	if (!looker)
		return NULL;

	rest_end(&looker->rest);
	leave(looker);
	return NULL;
}
