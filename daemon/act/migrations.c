/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/migrations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/errand.h"
#include "daemon/act/foreign.h"
#include "daemon/act/migration.h"
#include "daemon/act/noting.h"
#include "daemon/act/queue.h"
#include "daemon/loop.h"

#define KEPT 8			/* of those that are over and in the ledger */
#define KEPT_UNSAVED 100	/* of those that are over, are not there and had come to nothing */
#define SAVE_AGAIN ((cf_span){ 5 * CF_S })

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
		if (m->side != side || !holds(m) || m->landed || m->phase == CF_PHASE_LANDED ||
		    m->phase == CF_PHASE_RUNNING || m->phase == CF_PHASE_CORRECTING || m->phase == CF_PHASE_VERIFYING)
			continue;
		work_shown(m->work, &shown);
		if (strcasecmp(shown.uuid, uuid) == 0)
			return true;
	}

	return false;
}

void migrations_landed(struct migrations *all, const char *uuid)
{
	for (struct migration *m = all->newest; m; m = m->next)
		if (m->side == CF_DESTINATION && holds(m) && strcasecmp(m->uuid, uuid) == 0)
			m->landed = true;
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

/* No guest was ever in its hands; and the journal has its receipt. */
static bool came_to_nothing(const struct migration *m)
{
	const struct cf_receipt *receipt = m->work->receipt;

	for (size_t i = 0; i < receipt->n_phases; i++)
		if (receipt->phases[i].phase > CF_PHASE_CHECKING)
			return false;
	return m->side == CF_SOURCE;
}

/*
 * The ledger has them; those few that were looked at just now are still at hand.  While it cannot be written
 * all requests are refused, and whoever repeats his has each of them wait here.
 */
static void forget_old(struct migrations *all)
{
	struct migration **at = &all->newest;
	size_t n = 0, n_unsaved = 0;

	while (*at) {
		struct migration *m = *at;
		bool enough = m->over && m->writes == 0 &&
			      (m->saved ? ++n > KEPT : came_to_nothing(m) && ++n_unsaved > KEPT_UNSAVED);

		if (enough) {
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
			noting_save(m);
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
	m->ticket = ++all->tickets;
	m->next = all->newest;
	all->newest = m;
}

void migrations_moved(struct migrations *all, const struct migration *which)
{
	if (which->side == CF_SOURCE && which->phase != CF_PHASE_QUEUED && !cf_phase_takes_room(CF_SOURCE, which->phase))
		queue_room_at(all, which->peer);
	queue_move(all);
	stop_look(all);
}

bool migrations_expects(const struct migrations *all, const char *uuid)
{
	for (const struct migration *m = all->newest; m; m = m->next)
		if (m->side == CF_DESTINATION && !m->over && cf_phase_takes_room(CF_DESTINATION, m->phase) &&
		    strcasecmp(m->uuid, uuid) == 0)
			return true;

	return false;
}

int migrations_find(const struct migrations *all, const char *id, struct migration **ret, struct cf_error *err)
{
	struct migration *m = find(all, id);

	if (!m)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "no migration %s is known here; `clockferry list` shows which are", id);

	*ret = m;
	return 0;
}

int migrations_find_incoming(struct migrations *all, const char *id, const struct host_names *peer, struct migration **ret,
			     struct cf_error *err)
{
	struct migration *m = find(all, id);

	if (!m || m->side != CF_DESTINATION)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "nothing was reserved for migration %s", id);
	if (!host_names_have(peer, m->peer))
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

bool migrations_asked_for(const struct cf_migrations_query *query, const char *domain, const char *uuid)
{
	return !query->has_domain || strcmp(domain, query->domain) == 0 || strcasecmp(uuid, query->domain) == 0;
}

static bool is_wanted(const struct cf_migration *view, const struct cf_migrations_query *query)
{
	if (query->has_state && !is_in_state(view, query->state))
		return false;
	if (!migrations_asked_for(query, view->domain, view->uuid))
		return false;
	for (size_t i = 0; i < query->n_label; i++)
		if (!cf_labels_have(view->labels, view->n_labels, query->label[i]))
			return false;

	return true;
}

int64_t migrations_unrecorded(const struct migrations *all, const struct cf_migrations_query *query, int64_t before,
			      struct cf_migrations *ret)
{
	size_t most = query->has_limit ? (size_t)query->limit : CF_COUNT(ret->list);
	int64_t last = 0;

	ret->n_list = 0;
	for (struct migration *m = all->newest; m; m = m->next) {
		if (m->recorded || m->ticket >= before)
			continue;
		if (ret->n_list == most)
			return last;
		work_shown(m->work, &ret->list[ret->n_list]);
		if (is_wanted(&ret->list[ret->n_list], query)) {
			ret->n_list++;
			last = m->ticket;
		}
	}
	return 0;
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
	relearn_end(all);
	errands_clear(all);
	for (struct migration *m = all->newest; m; m = m->next)
		work_stop(m->work);	/* all of them, before the first is waited for */
	for (struct migration *m = all->newest; m; m = next) {
		next = m->next;
		migration_free(m);
	}
	free(all);
}
