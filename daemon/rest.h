/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Threads that wait for a time, or to be told something, and by our clock. */

#include <pthread.h>
#include <stdbool.h>

#include "proto/time.h"

/*
 * pthread_cond_timedwait() against CLOCK_MONOTONIC_RAW; false, and nothing done, when the
 * deadline has passed.  May come back before it and without a reason: the caller asks again.
 */
bool rest_on(pthread_cond_t *cond, pthread_mutex_t *lock, cf_mono deadline);

/*
 * Of a thread that does something again and again until somebody has it stop.  The lock
 * is also for what it shares with others.
 */
struct rest {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool over;			/* under the lock */
};

void rest_init(struct rest *rest);
void rest_clear(struct rest *rest);

/* Have it stop.  From any thread, at once. */
void rest_end(struct rest *rest);

/* Wait; false when it is to stop, then without having waited. */
bool rest_until(struct rest *rest, cf_mono deadline);
