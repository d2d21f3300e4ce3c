/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/peer/fleet.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/sight.h"
#include "daemon/worker.h"

#define N_OVERHEADS 8

/* What is remembered of a host: one that is watched, or was migrated to. */
struct mate {
	struct mate *next;
	struct fleet *fleet;
	char host[CF_HOST_ROOM];

	/* under the fleet's lock */
	bool watched;
	bool running;			/* its thread, which ends at its next rest when it is not watched */
	struct sighting seen;
	bool gate_open;
	bool has_gate_since;
	cf_real gate_since;
	cf_span overheads[N_OVERHEADS];
	size_t n_overheads;
};

struct fleet {
	struct reporter *reporter;
	struct fleet_listener listener;
	pthread_mutex_t lock;
	pthread_cond_t wake;		/* somebody is not watched any more, or not running */
	struct settings *settings;	/* under the lock, as are the mates */
	struct mate *mates;
};

static struct settings *hold(struct fleet *fleet)
{
	struct settings *settings;

	pthread_mutex_lock(&fleet->lock);
	settings = settings_hold(fleet->settings);
	pthread_mutex_unlock(&fleet->lock);
	return settings;
}

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = hold(fleet);

	return sight_call(settings, host, ret, err);
}

int fleet_measure(struct fleet *fleet, const char *host, struct cf_peer *ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = hold(fleet);
	CF_AUTO(call_free) struct call *call = NULL;
	CF_AUTO(cf_free) struct sighting *seen = malloc(sizeof(*seen));
	int r;

	if (!seen)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = sight_call(settings, host, &call, err);
	if (r < 0)
		return r;

	sight_begin(settings, host, seen);
	sight(settings, &call, seen);
	sight_now(settings, fleet->reporter, seen, ret);
	return 0;
}

/* --- the background --- */

/* Keep what was measured; tell whoever listens when it made a difference. */
static void note(struct mate *mate, const struct settings *settings, const struct sighting *fresh, struct cf_peer *now)
{
	struct fleet *fleet = mate->fleet;
	bool reachable_before, open_before;

	sight_now(settings, fleet->reporter, fresh, now);
	pthread_mutex_lock(&fleet->lock);
	reachable_before = mate->seen.peer.reachable;
	open_before = mate->gate_open;
	if (!mate->has_gate_since || open_before != now->gate_open)
		mate->gate_since = kernel_instant().real;
	mate->has_gate_since = true;
	mate->gate_open = now->gate_open;
	mate->seen = *fresh;
	pthread_mutex_unlock(&fleet->lock);

	if (reachable_before != now->reachable || open_before != now->gate_open)
		fleet->listener.changed(fleet->listener.userdata, now, reachable_before, open_before);
}

/* Sleep for the interval; false when nobody wants the peer watched any more: then mate may be gone. */
static bool rest(struct mate *mate, cf_span interval)
{
	struct fleet *fleet = mate->fleet;
	struct timespec until;
	bool watched;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += interval.ns / CF_S + (until.tv_nsec + interval.ns % CF_S) / CF_S;
	until.tv_nsec = (until.tv_nsec + interval.ns % CF_S) % CF_S;

	pthread_mutex_lock(&fleet->lock);
	while (mate->watched && r == 0)
		r = pthread_cond_clockwait(&fleet->wake, &fleet->lock, CLOCK_MONOTONIC, &until);
	watched = mate->watched;
	if (!watched) {
		mate->running = false;
		pthread_cond_broadcast(&fleet->wake);
	}
	pthread_mutex_unlock(&fleet->lock);
	return watched;
}

/* What the thread of a mate has to itself. */
struct watching {
	struct mate *mate;
	struct settings *settings;
	struct call *call;
	struct sighting seen;
	struct cf_peer now;
};

