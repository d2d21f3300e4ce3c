/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints this host's clock report, one line of JSON after another, for the tests
 * of the clock to follow.  Every time it also notes how long the report took to
 * get, which must not depend on chronyd: "waited_ns" at the end of the line.
 *
 *	clock-says SOCKET|ipv4|ipv6 [INTERVAL_MS [FRESH_MS [HOLDOVER_MS]]]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "proto/codec.h"

static void say(struct reporter *reporter)
{
	CF_AUTO(cf_free) char *text = NULL;
	struct cf_report report;
	cf_mono before = kernel_raw();
	cf_span waited;

	reporter_report(reporter, &report);
	waited = cf_mono_since(kernel_raw(), before);

	text = cf_encode(&cf_report_shape, &report, CF_MINOR);
	if (!text)
		abort();
	text[strlen(text) - 1] = '\0';
	printf("%s,\"waited_ns\":%lld}\n", text, (long long)waited.ns);
}

int main(int argc, char **argv)
{
	CF_AUTO(reporter_free) struct reporter *reporter = NULL;
	struct reporter_options options = { .host = "here", .limits = cf_clock_limits_default };
	long interval_ms = argc > 2 ? atol(argv[2]) : 1000;
	struct timespec pause = { interval_ms / 1000, interval_ms % 1000 * CF_MS };
	struct cf_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: clock-says SOCKET|ipv4|ipv6 [INTERVAL_MS [FRESH_MS [HOLDOVER_MS]]]\n");
		return 2;
	}
	/* Longer than usual: a report that waited for a hung chronyd would show. */
	options.how = (struct chrony_how){ .only = CF_VIA_SOCKET, .socket = argv[1], .timeout = { 1500 * CF_MS } };
	for (int via = CF_VIA_IPV4; via <= CF_VIA_IPV6; via++)
		if (strcmp(argv[1], cf_vias[via]) == 0)
			options.how.only = via;
	options.interval.ns = interval_ms * CF_MS;
	if (argc > 3)
		options.limits.fresh.ns = atol(argv[3]) * CF_MS;
	if (argc > 4)
		options.limits.holdover_max.ns = atol(argv[4]) * CF_MS;

	if (reporter_new(&options, &reporter, &err) < 0) {
		fprintf(stderr, "clock-says: %s\n", err.text);
		return 1;
	}
	setlinebuf(stdout);
	for (;;) {
		say(reporter);
		nanosleep(&pause, NULL);
	}
}
