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

/* Move on to the page that follows: 1, 0 when there is none, or an error. */
static int turn(const struct reply *reply, struct cf_page_query *query, struct cf_error *err)
{
	const struct cf_field *next = field(reply->shape, "next");
	const char *message = reply->message, *cursor = message + next->offset;

	assert(next->size == sizeof(query->cursor));
	if (!*(const bool *)(message + next->present))
		return 0;
	if (query->has_cursor && strcmp(query->cursor, cursor) == 0)
		return cf_fail(err, EPROTO, CF_PEER, "the agent answers with the same page again");

	query->has_cursor = true;
	strcpy(query->cursor, cursor);
	return 1;
}

int pages_fetch(struct ask *ask, const struct question *question, struct pages *ret, struct cf_error *err)
{
	__attribute__((cleanup(pages_clearp))) struct pages pages = { 0 };
	struct cf_page_query query = { 0 };
	struct question page = *question;
	int r, more;

	page.query = &query;
	do {
		r = call_ask(ask->call, &page, &ask->reply, err);
		if (r == 0 && ask->json)
			json_print(ask->to, ask->reply.text, ask->reply.size);
		if (r == 0)
			r = append(&pages, &ask->reply, err);
		more = r < 0 ? r : turn(&ask->reply, &query, err);
	} while (more > 0);
	if (more < 0)
		return more;

	*ret = (struct pages){ CF_TAKE(pages.rows), pages.n };
	return ask->json;
}
