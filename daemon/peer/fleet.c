/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/peer/fleet-inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock/kernel.h"

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

/* All of them, and each asked at once: why one did not answer may be what has changed. */
static int watch_all(struct fleet *fleet, struct cf_error *err)
{
	const struct settings *settings = fleet->settings;

	for (size_t i = 0; i < settings->n_peers; i++) {
		struct mate *mate = find_or_add(fleet, settings->peers[i].name);

		if (!mate)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		mate->watched = true;
		mate->due = kernel_raw();
	}
	return fleet_man(fleet, settings->n_peers, err);
}

/* Those that the settings do not name. */
static void unwatch(struct fleet *fleet, const struct settings *settings)
{
	for (struct mate *mate = fleet->mates; mate; mate = mate->next)
		mate->watched = mate->watched && is_peer(settings, mate->host);
}

int fleet_reload(struct fleet *fleet, struct settings *settings, struct cf_error *err)
{
	int r;

	pthread_mutex_lock(&fleet->lock);
	settings_free(fleet->settings);
	fleet->settings = settings_hold(settings);
	fleet->generation++;
	unwatch(fleet, settings);
	r = watch_all(fleet, err);
	pthread_mutex_unlock(&fleet->lock);
	return r;
}

/* --- connections for checks --- */

bool fleet_keeps(const struct fleet *fleet, const struct mate *mate)
{
	const struct fleet_loan *spare = &mate->spare;

	return spare->call && mate->watched && mate->seen.peer.reachable && spare->generation == fleet->generation &&
	       call_is_good(spare->call);
}

int fleet_lend(struct fleet *fleet, const char *host, struct fleet_loan *ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	CF_AUTO(call_free) struct call *spare = NULL;
	struct mate *mate;
	bool good;

	pthread_mutex_lock(&fleet->lock);
	settings = settings_hold(fleet->settings);
	ret->generation = fleet->generation;
	mate = find(fleet, host);
	good = mate && fleet_keeps(fleet, mate);
	if (mate)
		spare = CF_TAKE(mate->spare.call);
	pthread_mutex_unlock(&fleet->lock);

	ret->call = good ? CF_TAKE(spare) : NULL;
	return good ? 0 : sight_call(settings, host, &ret->call, err);
}

/* Closing takes a moment: not under the lock. */
void fleet_take_back(struct fleet *fleet, const char *host, struct fleet_loan *loan)
{
	CF_AUTO(call_free) struct call *surplus = NULL;
	struct mate *mate;

	if (loan->call && call_is_good(loan->call)) {
		pthread_mutex_lock(&fleet->lock);
		mate = find(fleet, host);
		if (mate && mate->watched && loan->generation == fleet->generation) {
			surplus = mate->spare.call;
			mate->spare = *loan;
			loan->call = NULL;
		}
		pthread_mutex_unlock(&fleet->lock);
	}
	call_free(CF_TAKE(loan->call));
}

int fleet_measure(struct fleet *fleet, const char *host, struct cf_peer *ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = hold(fleet);
	CF_AUTO(cf_free) struct sighting *seen = malloc(sizeof(*seen));
	struct fleet_loan loan;
	int r;

	if (!seen)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = fleet_lend(fleet, host, &loan, err);
	if (r < 0)
		return r;

	sight_begin(settings, host, seen);
	sight(settings, &loan.call, seen);
	fleet_take_back(fleet, host, &loan);
	sight_now(settings, fleet->reporter, seen, ret);
	return 0;
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

bool fleet_next(struct fleet *fleet, struct cf_peers *page)
{
	char after[CF_CURSOR_ROOM] = "";

	if (page->n_list > 0 && !page->has_next)
		return false;
	if (page->has_next)
		memcpy(after, page->next, sizeof(after));
	fleet_list(fleet, after, CF_PEERS_MAX, page);
	return page->n_list > 0;
}

size_t fleet_names(struct fleet *fleet, const char *after, char (*names)[CF_HOST_ROOM], size_t n, bool *more)
{
	size_t found = 0;

	*more = false;
	pthread_mutex_lock(&fleet->lock);
	for (struct mate *mate = fleet->mates; mate && !*more; mate = mate->next) {
		if (!mate->watched || strcmp(mate->host, after) <= 0)
			continue;
		*more = found == n;
		if (!*more)
			memcpy(names[found++], mate->host, CF_HOST_ROOM);
	}
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

static size_t known_of(const struct mate *mate)
{
	return mate->n_overheads < N_OVERHEADS ? mate->n_overheads : N_OVERHEADS;
}

static bool is_known(const struct mate *mate, const struct cf_ramp_past *past)
{
	for (size_t i = 0; i < known_of(mate); i++)
		if (mate->overheads[i].at.ns == past->at.ns)
			return true;
	return false;
}

void fleet_learn(struct fleet *fleet, const char *host, const struct cf_ramp_past *past)
{
	struct mate *mate;

	pthread_mutex_lock(&fleet->lock);
	mate = find_or_add(fleet, host);
	if (mate && !is_known(mate, past))
		mate->overheads[mate->n_overheads++ % N_OVERHEADS] = *past;
	pthread_mutex_unlock(&fleet->lock);
}

bool fleet_overhead(struct fleet *fleet, const char *host, cf_span *ret)
{
	struct mate *mate;
	bool known;

	pthread_mutex_lock(&fleet->lock);
	mate = find(fleet, host);
	known = mate && cf_ramp_expect(mate->overheads, known_of(mate), kernel_instant().real, ret);
	pthread_mutex_unlock(&fleet->lock);
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
	pthread_cond_init(&fleet->ended, NULL);

	pthread_mutex_lock(&fleet->lock);
	r = watch_all(fleet, err);
	pthread_mutex_unlock(&fleet->lock);
	if (r < 0)
		return r;

	*ret = CF_TAKE(fleet);
	return 0;
}

static void mate_free(struct mate *mate)
{
	call_free(mate->call);
	call_free(mate->spare.call);
	settings_free(mate->settings);
	free(mate);
}

void fleet_free(struct fleet *fleet)
{
	struct mate *next;

	if (!fleet)
		return;

	pthread_mutex_lock(&fleet->lock);
	fleet_dismiss(fleet);
	pthread_mutex_unlock(&fleet->lock);

	for (struct mate *mate = fleet->mates; mate; mate = next) {
		next = mate->next;
		mate_free(mate);
	}
	settings_free(fleet->settings);
	pthread_cond_destroy(&fleet->ended);
	pthread_cond_destroy(&fleet->wake);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet);
}
