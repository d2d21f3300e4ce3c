/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Migrations, for operators and controllers. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/wish.h"
#include "daemon/http/api.h"
#include "daemon/ledger/ledger.h"
#include "daemon/settings.h"
#include "proto/check.h"
#include "proto/health.h"

#define CHECK_WAIT    ((cf_span){ 10 * CF_S })
#define WAIT          ((cf_span){ 10 * CF_S })

/* An exchange that is answered when its migration has moved on. */
struct pending {
	struct http_exchange *x;
	struct migration *migration;
};

static void reply_as_it_is(struct http_exchange *x, struct migration *migration)
{
	struct cf_migration view;

	migration_view(migration, &view);
	http_reply(x, &view);
}

static void answer_moved(void *userdata)
{
	struct pending *pending = userdata;

	reply_as_it_is(pending->x, pending->migration);
	free(pending);
}

/* 202 once it is allowed, 409 with every finding when it is refused. */
static void answer_view(struct http_exchange *x, const struct cf_migration *view)
{
	struct cf_error err = { 0 };

	if (view->phase == CF_PHASE_REFUSED) {
		cf_fail(&err, EPERM, CF_REFUSED, "%s", view->reason);
		http_refuse(x, &err, view->findings, view->n_findings);
	} else {
		http_reply_status(x, 202, view);
	}
}

static void answer_checked(void *userdata)
{
	struct pending *pending = userdata;
	struct cf_migration view;

	migration_view(pending->migration, &view);
	answer_view(pending->x, &view);
	free(pending);
}

static struct pending *pend(struct http_exchange *x, struct migration *migration)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending) {
		api_no_memory(x);
		return NULL;
	}
	*pending = (struct pending){ x, migration };
	return pending;
}

/* What the codec cannot know. */
static int check_request(const char *id, const struct cf_migration_request *request, struct cf_error *err)
{
	if (!cf_is_uuid(id))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "id: '%.64s' is not a uuid", id);
	return cf_labels_check(request->labels, request->n_labels, err);
}

static void begin(struct api *api, struct http_exchange *x)
{
	struct cf_requester requester;
	struct migration *migration;
	struct cf_error err = { 0 };
	struct pending *pending;

	api_name_requester(api, x, &requester);
	if (migrations_start(api->migrations, http_segment(x, 0), http_body(x), &requester, &migration, &err) < 0) {
		http_fail(x, &err);
		return;
	}

	pending = pend(x, migration);
	if (pending && migration_when_checked(migration, CHECK_WAIT, answer_checked, pending, &err) < 0) {
		http_fail(x, &err);
		free(pending);
	}
}

/* Is it a repeat of one that has ended?  Then the reply is that one. */
static int look_for_past(struct api_job *job)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	const struct cf_entry *entry;
	struct ledger_state state;
	int64_t mark;
	int r = ledger_find(job->api->context->ledger, job->subject, &row, &job->err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	ledger_state(job->api->context->ledger, &state);
	if (!state.writable)
		return 0;	/* nothing begins without: it will be refused, with all that speaks against it */
	r = wish_mark(job->body, &mark, &job->err);
	if (r < 0)
		return r;
	entry = &row->line.entry;
	if (!entry->has_mark || entry->mark != mark)
		return cf_fail(&job->err, EEXIST, CF_CONFLICT, "%.64s is another migration already", job->subject);

	*(struct cf_migration *)job->reply = row->line.view;
	return 0;
}

static void begin_or_repeat(struct api_job *job)
{
	const struct cf_migration *past = job->reply;

	if (*past->id)
		answer_view(job->x, past);
	else
		begin(job->api, job->x);
}

void api_migrate(void *userdata, struct http_exchange *x)
{
	const struct cf_migration_request *request = http_body(x);
	struct api *api = userdata;
	struct migration *migration;
	struct cf_error err = { 0 };

	if (check_request(http_segment(x, 0), request, &err) < 0 || api_terms_check(api, x, &request->terms, &err) < 0)
		http_fail(x, &err);
	else if (migrations_find(api->migrations, http_segment(x, 0), &migration, NULL) == 0)
		begin(api, x);
	else
		api_work(api, x, sizeof(struct cf_migration), look_for_past, begin_or_repeat);
}

