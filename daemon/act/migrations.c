/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/migrations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/errand.h"
#include "daemon/act/foreign.h"
#include "daemon/act/migration.h"
#include "daemon/act/queue.h"
#include "daemon/act/wish.h"
#include "daemon/clock/kernel.h"
#include "daemon/loop.h"

#define KEPT 8			/* of those that are over and in the ledger */
#define SAVE_AGAIN ((cf_span){ 5 * CF_S })
#define UNDER_WAY_MAX 100	/* each has a thread: a peer may not ask for any number */

static struct migration *find(const struct migrations *all, const char *id)
{
	for (struct migration *m = all->newest; m; m = m->next)
		if (strcmp(m->id, id) == 0)
			return m;

	return NULL;
}

/* Is its domain in its hands?  One that has ended may only be waiting for the receipt, unless it has to be undone. */
static bool holds(const struct migration *m)
{
	if (m->over || m->phase == CF_PHASE_QUEUED || m->phase == CF_PHASE_CHECKING)
		return false;
	return !cf_phase_is_end(m->phase) || m->phase == CF_PHASE_ABORTED;
}

/* Does a migration other than `but` have the domain? */
static bool busy(const struct migrations *all, const char *uuid, const struct migration *but)
{
	struct cf_migration shown;

	for (struct migration *m = all->newest; m; m = m->next) {
		if (m == but || !holds(m))
			continue;
		work_shown(m->work, &shown);
		if (strcmp(shown.uuid, uuid) == 0)
			return true;
	}

	return false;
}

bool migrations_move(const struct migrations *all, const char *uuid, enum cf_side side)
{
	struct cf_migration shown;

	for (struct migration *m = all->newest; m; m = m->next) {
		if (m->side != side || !holds(m) || m->phase == CF_PHASE_LANDED || m->phase == CF_PHASE_CORRECTING ||
		    m->phase == CF_PHASE_VERIFYING)
			continue;
		work_shown(m->work, &shown);
		if (strcasecmp(shown.uuid, uuid) == 0)
			return true;
	}

	return false;
}

bool migrations_hold(const struct migrations *all, const char *uuid)
{
	return busy(all, uuid, NULL);
}

bool migrations_claim(struct migrations *all, const struct migration *m)
{
	struct cf_migration shown;

	work_shown(m->work, &shown);
	return !busy(all, shown.uuid, m);
}

/* The ledger has them; those few that were looked at just now are still at hand. */
static void forget_old(struct migrations *all)
{
	struct migration **at = &all->newest;
	size_t n = 0;

	while (*at) {
		struct migration *m = *at;

		if (m->over && m->saved && m->writes == 0 && ++n > KEPT) {
			*at = m->next;
			migration_free(m);
		} else {
			at = &m->next;
		}
	}
}

static int on_save_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct migrations *all = userdata;

	(void)source, (void)usec;
	all->retry = sd_event_source_unref(all->retry);
	for (struct migration *m = all->newest; m; m = m->next)
		if (m->over && !m->saved && m->writes == 0)
			migration_save(m);
	return 0;
}

void migrations_save_later(struct migrations *all)
{
	if (!all->retry)
		sd_event_add_time_relative(loop_sd(all->context->loop), &all->retry, CLOCK_MONOTONIC,
					   SAVE_AGAIN.ns / CF_US, 0, on_save_again, all);
}

void migrations_add(struct migrations *all, struct migration *m)
{
	forget_old(all);
	m->next = all->newest;
	all->newest = m;
}

static void add(struct migrations *all, struct migration *m)
{
	migrations_add(all, m);
	migration_set_out(m);
}

/* A request that is known already is no new one. */
static int let_in(const struct migrations *all, struct cf_error *err)
{
	int r = stop_let_in(all, err);

	if (r < 0)
		return r;
	if (migrations_under_way(all) >= UNDER_WAY_MAX)
		return cf_fail(err, EBUSY, CF_BUSY, "%d migrations are under way already", UNDER_WAY_MAX);
	return 0;
}

/* Is one of the same domain under way from here, or waiting? */
static bool has_twin(const struct migrations *all, const struct migration *second)
{
	struct cf_migration shown;

	for (const struct migration *m = all->newest; m; m = m->next) {
		if (m == second || m->side != CF_SOURCE || m->over ||
		    (cf_phase_is_end(m->phase) && m->phase != CF_PHASE_ABORTED))
			continue;
		work_shown(m->work, &shown);
		if (strcmp(second->request.domain, m->request.domain) == 0 ||
		    strcmp(second->request.domain, shown.domain) == 0 ||
		    strcmp(second->request.domain, shown.uuid) == 0)
			return true;
	}

	return false;
}

void migrations_moved(struct migrations *all, const struct migration *which)
{
	if (which->side == CF_SOURCE && which->phase != CF_PHASE_QUEUED && !cf_phase_takes_room(CF_SOURCE, which->phase))
		queue_room_at(all, which->peer);
	queue_move(all);
	stop_look(all);
}

