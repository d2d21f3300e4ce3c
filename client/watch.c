/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Watching several migrations at once. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/board.h"
#include "client/follow.h"
#include "client/say.h"
#include "client/show.h"

#define EVERY ((cf_span){ 500 * CF_MS })

struct watching {
	struct ask *ask;
	size_t n;
	const char **ids;
	struct cf_migration **last;	/* of each, as it was told last */
	struct board board;
	struct board_line *lines;
	bool aborting;
};

static void watching_clear(struct watching *w)
{
	for (size_t i = 0; w->last && i < w->n; i++)
		free(w->last[i]);
	free(w->last);
	free(w->lines);
}

static int watching_begin(struct watching *w, struct ask *ask, const char **ids, size_t n, struct cf_error *err)
{
	*w = (struct watching){ .ask = ask, .n = n, .ids = ids };
	w->last = calloc(n, sizeof(*w->last));
	w->lines = calloc(n, sizeof(*w->lines));
	for (size_t i = 0; w->last && i < n; i++)
		w->last[i] = calloc(1, sizeof(**w->last));
	for (size_t i = 0; i < n; i++)
		if (!w->lines || !w->last || !w->last[i])	/* n is at least 1 */
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	board_begin(&w->board, ask->json ? NULL : ask->to, w->lines, n);
	return 0;
}

/* The route asked of the i-th, whose answer is how it stands. */
static int ask_of(struct watching *w, size_t i, enum cf_route_id route, struct cf_error *err)
{
	struct question question = { .route = route, .segment = w->ids[i] };
	struct progress quiet = { 0 };
	int r;

	r = follow_ask(w->ask, &question, false, &quiet, err);
	if (r == 0)
		*w->last[i] = *(const struct cf_migration *)w->ask->reply.message;
	return r;
}

static int look_at_all(struct watching *w, bool *over, struct cf_error *err)
{
	int r = 0;

	*over = true;
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		if (migration_has_ended(w->last[i]))
			continue;
		r = ask_of(w, i, CF_ROUTE_MIGRATION, err);
		*over = *over && r == 0 && migration_has_ended(w->last[i]);
	}
	return r;
}

/* The agent's "no" to one of them ends neither the others nor the watching. */
static int abort_all(struct watching *w, struct cf_error *err)
{
	int r = 0;

	say(stderr, "clockferry: aborting; interrupt again to stop watching");
	w->aborting = true;
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		if (migration_has_ended(w->last[i]))
			continue;
		r = ask_of(w, i, CF_ROUTE_ABORT, err);
		if (r < 0 && w->ask->reply.problem) {
			say(stderr, "clockferry: %s is not aborted: %s", w->last[i]->domain, err->text);
			r = 0;
		}
	}
	return r;
}

static int leave(const struct watching *w)
{
	say(stderr, "clockferry: they go on without being watched");
	for (size_t i = 0; i < w->n; i++)
		if (!migration_has_ended(w->last[i]))
			say_row(stderr, w->last[i]->domain, "%s", w->ids[i]);
	return EXIT_FAILED;
}

/* Each one's end, or with --json its receipt; the worst of them is how this ends. */
static int conclude(struct watching *w, struct cf_error *err)
{
	int status = EXIT_CLEAN, one;

	for (size_t i = 0; i < w->n; i++) {
		one = migration_status(w->last[i]);
		if (!w->ask->json)
			show_end(w->ask->to, w->last[i]);
		else if ((one = ask_of(w, i, CF_ROUTE_MIGRATION, err)) == 0)
			one = settle(w->ask, w->ids[i], err);
		if (one < 0)
			return one;
		status = migration_worse(status, one);
	}
	return status;
}

static int watch(struct watching *w, struct cf_error *err)
{
	bool over = false;
	int r;

	for (;;) {
		if (follow_interrupted()) {
			board_end(&w->board);
			if (!w->ask->abort_on_interrupt || w->aborting)
				return leave(w);
			r = abort_all(w, err);
		} else {
			r = look_at_all(w, &over, err);
		}
		if (r < 0 && r != -EINTR)
			return r;
		if (r == 0)
			board_show(&w->board, (const struct cf_migration *const *)w->last);
		if (r == 0 && over)
			return conclude(w, err);
		follow_rest(EVERY);
	}
}

int watch_several(struct ask *ask, const char **ids, size_t n, struct cf_error *err)
{
	__attribute__((cleanup(watching_clear))) struct watching w;
	int r;

	r = watching_begin(&w, ask, ids, n, err);
	return r < 0 ? r : watch(&w, err);
}
