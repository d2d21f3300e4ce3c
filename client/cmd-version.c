/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/command.h"
#include "client/say.h"
#include "proto/health.h"

int run_version(struct ask *ask, struct cf_error *err)
{
	const struct cf_version *agent;
	int r;

	if (!ask->json)
		say(ask->to, "clockferry %s, API %d.%d", VERSION_TEXT, CF_MAJOR, CF_MINOR);
	r = fetch(ask, CF_ROUTE_VERSION, NULL, err);
	if (r < 0)
		return r;
	if (r == 0) {
		agent = ask->reply.message;
		say(ask->to, "clockferryd %s on %s, API %" PRId64 ".%" PRId64, agent->agent, agent->host,
		    agent->major, agent->minor);
	}
	return EXIT_CLEAN;
}
