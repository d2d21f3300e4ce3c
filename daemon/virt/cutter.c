/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/cutter.h"

#include <errno.h>
#include <pthread.h>

#include "daemon/clock/kernel.h"
#include "proto/base.h"

struct cutter {
	struct guest_watch *watch;
	struct guard *guard;
	struct cutter_terms terms;

	/* The event thread's and the migration's: neither keeps it for long, and the watchdog knows nothing of it. */
	pthread_mutex_t lock;
	enum cf_watch now;
	cf_span max_downtime;		/* what QEMU aims at */
	int64_t left;			/* of the memory, at the last look */
	int64_t bytes_per_second;
	bool begun;			/* QEMU has said something of the migration */
	bool has_seen_stop;
	cf_mono seen_stop;		/* when the switchover was heard of: for a STOP whose stamp is no good */

	/* The migration's thread's */
	struct sockets *sockets;
	struct sockets_seen seen;
	bool over;
};

static struct cf_watched watched(const struct guest_events *events)
{
	bool failed = events->status == MIGRATION_FAILED || events->status == MIGRATION_CANCELLED;

	return (struct cf_watched){
		.stopped = events->stopped,
		.paused = events->paused,
		.switchover = events->switchover,
		.held = events->status == MIGRATION_PRE_SWITCHOVER,
		.completed = events->status == MIGRATION_COMPLETED,
		.undone = events->undone || failed,	/* it runs again, or does so in a moment */
	};
}

/* With the lock held. */
static void heard(struct cutter *cutter, cf_mono now)
{
	if (cutter->begun && cf_watch_heartbeat(cutter->now))
		guard_due(cutter->guard, GUARD_HEARTBEAT, cf_mono_add(now, cutter->terms.heartbeat));
}

/* With the lock held. */
static cf_span way_back(const struct cutter *cutter)
{
	return cf_way_back(cf_left_at_stop(cutter->left, cutter->bytes_per_second, cutter->max_downtime));
}

/* With the lock held. */
static void stands(struct cutter *cutter, const struct guest_events *events, cf_mono now)
{
	const struct cutter_terms *terms = &cutter->terms;
	struct cf_instant stop = events->stop;

	if (!cutter->has_seen_stop) {
		cutter->has_seen_stop = true;
		cutter->seen_stop = now;
	}
	if (!events->has_stop)
		stop = (struct cf_instant){ .raw = cutter->seen_stop };
	guard_due(cutter->guard, GUARD_BLACKOUT,
		  cf_blackout_deadline(stop, terms->slack, terms->limit, way_back(cutter)));
}

static void on_event(const struct guest_events *events, const struct guest_event *event, void *userdata)
{
	struct cutter *cutter = userdata;
	const struct cf_watched seen = watched(events);
	cf_mono now = kernel_raw();

	pthread_mutex_lock(&cutter->lock);
	cutter->now = cf_watch(&seen);
	cutter->begun = cutter->begun || events->status != MIGRATION_NONE;
	if (event && event->kind != GUEST_EV_GAP)
		heard(cutter, now);
	if (!cf_watch_heartbeat(cutter->now))
		guard_clear(cutter->guard, GUARD_HEARTBEAT);
	if (cf_watch_blackout(cutter->now))
		stands(cutter, events, now);
	else
		guard_clear(cutter->guard, GUARD_BLACKOUT);
	if (cutter->now == CF_WATCH_LOADED)
		guard_loaded(cutter->guard);
	pthread_mutex_unlock(&cutter->lock);
}

int cutter_new(struct watchdog *dog, struct guest_watch *watch, const struct cutter_terms *terms,
	       struct cutter **ret, struct cf_error *err)
{
	struct cutter *cutter = calloc(1, sizeof(*cutter));
	int r;

	if (!cutter)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = sockets_open(terms->roots ? terms->roots : &counter_roots, terms->name, terms->uuid, &cutter->sockets, err);
	if (r < 0) {
		free(cutter);
		return r;
	}
	cutter->guard = guard_new(dog, sockets_pidfd(cutter->sockets));
	if (!cutter->guard) {
		sockets_free(cutter->sockets);
		free(cutter);
		return cf_fail(err, EBUSY, CF_BUSY, "the watchdog has no guard left");
	}
	cutter->watch = watch;
	cutter->terms = *terms;
	cutter->max_downtime = terms->max_downtime;
	pthread_mutex_init(&cutter->lock, NULL);
	guest_watch_tell(watch, on_event, cutter);
	*ret = cutter;
	return 0;
}

struct cutter *cutter_free(struct cutter *cutter)
{
	if (!cutter)
		return NULL;

	guest_watch_tell(cutter->watch, NULL, NULL);
	guard_free(cutter->guard);
	sockets_free(cutter->sockets);
	pthread_mutex_destroy(&cutter->lock);
	free(cutter);
	return NULL;
}

int cutter_want(struct cutter *cutter, enum socket_use use, const char *uri, size_t expected, struct cf_error *err)
{
	return sockets_want(cutter->sockets, CF_SOURCE, use, uri, expected, err);
}

/* A duplicate that nobody needs any more would keep QEMU's peer from seeing the end. */
static void give_back(struct cutter *cutter)
{
	sockets_drop(cutter->sockets);
	cutter->over = true;
}

void cutter_look(struct cutter *cutter, struct sockets_seen *ret)
{
	struct guard_end end;
	struct cut cut;

	if (!cutter->over) {
		sockets_look(cutter->sockets, &cut, &cutter->seen);
		if (guard_sockets(cutter->guard, &cut))
			sockets_settle(cutter->sockets);
		guard_read(cutter->guard, &end);
		if (end.cut || end.loaded)
			give_back(cutter);
	}
	*ret = cutter->seen;
}

void cutter_heard(struct cutter *cutter)
{
	pthread_mutex_lock(&cutter->lock);
	heard(cutter, kernel_raw());
	pthread_mutex_unlock(&cutter->lock);
}

void cutter_copied(struct cutter *cutter, const struct cf_progress *progress)
{
	if (cutter->terms.parallel)
		return;
	pthread_mutex_lock(&cutter->lock);
	cutter->left = progress->bytes_left;
	cutter->bytes_per_second = progress->bytes_per_second;
	pthread_mutex_unlock(&cutter->lock);
}

void cutter_aims(struct cutter *cutter, cf_span max_downtime)
{
	pthread_mutex_lock(&cutter->lock);
	cutter->max_downtime = max_downtime;
	pthread_mutex_unlock(&cutter->lock);
}

cf_span cutter_way_back(struct cutter *cutter)
{
	cf_span span;

	pthread_mutex_lock(&cutter->lock);
	span = way_back(cutter);
	pthread_mutex_unlock(&cutter->lock);
	return span;
}

bool cutter_cut(struct cutter *cutter)
{
	return guard_cut(cutter->guard);
}

bool cutter_loaded(struct cutter *cutter)
{
	return guard_loaded(cutter->guard);
}

enum cf_watch cutter_read(struct cutter *cutter, struct guard_end *ret)
{
	enum cf_watch now;

	guard_read(cutter->guard, ret);
	pthread_mutex_lock(&cutter->lock);
	now = cutter->now;
	pthread_mutex_unlock(&cutter->lock);
	return now;
}
