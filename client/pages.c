/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/pages.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/json.h"
#include "proto/page.h"

static const struct cf_field *field(const struct cf_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->n_fields; i++)
		if (strcmp(shape->fields[i].name, name) == 0)
			return &shape->fields[i];

	abort();
}

static int append(struct pages *pages, const struct reply *reply, struct cf_error *err)
{
	const struct cf_field *list = field(reply->shape, "list");
	const char *message = reply->message;
	size_t n = *(const size_t *)(message + list->count);
	char *rows = realloc(pages->rows, (pages->n + n + 1) * list->size);

	if (!rows)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	memcpy(rows + pages->n * list->size, message + list->offset, n * list->size);
	pages->rows = rows;
	pages->n += n;
	return 0;
}

static void *member(const struct cf_shape *shape, void *message, const char *name, bool **ret_has)
{
	const struct cf_field *f = field(shape, name);

	*ret_has = (bool *)((char *)message + f->present);
	return (char *)message + f->offset;
}

/* Move on to the page that follows: 1, 0 when there is none, or an error. */
static int turn(const struct reply *reply, const struct cf_shape *shape, void *query, struct cf_error *err)
{
	bool *has_next, *has_cursor;
	const char *next = member(reply->shape, reply->message, "next", &has_next);
	char *cursor = member(shape, query, "cursor", &has_cursor);

	assert(field(reply->shape, "next")->size == field(shape, "cursor")->size);
	if (!*has_next)
		return 0;
	if (*has_cursor && strcmp(cursor, next) == 0)
		return cf_fail(err, EPROTO, CF_PEER, "the agent answers with the same page again");

	*has_cursor = true;
	strcpy(cursor, next);
	return 1;
}

/* What follows the first page is asked for no further than it is wanted. */
static void set_limit(const struct cf_shape *shape, void *query, size_t rest)
{
	bool *has_limit;
	int64_t *limit = member(shape, query, "limit", &has_limit);

	*has_limit = true;
	*limit = (int64_t)rest;
}

int pages_fetch(struct ask *ask, const struct question *question, size_t most, struct pages *ret, struct cf_error *err)
{
	const struct cf_shape *shape = cf_routes[question->route].query;
	__attribute__((cleanup(pages_clearp))) struct pages pages = { 0 };
	CF_AUTO(cf_free) void *query = calloc(1, shape->size);
	struct question page = *question;
	int r, more;

	if (!query)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (question->query)
		memcpy(query, question->query, shape->size);
	page.query = query;
	do {
		if (most > 0 && pages.n > 0)
			set_limit(shape, query, most - pages.n);
		r = call_ask(ask->call, &page, &ask->reply, err);
		if (r == 0 && ask->json)
			json_print(ask->to, ask->reply.text, ask->reply.size);
		if (r == 0)
			r = append(&pages, &ask->reply, err);
		more = r < 0 ? r : turn(&ask->reply, shape, query, err);
	} while (more > 0 && (most == 0 || pages.n < most));
	if (more < 0)
		return more;

	*ret = (struct pages){ CF_TAKE(pages.rows), pages.n, more > 0 };
	return ask->json;
}