static int check_query(const struct cf_migrations_query *query, struct cf_error *err)
{
	if (query->has_state && !cf_is_state(query->state))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "state: '%s' is neither open nor ended nor a phase",
			       query->state);
	if (query->has_cursor && (!*query->cursor || query->cursor[strspn(query->cursor, "0123456789")]))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "cursor: it is none of ours");
	return 0;
}

static bool is_wanted(const struct cf_migrations_query *query, const char *state)
{
	return query->has_state && strcmp(query->state, state) == 0;
}

/* Cursors are numbers of the ledger; what is not there comes before all that is, with numbers of its own above this one. */
#define UNRECORDED (INT64_MAX / 2)

static int64_t before(const struct cf_migrations_query *query)
{
	return query->has_cursor ? strtoll(query->cursor, NULL, 10) : INT64_MAX;
}

/* What cannot be read of the past is said, and costs nobody the present. */
static int list_past(struct api_job *job)
{
	const struct cf_migrations_query *query = job->query;
	struct ledger_page *page = job->reply;
	struct ledger_query wanted = {
		.only_open = is_wanted(query, "open"),
		.only_ended = is_wanted(query, "ended"),
		.domain = query->has_domain ? query->domain : NULL,
		.labels = query->label,
		.n_labels = query->n_label,
		.peers = api_sees_all(job->caller) ? NULL : &job->caller->hosts,
		.before = before(query),
		.limit = query->has_limit ? (size_t)query->limit : 0,
	};

	if (query->has_state && !wanted.only_open && !wanted.only_ended)
		wanted.phase = query->state;
	if (ledger_list(job->api->context->ledger, &wanted, page, &job->err) < 0) {
		page->migrations.n_list = 0;
		page->migrations.has_fault = true;
		snprintf(page->migrations.fault, sizeof(page->migrations.fault), "%s", job->err.text);
	}
	return 0;
}

/*
 * As many of the past as the page has room for; returns how many.  What is in both was written later than it was
 * waited for.
 */
static size_t append(const struct cf_migrations *past, size_t limit, struct cf_migrations *to)
{
	size_t unrecorded = to->n_list, i;

	for (i = 0; i < past->n_list && to->n_list < limit; i++) {
		bool twice = false;

		for (size_t j = 0; j < unrecorded; j++)
			twice = twice || strcmp(past->list[i].id, to->list[j].id) == 0;
		if (!twice)
			to->list[to->n_list++] = past->list[i];
	}
	return i;
}

static void name_next(int64_t number, struct cf_migrations *ret)
{
	ret->has_next = true;
	snprintf(ret->next, sizeof(ret->next), "%" PRId64, number);
}

/* The past goes on after the last of it that was taken; where there was room for none, before the first. */
static void take_past(const struct ledger_page *page, size_t limit, struct cf_migrations *ret)
{
	size_t taken = append(&page->migrations, limit, ret);

	if (page->more || taken < page->migrations.n_list)
		name_next(taken ? page->numbers[taken - 1] : page->numbers[0] + 1, ret);
}

/* Returns the number of the last one on the page, where it has no room for all. */
static int64_t list_unrecorded(const struct api_job *job, struct cf_migrations *list)
{
	const struct cf_migrations_query *query = job->query;

	if (!api_sees_all(job->caller))
		return 0;
	if (!query->has_cursor)
		migrations_strays(job->api->migrations, query, list);
	return migrations_unrecorded(job->api->migrations, query, before(query) - UNRECORDED, list);
}

static void list_all(struct api_job *job)
{
	const struct cf_migrations_query *query = job->query;
	struct cf_migrations *list = calloc(1, sizeof(*list));
	const struct ledger_page *page = job->reply;
	const struct cf_migrations *past = &page->migrations;
	int64_t last;

	if (list) {
		last = list_unrecorded(job, list);
		if (last > 0)
			name_next(UNRECORDED + last, list);
		else
			take_past(page, query->has_limit ? (size_t)query->limit : CF_COUNT(list->list), list);
		migrations_refresh(job->api->migrations, list);
		list->has_fault = past->has_fault;
		memcpy(list->fault, past->fault, sizeof(list->fault));
	}
	api_reply_large(job->api, job->x, list);
}

void api_migrations(void *userdata, struct http_exchange *x)
{
	struct cf_error err = { 0 };

	if (check_query(http_query(x), &err) < 0)
		http_fail(x, &err);
	else
		api_work(userdata, x, sizeof(struct ledger_page), list_past, list_all);
}

