/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/migrations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/migration.h"

#define KEPT 100		/* ended ones that can still be asked for */
#define UNDER_WAY_MAX 100	/* each has a thread: a peer may not ask for any number */

struct migrations {
	const struct act_context *context;
	struct migration *newest;
	void (*idle)(void *userdata);	/* set: no new ones */
	void *userdata;
};

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
	if (m->over || m->phase == CF_PHASE_CHECKING)
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

bool migrations_claim(struct migrations *all, const struct migration *m)
{
	struct cf_migration shown;

	work_shown(m->work, &shown);
	return !busy(all, shown.uuid, m);
}

/* The oldest of those that are over make room: what is kept for good is the journal's. */
static void forget_oldest(struct migrations *all)
{
	struct migration **oldest = NULL;
	size_t n = 0;

	for (struct migration **at = &all->newest; *at; at = &(*at)->next)
		if ((*at)->over) {
			oldest = at;
			n++;
		}
	if (n > KEPT) {
		struct migration *gone = *oldest;

		*oldest = gone->next;
		migration_free(gone);
	}
}

static void add(struct migrations *all, struct migration *m)
{
	forget_oldest(all);
	m->next = all->newest;
	all->newest = m;
	migration_set_out(m);
}

/* A request that is known already is no new one. */
static int let_in(const struct migrations *all, struct cf_error *err)
{
	if (all->idle)
		return cf_fail(err, EBUSY, CF_BUSY, "the agent is stopping");
	if (migrations_under_way(all) >= UNDER_WAY_MAX)
		return cf_fail(err, EBUSY, CF_BUSY, "%d migrations are under way already", UNDER_WAY_MAX);
	return 0;
}

void migrations_quiesce(struct migrations *all, void (*idle)(void *userdata), void *userdata)
{
	all->idle = idle;
	all->userdata = userdata;
	migrations_ended(all);
}

void migrations_ended(struct migrations *all)
{
	if (all->idle && migrations_under_way(all) == 0)
		all->idle(all->userdata);
}

int migrations_start(struct migrations *all, const char *id, const struct cf_migration_request *request,
		     const struct cf_requester *requester, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	struct cf_migration *shown;
	int r;

	*ret = find(all, id);
	if (*ret && (*ret)->side == CF_SOURCE && memcmp(&(*ret)->request, request, sizeof(*request)) == 0)
		return 0;
	if (*ret)
		return cf_fail(err, EEXIST, CF_CONFLICT, "%s is another migration already", id);

	r = let_in(all, err);
	if (r < 0)
		return r;
	r = migration_new(&m, all, all->context, CF_SOURCE, id, err);
	if (r < 0)
		return r;
	m->request = *request;
	snprintf(m->peer, sizeof(m->peer), "%s", request->destination);

	shown = work_show_begin(m->work);
	snprintf(shown->domain, sizeof(shown->domain), "%s", request->domain);
	snprintf(shown->destination, sizeof(shown->destination), "%s", request->destination);
	shown->has_requester = true;
	shown->requester = *requester;
	work_show_end(m->work);

	*ret = m;
	add(all, CF_TAKE(m));
	return 0;
}

int migrations_expect(struct migrations *all, const char *id, const struct cf_reservation *reservation,
		      const struct cf_lease *lease, const char *peer, struct migration **ret, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
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

	if (busy(all, reservation->uuid, NULL))
		return cf_fail(err, EBUSY, CF_CONFLICT, "domain %s is being migrated here already", reservation->domain);

	r = let_in(all, err);
	if (r < 0)
		return r;
	r = migration_new(&m, all, all->context, CF_DESTINATION, id, err);
	if (r < 0)
		return r;
	m->reservation = *reservation;
	snprintf(m->uuid, sizeof(m->uuid), "%s", reservation->uuid);
	snprintf(m->peer, sizeof(m->peer), "%s", peer);
	snprintf(m->request.domain, sizeof(m->request.domain), "%s", reservation->domain);

	m->work->reservation = *reservation;
	m->work->lease = *lease;
	shown = work_show_begin(m->work);
	snprintf(shown->domain, sizeof(shown->domain), "%s", reservation->domain);
	snprintf(shown->uuid, sizeof(shown->uuid), "%s", reservation->uuid);
	snprintf(shown->source, sizeof(shown->source), "%s", reservation->source);
	snprintf(shown->destination, sizeof(shown->destination), "%s", reservation->destination);
	shown->has_requester = reservation->has_requester;
	shown->requester = reservation->requester;
	work_show_end(m->work);

	*ret = m;
	add(all, CF_TAKE(m));
	return 0;
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

void migrations_list(struct migrations *all, struct cf_migrations *ret)
{
	ret->n_list = 0;
	for (struct migration *m = all->newest; m && ret->n_list < CF_COUNT(ret->list); m = m->next)
		work_shown(m->work, &ret->list[ret->n_list++]);
}

int64_t migrations_under_way(const struct migrations *all)
{
	int64_t n = 0;

	for (struct migration *m = all->newest; m; m = m->next)
		n += !m->over;
	return n;
}

int migrations_new(struct migrations **ret, const struct act_context *context, struct cf_error *err)
{
	struct migrations *all = calloc(1, sizeof(*all));

	if (!all)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	all->context = context;

	*ret = all;
	return 0;
}

void migrations_free(struct migrations *all)
{
	struct migration *next;

	if (!all)
		return;
	for (struct migration *m = all->newest; m; m = m->next)
		work_stop(m->work);	/* all of them, before the first is waited for */
	for (struct migration *m = all->newest; m; m = next) {
		next = m->next;
		migration_free(m);
	}
	free(all);
}