int migrations_start(struct migrations *all, const char *id, struct cf_migration_request *request,
		     const struct cf_requester *requester, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	struct cf_migration *shown;
	int64_t mark;
	int r;

	r = wish_mark(request, &mark, err);
	if (r < 0)
		return r;
	*ret = find(all, id);
	if (*ret && (*ret)->side == CF_SOURCE && (*ret)->mark == mark)
		return 0;
	if (*ret)
		return cf_fail(err, EEXIST, CF_CONFLICT, "%s is another migration already", id);

	r = let_in(all, err);
	if (r == 0)
		r = queue_has_room(all, err);
	if (r < 0)
		return r;
	r = migration_new(&m, all, all->context, CF_SOURCE, id, err);
	if (r < 0)
		return r;
	r = wish_hand_over(request, m->work, err);
	if (r < 0)
		return r;
	m->mark = mark;
	m->request = *request;
	snprintf(m->peer, sizeof(m->peer), "%s", request->destination);
	m->ticket = ++all->tickets;
	m->may_wait = request->has_wait ? request->wait : all->context->settings->queue_wait;
	m->leave_by = cf_mono_add(kernel_raw(), m->may_wait);

	shown = work_show_begin(m->work);
	snprintf(shown->domain, sizeof(shown->domain), "%s", request->domain);
	snprintf(shown->source, sizeof(shown->source), "%s", all->context->settings->host);
	snprintf(shown->destination, sizeof(shown->destination), "%s", request->destination);
	shown->has_requester = true;
	shown->requester = *requester;
	m->work->terms = request->terms;
	shown->has_priority = true;
	shown->priority = request->priority;
	shown->n_labels = request->n_labels;
	memcpy(shown->labels, request->labels, sizeof(shown->labels));
	work_show_end(m->work);

	*ret = m;
	add(all, CF_TAKE(m));
	if (has_twin(all, *ret))
		migration_refuse_second(*ret, NULL);	/* else its turn does */
	queue_move(all);
	return 0;
}

int migrations_expect(struct migrations *all, const char *id, const struct cf_reservation *reservation,
		      const struct cf_lease *lease, const char *peer, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	const struct drive_ops *driver;
	struct cf_migration *shown;
	int r;

	*ret = find(all, id);
	if (*ret && cf_phase_is_end((*ret)->phase))
		return cf_fail(err, EALREADY, CF_CONFLICT, "migration %s has ended here already", id);
	if (*ret && (*ret)->side == CF_DESTINATION && strcmp((*ret)->peer, peer) == 0 &&
	    strcmp((*ret)->reservation.uuid, reservation->uuid) == 0)
		return 0;
	if (*ret)
		return cf_fail(err, EEXIST, CF_CONFLICT, "%s is another migration already", id);

	driver = work_driver(reservation->driver);
	if (driver->foreign ? migrations_move(all, reservation->uuid, CF_DESTINATION) : busy(all, reservation->uuid, NULL))
		return cf_fail(err, EBUSY, CF_CONFLICT, "domain %s is being migrated here already", reservation->domain);

	r = driver->foreign ? 0 : let_in(all, err);
	if (r < 0)
		return r;
	r = migration_new(&m, all, all->context, CF_DESTINATION, id, err);
	if (r == 0)
		r = migration_hire(m, err);
	if (r < 0)
		return r;
	m->reservation = *reservation;
	snprintf(m->uuid, sizeof(m->uuid), "%s", reservation->uuid);
	snprintf(m->peer, sizeof(m->peer), "%s", peer);
	snprintf(m->request.domain, sizeof(m->request.domain), "%s", reservation->domain);

	m->work->reservation = *reservation;
	m->work->driver = driver;
	if (driver->foreign)
		m->work->watch = foreign_announced(all->foreign, reservation->uuid);
	m->work->lease = *lease;
	shown = work_show_begin(m->work);
	snprintf(shown->domain, sizeof(shown->domain), "%s", reservation->domain);
	snprintf(shown->uuid, sizeof(shown->uuid), "%s", reservation->uuid);
	snprintf(shown->source, sizeof(shown->source), "%s", reservation->source);
	snprintf(shown->destination, sizeof(shown->destination), "%s", reservation->destination);
	shown->has_requester = reservation->has_requester;
	shown->requester = reservation->requester;
	shown->n_labels = reservation->n_labels;
	memcpy(shown->labels, reservation->labels, sizeof(shown->labels));
	work_show_end(m->work);

	*ret = m;
	add(all, CF_TAKE(m));
	return 0;
}

enum cf_finding_code migrations_objection(const struct migrations *all, const char *id,
					  char detail[static CF_DETAIL_ROOM])
{
	int64_t arriving = migrations_arriving(all), incoming = all->context->settings->incoming;

	if (find(all, id))
		return CF_FINDING_UNKNOWN;
	*detail = '\0';
	if (all->stop.quiescing)
		return CF_FINDING_QUIESCING;
	if (arriving < incoming)
		return CF_FINDING_UNKNOWN;
	snprintf(detail, CF_DETAIL_ROOM, "%" PRId64 " are on their way to it, and no more than %" PRId64 " may be",
		 arriving, incoming);
	return CF_FINDING_PEER_BUSY;
}

