/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"
#include "client/pages.h"
#include "client/show.h"

static int run_peer(struct ask *ask, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_PEER, ask->args[0], err);
	if (r < 0)
		return r;
	if (r == 0)
		show_peer(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}

int run_peers(struct ask *ask, struct cf_error *err)
{
	const struct question question = { .route = CF_ROUTE_PEERS };
	__attribute__((cleanup(pages_clearp))) struct pages peers = { 0 };
	int r;

	if (ask->n_args > 0)
		return run_peer(ask, err);

	r = pages_fetch(ask, &question, &peers, err);
	if (r != 0)
		return r < 0 ? r : EXIT_CLEAN;
	return show_peers(ask->to, peers.rows, peers.n, err);
}
