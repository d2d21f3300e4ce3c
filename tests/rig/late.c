/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * late: ten times a second, until it is killed, by how much a thread that only sleeps was late at
 * worst since the line before: when that was (ns of CLOCK_MONOTONIC_RAW), a real-time thread's and an
 * ordinary one's, both in ns.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "tests/gaps.h"

int main(void)
{
	struct gaps *realtime = gaps_start(true), *ordinary = gaps_start(false);

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (nanosleep(&(struct timespec){ .tv_nsec = 100 * CF_MS }, NULL) == 0)
		printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", kernel_raw().ns, gaps_take(realtime).ns, gaps_take(ordinary).ns);

	gaps_stop(realtime);
	gaps_stop(ordinary);
	return 0;
}
