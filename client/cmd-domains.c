/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/pages.h"
#include "client/show.h"

int run_domains(struct ask *ask, struct cf_error *err)
{
	const struct question question = { .route = CF_ROUTE_DOMAINS };
	__attribute__((cleanup(pages_clearp))) struct pages domains = { 0 };
	int r;

	r = pages_fetch(ask, &question, &domains, err);
	if (r != 0)
		return r < 0 ? r : EXIT_CLEAN;
	return show_domains(ask->to, domains.rows, domains.n, err);
}

int run_domain(struct ask *ask, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_DOMAIN_CLOCK, ask->args[0], err);
	if (r < 0)
		return r;
	if (r == 0)
		show_guest(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}
