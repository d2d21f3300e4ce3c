/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/follow.h"
#include "client/json.h"
#include "client/say.h"
#include "client/show.h"

int run_list(struct ask *ask, struct cf_error *err)
{
	const struct question question = { .route = CF_ROUTE_MIGRATIONS, .query = &ask->query };
	const struct cf_migrations *migrations;
	int r;

	r = take_labels(ask, ask->query.label, &ask->query.n_label, err);
	if (r == 0)
		r = call_ask(ask->call, &question, &ask->reply, err);
	if (r < 0)
		return r;
	if (ask->json) {
		json_print(ask->to, ask->reply.text, ask->reply.size);
		return EXIT_CLEAN;
	}

	migrations = ask->reply.message;
	r = show_migrations(ask->to, migrations->list, migrations->n_list, err);
	if (r < 0)
		return r;
	if (migrations->has_next)
		say(ask->to, "older ones: the same with --cursor %s", migrations->next);
	show_strays(ask->to, migrations->strays, migrations->n_strays);
	if (migrations->has_fault)
		say(ask->to, "those of the past cannot be read: %s", migrations->fault);
	return migrations->has_fault ? EXIT_FAILED : EXIT_CLEAN;
}

/* There is no receipt before the end: how it stands, then. */
static int show_standing(struct ask *ask, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_MIGRATION, ask->args[0], err);
	if (r < 0)
		return r;
	if (r == 0)
		show_migration(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}

int run_show(struct ask *ask, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_RECEIPT, ask->args[0], err);
	if (r < 0 && ask->reply.problem && err->code == CF_CONFLICT)
		return show_standing(ask, err);
	if (r < 0)
		return r;
	if (r == 0)
		show_receipt(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}

static int watch_one(struct ask *ask, const char *id, struct cf_error *err)
{
	int r = follow(ask, id, err);

	if (r < 0)
		return r;
	return r == FOLLOW_ENDED ? settle(ask, id, err) : EXIT_FAILED;
}

/* All that are under way when it begins. */
static int watch_all(struct ask *ask, struct cf_error *err)
{
	struct question question = { .route = CF_ROUTE_MIGRATIONS };
	char ids[CF_PAGE_MAX][CF_UUID_ROOM];
	const char *list[CF_PAGE_MAX];
	const struct cf_migrations *all;
	size_t n = 0;
	int r;

	r = call_ask(ask->call, &question, &ask->reply, err);
	if (r < 0)
		return r;
	all = ask->reply.message;
	for (size_t i = 0; i < all->n_list; i++) {
		if (migration_has_ended(&all->list[i]))
			continue;
		snprintf(ids[n], sizeof(ids[n]), "%s", all->list[i].id);
		list[n] = ids[n];
		n++;
	}
	if (n == 0 && !ask->json)
		say(ask->to, "no migration is under way");
	if (n == 0)
		return EXIT_CLEAN;
	return n == 1 ? watch_one(ask, list[0], err) : watch_several(ask, list, n, err);
}

int run_watch(struct ask *ask, struct cf_error *err)
{
	follow_signals(ask);
	if (ask->n_args == 0)
		return watch_all(ask, err);
	if (ask->n_args == 1)
		return watch_one(ask, ask->args[0], err);
	return watch_several(ask, (const char **)ask->args, ask->n_args, err);
}

/* The agent may need a while to put everything back: the answer is not the end of it. */
int run_abort(struct ask *ask, struct cf_error *err)
{
	struct question question = { .route = CF_ROUTE_ABORT, .segment = ask->args[0] };
	const struct cf_migration *m;
	int r;

	follow_signals(ask);
	r = follow_asked(ask, &question, err);
	if (r != FOLLOW_ENDED)
		return r < 0 ? r : EXIT_FAILED;

	m = ask->reply.message;
	if (ask->json)
		json_print(ask->to, ask->reply.text, ask->reply.size);
	else
		show_end(ask->to, m);
	return m->phase == CF_PHASE_ABORTED || m->phase == CF_PHASE_DROPPED ? EXIT_CLEAN : EXIT_FAILED;
}
