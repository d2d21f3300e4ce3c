/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/messages.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/entry.h"
#include "proto/notice.h"
#include "proto/problem.h"
#include "proto/route.h"

/* Those that are not a route's own. */
static const struct cf_shape *const others[] = { &cf_entry_shape, &cf_notice_message_shape, &cf_problem_shape };

static const struct cf_shape *seen[MOST_MESSAGES + 1];
static size_t n_seen;

static void see(const struct cf_shape *shape)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i] == shape)
			return;

	if (n_seen == MOST_MESSAGES)
		abort();
	seen[n_seen++] = shape;
	for (size_t i = 0; i < shape->n_fields; i++)
		if (shape->fields[i].shape)
			see(shape->fields[i].shape);
}

const struct cf_shape *const *messages(void)
{
	if (n_seen > 0)
		return seen;
	for (size_t i = 0; i < CF_N_ROUTES; i++) {
		if (cf_routes[i].request)
			see(cf_routes[i].request);
		see(cf_routes[i].reply);
	}
	for (size_t i = 0; i < CF_COUNT(others); i++)
		see(others[i]);
	return seen;
}

const struct cf_shape *message_of(const char *name, size_t n)
{
	for (const struct cf_shape *const *at = messages(); *at; at++)
		if (strlen((*at)->name) == n && memcmp((*at)->name, name, n) == 0)
			return *at;

	return NULL;
}
