/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "client/command.h"
#include "client/pages.h"
#include "client/show.h"

static int spell(const struct ask *ask, struct cf_check_request *ret, struct cf_error *err)
{
	for (int i = 0; i < ask->n_args; i++)
		if (strlen(ask->args[i]) >= CF_NAME_ROOM)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.64s...' is too long for a name",
				       ask->args[i]);

	strcpy(ret->domain, ask->args[0]);
	ret->has_terms = ask->wish.has_terms;
	ret->terms = ask->wish.terms;
	ret->n_destinations = ask->n_args - 1;
	for (size_t i = 0; i < ret->n_destinations; i++)
		strcpy(ret->destinations[i], ask->args[i + 1]);
	ret->has_options = ask->wish.has_options;
	ret->options = ask->wish.options;
	return 0;
}

static bool all_allowed(const struct cf_check *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i].allowed)
			return false;
	return true;
}

int run_check(struct ask *ask, struct cf_error *err)
{
	struct cf_check_request request = { 0 };
	const struct question question = { .route = CF_ROUTE_CHECKS, .request = &request };
	__attribute__((cleanup(pages_clearp))) struct pages checks = { 0 };
	const struct cf_checks *last;
	int r;

	r = spell(ask, &request, err);
	if (r == 0)
		r = pages_fetch(ask, &question, &checks, err);
	if (r < 0)
		return r;

	last = ask->reply.message;
	if (!ask->json)
		r = show_checks(ask->to, last->domain, checks.rows, checks.n, err);
	if (r < 0)
		return r;
	if (checks.n == 0)
		return cf_fail(err, ENOENT, CF_NOT_FOUND,
			       "the agent knows no other host: name a destination");
	return all_allowed(checks.rows, checks.n) ? EXIT_CLEAN : EXIT_REFUSED;
}
