/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "client/command.h"
#include "client/json.h"
#include "client/show.h"

/* Nobody is there to say how the host is: that is the first thing to put right. */
static int say_absent(struct ask *ask, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_vitals *vitals = calloc(1, sizeof(*vitals));
	struct cf_vital *agent;
	int r = 0;

	if (!vitals)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	agent = &vitals->list[vitals->n_list++];
	cf_vital_set(agent, CF_VITAL_AGENT, CF_VITAL_FAIL);
	snprintf(vitals->host, sizeof(vitals->host), "%s", ask->whom.host ? ask->whom.host : "this host");
	snprintf(agent->detail, sizeof(agent->detail), "%s", err->text);
	if (ask->json)
		r = json_print_message(ask->to, &cf_vitals_shape, vitals, err);
	else
		show_vitals(ask->to, vitals);
	return r < 0 ? r : cf_code_exit(CF_UNREACHABLE);
}

int run_doctor(struct ask *ask, struct cf_error *err)
{
	const struct cf_vitals *vitals;
	int r;

	r = fetch(ask, CF_ROUTE_DOCTOR, NULL, err);
	if (r < 0)
		return err->code == CF_UNREACHABLE && !ask->reply.problem ? say_absent(ask, err) : r;

	vitals = ask->reply.message;
	if (r == 0)
		show_vitals(ask->to, vitals);
	return cf_vitals_worst(vitals) == CF_VITAL_FAIL ? EXIT_FAILED : EXIT_CLEAN;
}
