/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/follow.h"
#include "client/json.h"
#include "client/show.h"
#include "proto/commit.h"

static int take(struct ask *ask, struct cf_resolve *ret, struct cf_error *err)
{
	for (int i = CF_RESOLUTION_UNKNOWN + 1; i < CF_N_RESOLUTIONS; i++)
		if (strcmp(ask->args[1], cf_resolution_words[i]) == 0)
			ret->resolution = i;
	if (ret->resolution == CF_RESOLUTION_UNKNOWN)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.64s' is neither runs-here nor runs-there", ask->args[1]);
	if (strlen(ask->args[2]) >= sizeof(ret->reason))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "the reason is too long");

	strcpy(ret->reason, ask->args[2]);
	return 0;
}

int run_resolve(struct ask *ask, struct cf_error *err)
{
	struct cf_resolve wish = { 0 };
	const struct question question = { .route = CF_ROUTE_RESOLVE, .segment = ask->args[0], .request = &wish };
	int r;

	follow_signals(ask);
	r = take(ask, &wish, err);
	if (r == 0)
		r = follow_asked(ask, &question, err);
	if (r != FOLLOW_ENDED)
		return r < 0 ? r : EXIT_FAILED;

	if (ask->json)
		json_print(ask->to, ask->reply.text, ask->reply.size);
	else
		show_end(ask->to, ask->reply.message);
	return EXIT_CLEAN;
}
