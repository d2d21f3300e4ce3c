/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/json.h"
#include "client/say.h"
#include "client/show.h"

enum part { HEALTH, CLOCK, MIGRATIONS, N_PARTS };

/* An agent that does not know `state` lists those that have ended as well: under_way() drops them. */
static const struct cf_migrations_query open_ones = { .has_state = true, .state = "open" };

static const struct {
	const char *name;
	enum cf_route_id route;
	const void *query;
} parts[N_PARTS] = {
	[HEALTH]     = { "health",     CF_ROUTE_HEALTH },
	[CLOCK]      = { "clock",      CF_ROUTE_CLOCK },
	[MIGRATIONS] = { "migrations", CF_ROUTE_MIGRATIONS, &open_ones },
};

/* The three answers as one object. */
static void print_json(FILE *to, const struct reply replies[static N_PARTS])
{
	for (int i = 0; i < N_PARTS; i++) {
		fprintf(to, "%s\n  \"%s\": ", i == 0 ? "{" : ",", parts[i].name);
		json_put(to, replies[i].text, replies[i].size, 1);
	}
	fputs("\n}\n", to);
}

/* Those under way, moved to the front; returns how many. */
static size_t under_way(struct cf_migrations *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_list; i++) {
		if (m->list[i].has_ended || m->list[i].has_outcome)
			continue;
		if (i != n)
			m->list[n] = m->list[i];
		n++;
	}
	return n;
}

static int show_status(FILE *to, const struct reply replies[static N_PARTS], struct cf_error *err)
{
	struct cf_migrations *migrations = replies[MIGRATIONS].message;
	size_t n = under_way(migrations);

	show_health(to, replies[HEALTH].message, replies[CLOCK].message);
	if (n == 0)
		return 0;
	fputc('\n', to);
	return show_migrations(to, migrations->list, n, err);
}

static int show_all(struct ask *ask, struct reply replies[static N_PARTS], struct cf_error *err)
{
	const struct cf_health *health;
	int r;

	for (int i = 0; i < N_PARTS; i++) {
		struct question question = { .route = parts[i].route, .query = parts[i].query };

		r = call_ask(ask->call, &question, &ask->reply, err);
		if (r < 0)
			return r;
		replies[i] = ask->reply;
		ask->reply = (struct reply){ 0 };
	}

	health = replies[HEALTH].message;
	if (ask->json)
		print_json(ask->to, replies);
	else
		r = show_status(ask->to, replies, err);
	if (r < 0)
		return r;
	return health->healthy ? EXIT_CLEAN : EXIT_FAILED;
}

int run_status(struct ask *ask, struct cf_error *err)
{
	struct reply replies[N_PARTS] = { 0 };
	int r;

	r = show_all(ask, replies, err);
	for (int i = 0; i < N_PARTS; i++)
		reply_clear(&replies[i]);
	return r;
}
