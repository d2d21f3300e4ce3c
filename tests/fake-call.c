/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-call.h"

const struct cf_version *fake_version;

const struct cf_version *call_version(const struct call *call)
{
	(void)call;
	return fake_version;
}

void call_free(struct call *call)
{
	(void)call;
}

int call_do(struct call *call, enum cf_route_id route, const char *const *segments, const void *query,
	    const void *request, void *reply, cf_span timeout, struct cf_problem *problem, struct cf_error *err)
{
	const struct fake_asked asked = { .route = route, .segments = segments, .request = request, .reply = reply };

	(void)call;
	(void)query;
	(void)timeout;
	(void)problem;
	return fake_answer(&asked, err);
}
