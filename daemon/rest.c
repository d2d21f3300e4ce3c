/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/rest.h"

#include <time.h>

#include "daemon/clock/kernel.h"

bool rest_on(pthread_cond_t *cond, pthread_mutex_t *lock, cf_mono deadline)
{
	cf_span left = cf_mono_since(deadline, kernel_raw());
	struct timespec until;
	int64_t ns;

	if (left.ns <= 0)
		return false;

	/* Condition variables know no RAW: this may wake some ppm early. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = cf_ns_add((int64_t)until.tv_sec * CF_S + until.tv_nsec, left.ns);
	until = (struct timespec){ ns / CF_S, ns % CF_S };
	pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until);
	return true;
}

void rest_init(struct rest *rest)
{
	pthread_mutex_init(&rest->lock, NULL);
	pthread_cond_init(&rest->wake, NULL);
	rest->over = false;
}

void rest_clear(struct rest *rest)
{
	pthread_cond_destroy(&rest->wake);
	pthread_mutex_destroy(&rest->lock);
}

void rest_end(struct rest *rest)
{
	pthread_mutex_lock(&rest->lock);
	rest->over = true;
	pthread_cond_broadcast(&rest->wake);
	pthread_mutex_unlock(&rest->lock);
}

bool rest_until(struct rest *rest, cf_mono deadline)
{
	bool over;

	pthread_mutex_lock(&rest->lock);
	while (!rest->over && rest_on(&rest->wake, &rest->lock, deadline))
		;
	over = rest->over;
	pthread_mutex_unlock(&rest->lock);
	return !over;
}
