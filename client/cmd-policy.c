/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/show.h"

/* Of all of them, and then the one in use. */
static int run_policies(struct ask *ask, struct cf_error *err)
{
	const struct cf_policies *all;
	char in_use[CF_POLICY_ROOM] = "";
	int r;

	r = fetch(ask, CF_ROUTE_POLICIES, NULL, err);
	if (r != 0)
		return r < 0 ? r : EXIT_CLEAN;

	all = ask->reply.message;
	for (size_t i = 0; i < all->n_list; i++)
		if (all->list[i].in_use)
			snprintf(in_use, sizeof(in_use), "%s", all->list[i].name);
	r = show_policy_table(ask->to, all, err);
	if (r == 0 && *in_use)
		r = fetch(ask, CF_ROUTE_POLICY, in_use, err);
	if (r == 0 && *in_use) {
		fputc('\n', ask->to);
		show_policy_rows(ask->to, ask->reply.message);
	}
	return r;
}

int run_policy(struct ask *ask, struct cf_error *err)
{
	int r;

	if (ask->n_args == 0)
		return run_policies(ask, err);

	r = fetch(ask, CF_ROUTE_POLICY, ask->args[0], err);
	if (r == 0)
		show_policy_rows(ask->to, ask->reply.message);
	return r < 0 ? r : EXIT_CLEAN;
}
