/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who gets into the list of migrations: what a user asks for here, and what another host reserves. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/act/foreign.h"
#include "daemon/act/migration.h"
#include "daemon/act/queue.h"
#include "daemon/act/stray.h"
#include "daemon/act/wish.h"
#include "daemon/clock/kernel.h"

#define UNDER_WAY_MAX 100	/* each has a thread: a peer may not ask for any number */

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

static void show_request(struct migration *m, const struct cf_requester *requester)
{
	const struct cf_migration_request *request = &m->request;
	struct cf_migration *shown = work_show_begin(m->work);

	snprintf(shown->domain, sizeof(shown->domain), "%s", request->domain);
	snprintf(shown->source, sizeof(shown->source), "%s", m->all->context->settings->host);
	snprintf(shown->destination, sizeof(shown->destination), "%s", request->destination);
	shown->has_requester = true;
	shown->requester = *requester;
	shown->has_priority = true;
	shown->priority = request->priority;
	shown->n_labels = request->n_labels;
	memcpy(shown->labels, request->labels, sizeof(shown->labels));
	work_show_end(m->work);
}

int migrations_start(struct migrations *all, const char *id, struct cf_migration_request *request,
		     const struct cf_requester *requester, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	int64_t mark;
	int r;

	r = wish_mark(request, &mark, err);
	if (r < 0)
		return r;
	if (migrations_find(all, id, ret, NULL) == 0) {
		if ((*ret)->side == CF_SOURCE && (*ret)->mark == mark)
			return 0;
		return cf_fail(err, EEXIST, CF_CONFLICT, "%s is another migration already", id);
	}

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
	m->may_wait = request->has_wait ? request->wait : all->context->settings->queue_wait;
	m->leave_by = cf_mono_add(kernel_raw(), m->may_wait);
	m->work->terms = request->terms;
	show_request(m, requester);

	*ret = m;
	add(all, CF_TAKE(m));
	if (has_twin(all, *ret))
		migration_refuse_second(*ret, NULL);	/* else its turn does */
	queue_move(all);
	return 0;
}

/* Somebody has that id here already. */
static int expect_again(const struct migration *m, const struct cf_reservation *reservation, const char *peer,
			struct cf_error *err)
{
	if (cf_phase_is_end(m->phase))
		return cf_fail(err, EALREADY, CF_CONFLICT, "migration %s has ended here already", m->id);
	if (m->side == CF_DESTINATION && strcasecmp(m->peer, peer) == 0 && strcmp(m->reservation.uuid, reservation->uuid) == 0)
		return 0;
	return cf_fail(err, EEXIST, CF_CONFLICT, "%s is another migration already", m->id);
}

static void show_reservation(struct migration *m)
{
	const struct cf_reservation *reservation = &m->reservation;
	struct cf_migration *shown = work_show_begin(m->work);

	snprintf(shown->domain, sizeof(shown->domain), "%s", reservation->domain);
	snprintf(shown->uuid, sizeof(shown->uuid), "%s", reservation->uuid);
	snprintf(shown->source, sizeof(shown->source), "%s", reservation->source);
	snprintf(shown->destination, sizeof(shown->destination), "%s", reservation->destination);
	shown->has_requester = reservation->has_requester;
	shown->requester = reservation->requester;
	shown->n_labels = reservation->n_labels;
	memcpy(shown->labels, reservation->labels, sizeof(shown->labels));
	work_show_end(m->work);
}

static bool runs_here(struct guest_watch *watch)
{
	struct guest_events events;

	guest_watch_read(watch, &events);
	return events.has_resume_known;
}

int migrations_expect(struct migrations *all, const char *id, const struct cf_reservation *reservation,
		      const struct cf_lease *lease, const char *peer, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	const struct drive_ops *driver;
	int r;

	if (migrations_find(all, id, ret, NULL) == 0)
		return expect_again(*ret, reservation, peer, err);

	driver = work_driver(reservation->driver);
	if (driver->foreign ? migrations_move(all, reservation->uuid, CF_DESTINATION) : migrations_hold(all, reservation->uuid))
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
	m->landed = m->work->watch && runs_here(m->work->watch);
	m->work->lease = *lease;
	show_reservation(m);

	*ret = m;
	add(all, CF_TAKE(m));
	return 0;
}

bool migrations_comes_in(const struct migrations *all, const char *id, const char *uuid, bool migrating)
{
	if (migrations_find(all, id, &(struct migration *){ NULL }, NULL) == 0)
		return true;
	return foreign_comes_in(all->foreign, uuid) ||
	       (migrating && !migrations_hold(all, uuid) && !strays_have(&all->strays, uuid));
}

enum cf_finding_code migrations_objection(const struct migrations *all, const char *id,
					  char detail[static CF_DETAIL_ROOM])
{
	int64_t arriving = migrations_arriving(all), incoming = all->context->settings->incoming;

	if (migrations_find(all, id, &(struct migration *){ NULL }, NULL) == 0)
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