static cf_span watch_once(struct watching *watching)
{
	struct settings *settings = hold(watching->mate->fleet);

	if (settings != watching->settings)	/* another address, other certificates */
		call_free(CF_TAKE(watching->call));
	settings_free(watching->settings);
	watching->settings = settings;

	sight(settings, &watching->call, &watching->seen);
	note(watching->mate, settings, &watching->seen, &watching->now);
	return settings->probe.interval;
}

static void *watch(void *userdata)
{
	struct watching *watching = userdata;

	while (rest(watching->mate, watch_once(watching)))
		;
	call_free(watching->call);
	settings_free(watching->settings);
	free(watching);
	return NULL;
}

/* --- who is known; under the lock --- */

static struct mate *find(struct fleet *fleet, const char *host)
{
	for (struct mate *mate = fleet->mates; mate; mate = mate->next)
		if (strcmp(mate->host, host) == 0)
			return mate;

	return NULL;
}

static struct mate *find_or_add(struct fleet *fleet, const char *host)
{
	struct mate *mate = find(fleet, host), **at = &fleet->mates;

	if (mate)
		return mate;
	mate = calloc(1, sizeof(*mate));
	if (!mate)
		return NULL;
	mate->fleet = fleet;
	snprintf(mate->host, sizeof(mate->host), "%s", host);
	sight_begin(fleet->settings, host, &mate->seen);

	/* By name, as pages need an order that stays. */
	while (*at && strcmp((*at)->host, host) < 0)
		at = &(*at)->next;
	mate->next = *at;
	*at = mate;
	return mate;
}

static bool is_peer(const struct settings *settings, const char *host)
{
	for (size_t i = 0; i < settings->n_peers; i++)
		if (strcmp(settings->peers[i].name, host) == 0)
			return true;

	return false;
}

static int start(struct mate *mate, struct cf_error *err)
{
	CF_AUTO(cf_free) struct watching *watching = calloc(1, sizeof(*watching));
	pthread_t thread;
	int r;

	if (!watching)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	watching->mate = mate;
	sight_begin(mate->fleet->settings, mate->host, &watching->seen);
	r = worker_thread(&thread, watch, watching, err);
	if (r < 0)
		return r;

	pthread_detach(thread);
	watching = NULL;
	mate->running = true;
	return 0;
}

static int watch_all(struct fleet *fleet, struct cf_error *err)
{
	const struct settings *settings = fleet->settings;
	int r;

	for (size_t i = 0; i < settings->n_peers; i++) {
		struct mate *mate = find_or_add(fleet, settings->peers[i].name);

		if (!mate)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		r = mate->running ? 0 : start(mate, err);	/* one that was about to end goes on */
		if (r < 0)
			return r;
		mate->watched = true;
	}
	return 0;
}

/* Those that settings do not name, or all of them without settings. */
static void unwatch(struct fleet *fleet, const struct settings *settings)
{
	for (struct mate *mate = fleet->mates; mate; mate = mate->next)
		if (!settings || !is_peer(settings, mate->host))
			mate->watched = false;
	pthread_cond_broadcast(&fleet->wake);
}

static bool any_running(const struct fleet *fleet)
{
	for (const struct mate *mate = fleet->mates; mate; mate = mate->next)
		if (mate->running)
			return true;

	return false;
}

int fleet_reload(struct fleet *fleet, struct settings *settings, struct cf_error *err)
{
	int r;

	pthread_mutex_lock(&fleet->lock);
	settings_free(fleet->settings);
	fleet->settings = settings_hold(settings);
	unwatch(fleet, settings);
	r = watch_all(fleet, err);
	pthread_mutex_unlock(&fleet->lock);
	return r;
}

/* --- what others ask --- */

