/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/show.h"

int run_clock(struct ask *ask, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_CLOCK, NULL, err);
	if (r < 0)
		return r;
	if (r == 0)
		show_report(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}
