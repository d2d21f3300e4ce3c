/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The decoder of chronyd's replies, given anything.  The first byte of the input
 * chooses the request, the rest is the datagram.  What is taken has to be within
 * the ranges of the report that it ends in.
 */

#include "daemon/clock/candm.h"

#include <errno.h>
#include <string.h>

#include "tests/fuzz.h"

static bool within(cf_span s)
{
	return cf_span_abs(s).ns <= CF_CLOCK_BOUND_MAX;
}

static void check_tracking(const struct cf_tracking *t)
{
	must(strlen(t->refid) == 8);
	must(!t->has_source || (*t->source && strlen(t->source) < sizeof(t->source)));
	must(t->leap > CF_LEAP_UNKNOWN && t->leap < CF_N_LEAPS);
	must(t->reference_time.ns >= 0);
	must(within(t->correction) && within(t->last_offset) && within(t->rms_offset));
	must(within(t->root_delay) && within(t->root_dispersion));
	must(within(t->update_interval) && t->update_interval.ns >= 0);
	must(t->frequency_ppm >= -1e9 && t->frequency_ppm <= 1e9);
	must(t->frequency_error_ppm >= -1e9 && t->frequency_error_ppm <= 1e9);
}

static void check_source(const struct candm_source *s)
{
	must(s->state < CANDM_N_SOURCE_STATES);
	must(s->reachability >= 0 && s->reachability <= 0xff);
	must(s->poll_interval.ns > 0 && within(s->poll_interval));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum candm_command commands[] = { CANDM_TRACKING, CANDM_N_SOURCES, CANDM_SOURCE_DATA };
	struct candm_request request = { .sequence = 0x01020304 };
	struct cf_error err = { .code = CF_OK };
	struct candm_source source;
	struct cf_tracking tracking;
	uint32_t n;
	int r = 0;

	if (size < 1)
		return 0;
	request.command = commands[data[0] % CF_COUNT(commands)];
	data++;
	size--;

	switch (request.command) {
	case CANDM_TRACKING:
		r = candm_tracking(&request, data, size, &tracking, &err);
		if (r == 0)
			check_tracking(&tracking);
		break;
	case CANDM_N_SOURCES:
		r = candm_n_sources(&request, data, size, &n, &err);
		break;
	case CANDM_SOURCE_DATA:
		r = candm_source(&request, data, size, &source, &err);
		if (r == 0)
			check_source(&source);
		break;
	}
	must(r == 0 || ((r == -EPROTO || r == -EREMOTEIO) && err.code == CF_HOST && *err.text));
	must(r < 0 || candm_answers(&request, data, size));
	return 0;
}
