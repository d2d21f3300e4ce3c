/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/peer/probe.h"

#include <errno.h>
#include <string.h>

static int one_round(struct call *call, struct cf_round *round, char boot[static CF_BOOT_ROOM],
		     cf_span timeout, struct cf_error *err)
{
	struct cf_round_reply reply;
	char request = 0;
	int r;

	r = call_do(call, CF_ROUTE_PROBE, NULL, NULL, &request, &reply, timeout, NULL, err);
	if (r < 0)
		return r;

	*round = (struct cf_round){
		.t1 = call_sent(call),
		.t2 = reply.t2,
		.t3 = reply.t3,
		.t4 = call_answered(call),
		.there = reply.at,
	};
	memcpy(boot, reply.boot, CF_BOOT_ROOM);
	return 0;
}

int probe_rounds(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM],
		 cf_span timeout, struct cf_error *err)
{
	char now[CF_BOOT_ROOM];
	struct cf_round round;
	int good = 0, r;

	r = call_warm(call, timeout, err);
	for (int i = 0; i < n && r >= 0; i++) {
		r = one_round(call, &round, now, timeout, err);
		if (r < 0)
			break;
		if (strcmp(now, boot) != 0)
			*offset = (struct cf_offset){ .drift_ppm = offset->drift_ppm,
						      .wander_ppm = offset->wander_ppm };
		memcpy(boot, now, CF_BOOT_ROOM);

		/* One that cannot be true with those before it has begun the offset anew: it counts. */
		good += cf_offset_add(offset, &round) != -ERANGE;
	}

	if (r < 0)
		return r;
	if (good == 0)
		return cf_fail(err, EPROTO, CF_PEER, "the time stamps of %s contradict each other",
			       call_host(call));
	return 0;
}

int probe_calmly(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM],
		 cf_span timeout, struct cf_error *err)
{
	int r = call_warm(call, CALL_CONNECT, err);

	return r < 0 ? r : probe_rounds(call, n, offset, boot, timeout, err);
}