bool migrations_expects(const struct migrations *all, const char *uuid)
{
	for (const struct migration *m = all->newest; m; m = m->next)
		if (m->side == CF_DESTINATION && !m->over && cf_phase_takes_room(CF_DESTINATION, m->phase) &&
		    strcasecmp(m->uuid, uuid) == 0)
			return true;

	return false;
}

int migrations_find(struct migrations *all, const char *id, struct migration **ret, struct cf_error *err)
{
	struct migration *m = find(all, id);

	if (!m)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "no migration %s is known here", id);

	*ret = m;
	return 0;
}

int migrations_find_incoming(struct migrations *all, const char *id, const char *peer, struct migration **ret,
			     struct cf_error *err)
{
	struct migration *m = find(all, id);

	if (!m || m->side != CF_DESTINATION)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "nothing was reserved for migration %s", id);
	if (strcmp(m->peer, peer) != 0)
		return cf_fail(err, EACCES, CF_FORBIDDEN, "migration %s was reserved by another host", id);

	*ret = m;
	return 0;
}

void migrations_refresh(const struct migrations *all, struct cf_migrations *list)
{
	for (size_t i = 0; i < list->n_list; i++) {
		struct migration *m = find(all, list->list[i].id);

		if (m)
			work_shown(m->work, &list->list[i]);
	}
}

static bool is_in_state(const struct cf_migration *view, const char *state)
{
	if (strcmp(state, "open") == 0 || strcmp(state, "ended") == 0)
		return view->has_ended == (strcmp(state, "ended") == 0);
	return strcmp(cf_phase_words[view->phase], state) == 0;
}

static bool is_wanted(const struct cf_migration *view, const struct cf_migrations_query *query)
{
	if (query->has_state && !is_in_state(view, query->state))
		return false;
	if (query->has_domain && strcmp(view->domain, query->domain) != 0 && strcasecmp(view->uuid, query->domain) != 0)
		return false;
	for (size_t i = 0; i < query->n_label; i++)
		if (!cf_labels_have(view->labels, view->n_labels, query->label[i]))
			return false;

	return true;
}

void migrations_unrecorded(const struct migrations *all, const struct cf_migrations_query *query,
			   struct cf_migrations *ret)
{
	size_t most = query->has_limit ? (size_t)query->limit : CF_COUNT(ret->list);

	ret->n_list = 0;
	for (struct migration *m = all->newest; m && ret->n_list < most; m = m->next) {
		if (m->recorded)
			continue;
		work_shown(m->work, &ret->list[ret->n_list]);
		ret->n_list += is_wanted(&ret->list[ret->n_list], query);
	}
}

void migrations_reload(struct migrations *all)
{
	queue_move(all);
}

int64_t migrations_under_way(const struct migrations *all)
{
	int64_t n = 0;

	for (struct migration *m = all->newest; m; m = m->next)
		n += !m->over && m->phase != CF_PHASE_QUEUED;
	return n;
}

int64_t migrations_queued(const struct migrations *all)
{
	int64_t n = 0;

	for (struct migration *m = all->newest; m; m = m->next)
		n += m->phase == CF_PHASE_QUEUED;
	return n;
}

/* An attempt that failed has to be undone before it has left its room. */
static int64_t taking_room(const struct migrations *all, enum cf_side side)
{
	int64_t n = 0;

	for (struct migration *m = all->newest; m; m = m->next)
		n += m->side == side && (cf_phase_takes_room(side, m->phase) ||
					 (m->phase == CF_PHASE_ABORTED && !m->over));
	return n;
}

int64_t migrations_leaving(const struct migrations *all)
{
	return taking_room(all, CF_SOURCE);
}

int64_t migrations_arriving(const struct migrations *all)
{
	return taking_room(all, CF_DESTINATION);
}

int migrations_new(struct migrations **ret, const struct act_context *context, struct cf_error *err)
{
	struct migrations *all = calloc(1, sizeof(*all));

	if (!all)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	all->context = context;
	if (foreign_new(&all->foreign, all, err) < 0) {
		free(all);
		return -ENOMEM;
	}

	*ret = all;
	return 0;
}

void migrations_hear(struct migrations *all, const struct virt_news *news)
{
	foreign_hear(all->foreign, news);
}

void migrations_free(struct migrations *all)
{
	struct migration *next;

	if (!all)
		return;
	foreign_free(all->foreign);
	sd_event_source_disable_unref(all->alarm);
	stop_clear(&all->stop);
	sd_event_source_disable_unref(all->retry);
	errands_clear(all);
	for (struct migration *m = all->newest; m; m = m->next)
		work_stop(m->work);	/* all of them, before the first is waited for */
	for (struct migration *m = all->newest; m; m = next) {
		next = m->next;
		migration_free(m);
	}
	free(all);
}
