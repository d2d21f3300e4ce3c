/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In place of daemon/peer/call.c: what is asked of another host the test itself answers. */

#include "daemon/peer/call.h"

struct fake_asked {
	enum cf_route_id route;
	const char *const *segments;
	const void *request;
	void *reply;
};

/* What the other host said of itself; NULL: it was never asked. */
extern const struct cf_version *fake_version;

/* The test's own, as call_do() returns it.  On whichever thread asks. */
int fake_answer(const struct fake_asked *asked, struct cf_error *err);