void fleet_list(struct fleet *fleet, const char *after, size_t limit, struct cf_peers *ret)
{
	if (limit > CF_COUNT(ret->list))
		limit = CF_COUNT(ret->list);
	ret->n_list = 0;
	ret->has_next = false;
	pthread_mutex_lock(&fleet->lock);
	for (struct mate *mate = fleet->mates; mate && !ret->has_next; mate = mate->next) {
		struct cf_peer *peer = &ret->list[ret->n_list];

		if (!mate->watched || strcmp(mate->host, after) <= 0)
			continue;
		if (ret->n_list == limit) {
			ret->has_next = true;
			snprintf(ret->next, sizeof(ret->next), "%s", ret->list[limit - 1].host);
			break;
		}
		sight_now(fleet->settings, fleet->reporter, &mate->seen, peer);
		peer->has_gate_since = mate->has_gate_since;
		peer->gate_since = mate->gate_since;
		ret->n_list++;
	}
	pthread_mutex_unlock(&fleet->lock);
}

size_t fleet_names(struct fleet *fleet, char (*names)[CF_HOST_ROOM], size_t n)
{
	size_t found = 0;

	pthread_mutex_lock(&fleet->lock);
	for (struct mate *mate = fleet->mates; mate && found < n; mate = mate->next)
		if (mate->watched)
			memcpy(names[found++], mate->host, CF_HOST_ROOM);
	pthread_mutex_unlock(&fleet->lock);
	return found;
}

void fleet_offset(struct fleet *fleet, const char *host, struct cf_offset *ret, char boot[static CF_BOOT_ROOM])
{
	*ret = (struct cf_offset){ 0 };
	*boot = '\0';
	pthread_mutex_lock(&fleet->lock);
	for (const struct mate *mate = fleet->mates; mate; mate = mate->next)
		if (mate->watched && strcmp(mate->host, host) == 0) {
			*ret = mate->seen.offset;
			memcpy(boot, mate->seen.boot, CF_BOOT_ROOM);
		}
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_learn(struct fleet *fleet, const char *host, cf_span above)
{
	struct mate *mate;

	pthread_mutex_lock(&fleet->lock);
	mate = find_or_add(fleet, host);
	if (mate)
		mate->overheads[mate->n_overheads++ % N_OVERHEADS] = above;
	pthread_mutex_unlock(&fleet->lock);
}

bool fleet_overhead(struct fleet *fleet, const char *host, cf_span *ret)
{
	struct mate *mate;
	cf_span most = { 0 };
	bool known;

	pthread_mutex_lock(&fleet->lock);
	mate = find(fleet, host);
	known = mate && mate->n_overheads > 0;
	for (size_t i = 0; known && i < mate->n_overheads && i < N_OVERHEADS; i++)
		most = cf_span_max(most, mate->overheads[i]);
	pthread_mutex_unlock(&fleet->lock);

	if (known)
		*ret = most;
	return known;
}

int fleet_new(struct fleet **ret, struct settings *settings, struct reporter *reporter,
	      const struct fleet_listener *listener, struct cf_error *err)
{
	CF_AUTO(fleet_free) struct fleet *fleet = calloc(1, sizeof(*fleet));
	int r;

	if (!fleet)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	fleet->settings = settings_hold(settings);
	fleet->reporter = reporter;
	fleet->listener = *listener;
	pthread_mutex_init(&fleet->lock, NULL);
	pthread_cond_init(&fleet->wake, NULL);

	pthread_mutex_lock(&fleet->lock);
	r = watch_all(fleet, err);
	pthread_mutex_unlock(&fleet->lock);
	if (r < 0)
		return r;

	*ret = CF_TAKE(fleet);
	return 0;
}

void fleet_free(struct fleet *fleet)
{
	struct mate *next;

	if (!fleet)
		return;

	pthread_mutex_lock(&fleet->lock);
	unwatch(fleet, NULL);
	while (any_running(fleet))
		pthread_cond_wait(&fleet->wake, &fleet->lock);
	pthread_mutex_unlock(&fleet->lock);

	for (struct mate *mate = fleet->mates; mate; mate = next) {
		next = mate->next;
		free(mate);
	}
	settings_free(fleet->settings);
	pthread_cond_destroy(&fleet->wake);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet);
}
