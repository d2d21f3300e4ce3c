/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The threads that watch the fleet: a few, however many hosts there are.  Each takes
 * the host that is due first and asks it.  A host that does not answer keeps its
 * thread for as long as its timeouts take, so that those which did not answer the
 * last time never have all of the threads: the others go on being asked in time.
 */

#include <errno.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet-inside.h"
#include "daemon/rest.h"
#include "daemon/worker.h"

#define THREADS_MAX 16

/* Scratch of one thread: too large for its stack. */
struct watch {
	struct fleet *fleet;
	struct sighting seen;
	struct cf_peer now;
};

/* How many of the threads may be with hosts that did not answer, or were never asked. */
static size_t doubtful_max(const struct fleet *fleet)
{
	return fleet->n_threads > 3 ? fleet->n_threads - fleet->n_threads / 4 : 1;
}

/* The host that is due first, due or not; one that nobody wants any more has its connection to lose first. */
static struct mate *next(const struct fleet *fleet)
{
	bool full = fleet->n_doubtful >= doubtful_max(fleet);
	struct mate *first = NULL;

	for (struct mate *mate = fleet->mates; mate; mate = mate->next) {
		if (mate->busy)
			continue;
		if (!mate->watched && (mate->call || mate->spare.call))
			return mate;
		if (!mate->watched || (full && !mate->seen.peer.reachable))
			continue;
		if (!first || cf_mono_cmp(mate->due, first->due) < 0)
			first = mate;
	}
	return first;
}

/* Under the lock: wait for a host to ask; NULL when the fleet ends. */
static struct mate *take(struct fleet *fleet)
{
	for (;;) {
		struct mate *mate = next(fleet);

		if (fleet->ending)
			return NULL;
		if (mate && (!mate->watched || cf_mono_cmp(mate->due, kernel_raw()) <= 0)) {
			mate->busy = true;
			mate->doubtful = !mate->seen.peer.reachable;
			fleet->n_doubtful += mate->doubtful;
			pthread_cond_signal(&fleet->wake);	/* another one waits for what is due after it */
			return mate;
		}
		if (mate)
			rest_on(&fleet->wake, &fleet->lock, mate->due);
		else
			pthread_cond_wait(&fleet->wake, &fleet->lock);
	}
}

static void put_back(struct fleet *fleet, struct mate *mate, cf_span interval)
{
	mate->busy = false;
	fleet->n_doubtful -= mate->doubtful;
	mate->due = cf_mono_add(kernel_raw(), interval);
}

/* Keep what was measured; tell whoever listens when it made a difference. */
static void note(struct watch *watch, struct mate *mate)
{
	struct fleet *fleet = watch->fleet;
	bool reachable_before, open_before;

	sight_now(mate->settings, fleet->reporter, &watch->seen, &watch->now);
	pthread_mutex_lock(&fleet->lock);
	reachable_before = mate->seen.peer.reachable;
	open_before = mate->gate_open;
	if (!mate->has_gate_since || open_before != watch->now.gate_open)
		mate->gate_since = kernel_instant().real;
	mate->has_gate_since = true;
	mate->gate_open = watch->now.gate_open;
	mate->seen = watch->seen;
	pthread_mutex_unlock(&fleet->lock);

	if (reachable_before != watch->now.reachable || open_before != watch->now.gate_open)
		fleet->listener.changed(fleet->listener.userdata, &watch->now, reachable_before, open_before);
}

/* Without the lock.  Under other settings it may have another address, or other certificates; and those end. */
static void ask(struct watch *watch, struct mate *mate, struct settings *settings)
{
	if (settings != mate->settings || !(mate->call && call_is_good(mate->call)))
		call_free(CF_TAKE(mate->call));
	settings_free(mate->settings);
	mate->settings = settings;
	watch->seen = mate->seen;
	sight(settings, &mate->call, &watch->seen);
	note(watch, mate);
}

/* Under the lock: the connection for checks, where no check will use it any more: the other end has no room to waste. */
static struct call *outdated(const struct fleet *fleet, struct mate *mate)
{
	return fleet_keeps(fleet, mate) ? NULL : CF_TAKE(mate->spare.call);
}

static void *run(void *userdata)
{
	struct watch *watch = userdata;
	struct fleet *fleet = watch->fleet;
	struct mate *mate;

	pthread_mutex_lock(&fleet->lock);
	while ((mate = take(fleet))) {
		struct settings *settings = settings_hold(fleet->settings);
		cf_span interval = settings->probe.interval;
		struct call *spare = outdated(fleet, mate);
		unsigned generation = fleet->generation;
		bool watched = mate->watched;

		pthread_mutex_unlock(&fleet->lock);
		call_free(spare);
		if (watched) {
			ask(watch, mate, settings);
		} else {
			call_free(CF_TAKE(mate->call));
			mate->settings = settings_free(mate->settings);
			settings_free(settings);
		}
		pthread_mutex_lock(&fleet->lock);
		put_back(fleet, mate, generation == fleet->generation ? interval : (cf_span){ 0 });
	}
	fleet->n_threads--;
	pthread_cond_signal(&fleet->ended);
	pthread_mutex_unlock(&fleet->lock);
	free(watch);
	return NULL;
}

int fleet_man(struct fleet *fleet, size_t n_hosts, struct cf_error *err)
{
	pthread_t thread;
	int r;

	while (fleet->n_threads < n_hosts && fleet->n_threads < THREADS_MAX) {
		CF_AUTO(cf_free) struct watch *watch = calloc(1, sizeof(*watch));

		if (!watch)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		watch->fleet = fleet;
		r = worker_thread(&thread, run, watch, err);
		if (r < 0)
			return fleet->n_threads > 0 ? 0 : r;
		pthread_detach(thread);
		watch = NULL;
		fleet->n_threads++;
	}
	pthread_cond_broadcast(&fleet->wake);
	return 0;
}

void fleet_dismiss(struct fleet *fleet)
{
	fleet->ending = true;
	pthread_cond_broadcast(&fleet->wake);
	while (fleet->n_threads > 0)
		pthread_cond_wait(&fleet->ended, &fleet->lock);
}
