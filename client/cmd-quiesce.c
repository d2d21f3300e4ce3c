/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/command.h"
#include "client/say.h"
#include "proto/health.h"

static void show(FILE *to, const struct cf_quiesced *q)
{
	say(to, q->quiescing ? "%s takes no new migrations" : "%s takes migrations again", q->host);
	if (q->migrations > 0 || q->queued > 0)
		say_row(to, "migrations", "%" PRId64 " under way, %" PRId64 " queued", q->migrations, q->queued);
}

int run_quiesce(struct ask *ask, struct cf_error *err)
{
	const struct cf_quiesce wish = { .on = !ask->off };
	const struct question question = { .route = CF_ROUTE_QUIESCE, .request = &wish };
	int r = fetch_answer(ask, &question, err);

	if (r == 0)
		show(ask->to, ask->reply.message);
	return r < 0 ? r : EXIT_CLEAN;
}
