/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/api.h"

#include <string.h>

#include "proto/grow.h"
#include "proto/problem.h"
#include "proto/route.h"
#include "proto/schema.h"
#include "proto/version.h"

static void put(struct cf_grow *to, const char *text)
{
	cf_grow_add(to, text, strlen(text));
}

/* A schema, which it takes over; NULL: there was no memory for it. */
static void put_schema(struct cf_grow *to, const char *what, char *schema)
{
	CF_AUTO(cf_free) char *taken = schema;

	to->failed = to->failed || !taken;
	cf_grow_printf(to, "\n%s: ", what);
	put(to, taken ? taken : "");
}

/* Who needs the least for it, as the manual has it: an operator may what a viewer may, and an admin all of it. */
static void put_roles(struct cf_grow *to, unsigned roles)
{
	unsigned persons = roles & ~(unsigned)CF_ROLE_PEER, least = persons & -persons;

	if (roles & CF_ROLE_LOCAL) {
		put(to, "anyone");
		return;
	}
	put(to, persons ? cf_role_name(least) : "");
	put(to, persons && roles & CF_ROLE_PEER ? ", " : "");
	put(to, roles & CF_ROLE_PEER ? "peer" : "");
}

static void put_route(struct cf_grow *to, const struct cf_route *route)
{
	cf_grow_printf(to, "\n\n%s %s\n  ", route->method, route->path);
	put(to, route->help);
	put(to, "\n  who             ");
	put_roles(to, route->roles);
	if (route->body_limit)
		cf_grow_printf(to, "\n  body            at most %zu KiB", route->body_limit >> 10);
	put(to, "\n");

	if (route->query)
		put_schema(to, "query", cf_schema_query(route->query));
	if (route->request)
		put_schema(to, "request", cf_schema(route->request));
	put_schema(to, "reply", cf_schema(route->reply));
}

char *cf_api(void)
{
	struct cf_grow text = { 0 };

	cf_grow_printf(&text, "The API of clockferryd, version %d.%d; how it is used is in clockferryd(8), HTTP API.\n"
			      "A list that a request does not have is an empty one.\n", CF_MAJOR, CF_MINOR);
	for (int id = 0; id < CF_N_ROUTES; id++)
		put_route(&text, &cf_routes[id]);
	put(&text, "\n");
	put_schema(&text, "error, " CF_PROBLEM_TYPE, cf_schema(&cf_problem_shape));
	return cf_grow_take(&text);
}
