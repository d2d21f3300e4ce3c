/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/gaps.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/clock/kernel.h"

struct gaps {
	pthread_t thread;
	atomic_bool stop;
	_Atomic int64_t worst;
};

static void *run(void *userdata)
{
	const struct timespec nap = { .tv_nsec = CF_MS };
	struct gaps *gaps = userdata;

	while (!atomic_load(&gaps->stop)) {
		cf_mono before = kernel_raw();
		int64_t late, worst;

		nanosleep(&nap, NULL);
		late = cf_mono_since(kernel_raw(), before).ns - CF_MS;
		worst = atomic_load(&gaps->worst);
		while (late > worst && !atomic_compare_exchange_weak(&gaps->worst, &worst, late))
			;
	}
	return NULL;
}

struct gaps *gaps_start(bool realtime)
{
	const struct sched_param param = { .sched_priority = 10 };
	struct gaps *gaps = calloc(1, sizeof(*gaps));

	if (!gaps || pthread_create(&gaps->thread, NULL, run, gaps) != 0)
		abort();
	if (realtime)
		pthread_setschedparam(gaps->thread, SCHED_FIFO, &param);
	return gaps;
}

cf_span gaps_take(struct gaps *gaps)
{
	return (cf_span){ atomic_exchange(&gaps->worst, 0) };
}

struct gaps *gaps_stop(struct gaps *gaps)
{
	atomic_store(&gaps->stop, true);
	pthread_join(gaps->thread, NULL);
	free(gaps);
	return NULL;
}
