/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The REST API: one row per route.  The daemon finds its handlers by it and
 * decodes with it, the command and the peers build their requests from it, so
 * that neither can misspell a path or send another shape.
 */

#include "proto/error.h"
#include "proto/field.h"
#include "proto/version.h"

enum cf_role {
	CF_ROLE_NONE   = 0,
	CF_ROLE_LOCAL  = 1 << 0,	/* any local user of the socket */
	CF_ROLE_PEER   = 1 << 1,
	CF_ROLE_VIEWER = 1 << 2,
	CF_ROLE_OPERATOR = 1 << 3,
	CF_ROLE_ADMIN  = 1 << 4,
};

enum cf_route_id {
	CF_ROUTE_HEALTH,
	CF_ROUTE_DOCTOR,
	CF_ROUTE_VERSION,
	CF_ROUTE_CLOCK,
	CF_ROUTE_PROBE,
	CF_ROUTE_PEERS,
	CF_ROUTE_PEER,
	CF_ROUTE_DOMAINS,
	CF_ROUTE_DOMAIN_CLOCK,
	CF_ROUTE_POLICIES,
	CF_ROUTE_POLICY,
	CF_ROUTE_TRIAL,
	CF_ROUTE_FINDINGS,
	CF_ROUTE_CHECKS,
	CF_ROUTE_MIGRATE,
	CF_ROUTE_MIGRATIONS,
	CF_ROUTE_MIGRATION,
	CF_ROUTE_RECEIPT,
	CF_ROUTE_SAID,
	CF_ROUTE_ABORT,
	CF_ROUTE_RESOLVE,
	CF_ROUTE_QUIESCE,
	CF_ROUTE_GUARD,
	CF_ROUTE_RESERVE,
	CF_ROUTE_RECORD,
	CF_ROUTE_COUNTERS,
	CF_ROUTE_LANDING,
	CF_ROUTE_PREPARE,
	CF_ROUTE_COMMIT,
	CF_ROUTE_CLOSE,
	CF_N_ROUTES,
};

/* The word for the highest of these roles: "operator"; "nobody" without any. */
const char *cf_role_name(unsigned roles);

struct cf_route {
	const char *method;
	const char *path;		/* "{}" stands for one segment */
	const struct cf_shape *request;	/* NULL: no body */
	const struct cf_shape *reply;
	size_t body_limit;		/* bytes */
	unsigned roles;			/* who may; an OR of enum cf_role */
	const char *help;
	const struct cf_shape *query;	/* NULL: no parameters (query.h) */
};

extern const struct cf_route cf_routes[CF_N_ROUTES];

#define CF_SEGMENT_ROOM CF_NAME_ROOM
#define CF_SEGMENTS_MAX 2

/*
 * The route of a request by method and path (without query), percent-decoded
 * segments for its "{}" in order.  Returns the id; -ENOENT when no route has
 * the path, -EPERM when one has, but not for this method, -EINVAL when a
 * segment is malformed, empty or too long.
 */
int cf_route_find(const char *method, const char *path, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM]);

/*
 * What stands in the first line of a request of the route: its path with its
 * segments, percent-encoded, one string per "{}", and the query in the route's
 * query shape, for a peer of version 1.minor; NULL for none.  To be freed by the
 * caller; NULL when a segment is too long or out of memory, as *err says.
 */
char *cf_route_target(enum cf_route_id id, const char *const *segments, const void *query, int minor,
		      struct cf_error *err);