/* The migration the path names; one that is not at hand is answered from the ledger. */
static struct migration *named(struct api *api, struct http_exchange *x)
{
	struct migration *migration;
	char why[CF_DETAIL_ROOM];
	struct cf_error err = { 0 };

	if (migrations_find(api->migrations, http_segment(x, 0), &migration, NULL) == 0)
		return migration;

	if (migrations_stray(api->migrations, http_segment(x, 0), why)) {
		cf_fail(&err, ENOENT, CF_NOT_FOUND, "migration %.64s is in nobody's hands here: %.150s", http_segment(x, 0), why);
		http_fail(x, &err);
	} else {
		api_past(api, x);
	}
	return NULL;
}

void api_migration(void *userdata, struct http_exchange *x)
{
	const struct cf_migration_query *query = http_query(x);
	struct migration *migration = named(userdata, x);
	struct cf_error err = { 0 };
	struct pending *pending;

	if (!migration)
		return;
	if (!query->has_after) {
		reply_as_it_is(x, migration);
		return;
	}

	pending = pend(x, migration);
	if (pending && migration_when_changed(migration, query->after, query->has_wait ? query->wait : WAIT, answer_moved, pending, &err) < 0) {
		http_fail(x, &err);
		free(pending);
	}
}

void api_receipt(void *userdata, struct http_exchange *x)
{
	struct migration *migration = NULL;
	struct cf_error err = { 0 };

	if (api_sees_all(http_caller(x)))
		migration = named(userdata, x);
	else
		api_past(userdata, x);
	if (!migration)
		return;
	if (migration_receipt(migration)) {
		http_reply(x, migration_receipt(migration));
		return;
	}
	cf_fail(&err, EAGAIN, CF_CONFLICT, "the migration has not ended yet");
	http_fail(x, &err);
}

static void answer_kept(void *userdata, const struct cf_error *why)
{
	struct pending *pending = userdata;
	struct cf_error err = { 0 };

	if (why) {
		cf_fail(&err, EIO, CF_HOST, "the abort is asked, and lost should this agent end before the source has heard of it: %s", why->text);
		http_fail(pending->x, &err);
	} else {
		reply_as_it_is(pending->x, pending->migration);
	}
	free(pending);
}

void api_abort(void *userdata, struct http_exchange *x)
{
	struct migration *migration = named(userdata, x);
	char reason[CF_DETAIL_ROOM];
	struct cf_error err = { 0 };
	struct pending *pending;

	if (!migration)
		return;
	snprintf(reason, sizeof(reason), "aborted by %.200s", http_caller(x)->name);
	if (migration_abort(migration, reason, &err) < 0) {
		http_fail(x, &err);
		return;
	}
	pending = pend(x, migration);
	if (pending)
		migration_when_kept(migration, answer_kept, pending);
}

void api_resolve(void *userdata, struct http_exchange *x)
{
	const struct cf_resolve *wish = http_body(x);
	struct migration *migration = named(userdata, x);
	char reason[CF_DETAIL_ROOM];
	struct cf_error err = { 0 };

	if (!migration)
		return;
	if (wish->resolution == CF_RESOLUTION_UNKNOWN)
		cf_fail(&err, EINVAL, CF_BAD_REQUEST, "resolution: it has to be runs-here or runs-there");
	else if (!*wish->reason)
		cf_fail(&err, EINVAL, CF_BAD_REQUEST, "reason: it has to say how that is known");
	if (*err.text) {
		http_fail(x, &err);
		return;
	}
	snprintf(reason, sizeof(reason), "%.120s says: %.110s", http_caller(x)->name, wish->reason);
	if (migration_resolve(migration, wish->resolution, reason, &err) < 0) {
		http_fail(x, &err);
		return;
	}
	reply_as_it_is(x, migration);
}

void api_quiesce(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	const struct cf_quiesce *wish = http_body(x);
	struct cf_quiesced reply = { 0 };
	struct cf_error err = { 0 };
	int r = wish->on ? migrations_quiesce(api->migrations, &err) : migrations_unquiesce(api->migrations, &err);

	if (r < 0) {
		http_fail(x, &err);
		return;
	}
	snprintf(reply.host, sizeof(reply.host), "%s", api->context->settings->host);
	reply.quiescing = migrations_quiescing(api->migrations);
	reply.migrations = migrations_under_way(api->migrations);
	reply.queued = migrations_queued(api->migrations);
	http_reply(x, &reply);
}
