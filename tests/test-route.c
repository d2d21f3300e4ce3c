/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of routes: each is found by what is sent for it, and says all there is to know of it. */

#include "proto/route.h"

#include <errno.h>
#include <string.h>

#include "proto/api.h"
#include "proto/base.h"
#include "tests/tap.h"

static const char *const names[CF_SEGMENTS_MAX] = { "a/b ?%\xc3\xbc&..", "x" };

static size_t count_segments(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '{';
	return n;
}

static void try_way_back(enum cf_route_id id)
{
	char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM];
	CF_AUTO(cf_free) char *target = cf_route_target(id, names, NULL, CF_MINOR, NULL);
	const struct cf_route *route = &cf_routes[id];
	bool same = target && cf_route_find(route->method, target, segments) == (int)id;

	for (size_t i = 0; same && i < count_segments(route->path); i++)
		same = strcmp(segments[i], names[i]) == 0;
	ok(same, "%s %s is found by %s", route->method, route->path, target);
	ok(target && cf_route_find("BREW", target, segments) == -EPERM, "... but not for any method");
}

/* Whoever reads changes nothing, and nothing is changed without a body or a name. */
static void try_row(enum cf_route_id id)
{
	const struct cf_route *route = &cf_routes[id];
	bool reads = strcmp(route->method, "GET") == 0;

	ok(count_segments(route->path) <= CF_SEGMENTS_MAX && strncmp(route->path, "/v1/", 4) == 0 &&
	   route->reply && route->help && route->help[strlen(route->help) - 1] == '.', "... is told whole");
	ok(!route->request == !route->body_limit && !(reads && route->request), "... has a limit if it has a body");
	ok(route->roles, "... is for somebody");
	ok(id == CF_ROUTE_CLOCK || !(route->roles & CF_ROLE_LOCAL), "... who may be anybody only if it is the clock");
	ok(reads || !(route->roles & CF_ROLE_PEER) || route->roles == CF_ROLE_PEER, "... or a peer alone");
	ok(strncmp(route->path, "/v1/incoming/", 13) != 0 || route->roles == CF_ROLE_PEER, "... where one comes in");
	ok(reads || id == CF_ROUTE_CHECKS || id == CF_ROUTE_TRIAL || !(route->roles & CF_ROLE_VIEWER), "... or a viewer");
	ok(!(route->roles & CF_ROLE_OPERATOR) || (route->roles & CF_ROLE_ADMIN), "... and an admin where an operator may");
}

static void try_others(void)
{
	static const struct {
		const char *path, *sentence;
		int r;
	} rows[] = {
		{ "", "nothing", -ENOENT },
		{ "/", "the root", -ENOENT },
		{ "/v1/clock/", "one with a slash behind", -ENOENT },
		{ "/v1//clock", "one with two slashes", -ENOENT },
		{ "/V1/clock", "one in other letters", -ENOENT },
		{ "/v1/peers/", "an empty segment", -EINVAL },
		{ "/v1/peers/%", "half an escape", -EINVAL },
		{ "/v1/peers/a%00b", "a NUL", -EINVAL },
		{ "/v1/peers/a/b", "a segment too many", -ENOENT },
	};
	char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM], path[2 * CF_SEGMENT_ROOM];
	const char *name = path;
	struct cf_error err = { 0 };

	for (size_t i = 0; i < CF_COUNT(rows); i++)
		ok(cf_route_find("GET", rows[i].path, segments) == rows[i].r, "%s is none", rows[i].sentence);

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ok(!cf_route_target(CF_ROUTE_PEER, &name, NULL, CF_MINOR, &err) && err.code == CF_BAD_REQUEST,
	   "a name that is too long is not sent: %s", err.text);
	memcpy(path, "/v1/peers/", strlen("/v1/peers/"));
	ok(cf_route_find("GET", path, segments) == -EINVAL, "nor taken");
}

/* Of each route the text has who may use it and what it takes, the query as that is spelled. */
static void try_text(void)
{
	CF_AUTO(cf_free) char *text = cf_api();
	char head[256];

	for (int id = 0; text && id < CF_N_ROUTES; id++) {
		snprintf(head, sizeof(head), "\n\n\n%s %s\n  %s\n", cf_routes[id].method, cf_routes[id].path, cf_routes[id].help);
		ok(strstr(text, head), "%s %s is in the text", cf_routes[id].method, cf_routes[id].path);
	}
	ok(text && strstr(text, "  who             operator\n  body            at most 4096 KiB\n\nrequest: cf_migration_request\n"
				"  domain          text, at most 255 bytes\n"), "... who may, how much, and what");
	ok(text && strstr(text, "  who             anyone\n\nreply: cf_report\n"), "... anyone");
	ok(text && strstr(text, "  who             viewer, peer\n\nreply: cf_receipt\n"), "... persons and peers");
	ok(text && strstr(text, "\n\nquery: cf_migration_query\n  after "), "... a query");
	ok(text && strstr(text, "\nerror, application/problem+json: cf_problem\n"), "... and what an error is");
}

int main(void)
{
	for (int id = 0; id < CF_N_ROUTES; id++) {
		try_way_back(id);
		try_row(id);
	}
	try_others();
	try_text();

	return done();
}
