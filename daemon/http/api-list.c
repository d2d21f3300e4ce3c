/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of migrations: those that the ledger has, and those that it is about to have. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/http/api.h"
#include "daemon/ledger/ledger.h"

/* The cursor is the number of the last row that was told. */
static int spell_query(const struct cf_migrations_query *asked, struct ledger_query *ret, struct cf_error *err)
{
	char *end = NULL;

	*ret = (struct ledger_query){ .domain = asked->has_domain ? asked->domain : NULL,
				      .label = asked->has_label ? asked->label : NULL,
				      .only_open = asked->has_state && strcmp(asked->state, "open") == 0,
				      .only_ended = asked->has_state && strcmp(asked->state, "ended") == 0 };
	if (asked->has_state && !cf_is_state(asked->state))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "state: unknown word '%.32s'", asked->state);
	if (asked->has_state && !ret->only_open && !ret->only_ended)
		ret->state = asked->state;
	if (asked->has_limit)
		ret->limit = asked->limit < CF_PAGE_MAX ? (size_t)asked->limit : CF_PAGE_MAX;

	errno = 0;
	if (asked->has_cursor)
		ret->before = strtoll(asked->cursor, &end, 10);
	if (asked->has_cursor && (errno || *end || ret->before <= 0))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "cursor: none of ours");
	return 0;
}

static int list_past(struct api_job *job)
{
	struct ledger_query query;
	int r;

	r = spell_query(job->query, &query, &job->err);
	return r < 0 ? r : ledger_list(job->api->context->ledger, &query, job->reply, &job->err);
}

/* As much of a page as there is room for; returns how many rows.  What is in both was written later than it was waited for. */
static size_t append(const struct cf_migrations *past, struct cf_migrations *to)
{
	size_t unrecorded = to->n_list, i;

	for (i = 0; i < past->n_list && to->n_list < CF_COUNT(to->list); i++) {
		bool twice = false;

		for (size_t j = 0; j < unrecorded; j++)
			twice = twice || strcmp(past->list[i].id, to->list[j].id) == 0;
		if (!twice)
			to->list[to->n_list++] = past->list[i];
	}
	return i;
}

/* Those that have moved on since they were written may be none that was asked for. */
static void sift(struct cf_migrations *list, const struct cf_migrations_query *query)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n_list; i++) {
		if (!cf_migration_fits(&list->list[i], query))
			continue;
		if (n != i)
			list->list[n] = list->list[i];
		n++;
	}
	list->n_list = n;
}

/* What is not in the ledger yet is newer than all that is: it stands on the first page. */
static void list_all(struct api_job *job)
{
	struct cf_migrations *list = calloc(1, sizeof(*list));
	const struct cf_migrations_query *query = job->query;
	const struct ledger_page *page = job->reply;
	size_t n;

	if (list) {
		if (!query->has_cursor)
			migrations_unrecorded(job->api->migrations, list);
		n = append(&page->migrations, list);
		migrations_refresh(job->api->migrations, list);
		sift(list, query);
		list->has_next = page->more || n < page->migrations.n_list;
		if (list->has_next)
			snprintf(list->next, sizeof(list->next), "%" PRId64,
				 n > 0 ? page->numbers[n - 1] : page->numbers[0] + 1);
	}
	api_reply_large(job->api, job->x, list);
}

void api_migrations(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct ledger_page), list_past, list_all);
}
