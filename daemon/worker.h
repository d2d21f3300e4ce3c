/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Something that blocks, done once on a thread of its own, so that the loop
 * does not have to.
 */

#include <pthread.h>
#include <stddef.h>

#include "daemon/loop.h"
#include "proto/error.h"
#include "proto/time.h"

/*
 * Run work(arg) on a new thread, then done(arg) on the loop's.  Called on the
 * loop's thread.  When work never returns it costs its own thread and nothing
 * else; no more than WORKERS_MAX are under way at once: -EBUSY beyond that.
 */
#define WORKERS_MAX 64
int worker_run(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
	       struct cf_error *err);

/* The same for work that waits for nobody, and that must not wait for who does: however many others are under way. */
int worker_run_besides(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
		       struct cf_error *err);

/*
 * fn(arg, i) for every i below n, on the calling thread and up to at_once - 1 others;
 * returns when all is done.  Where there are no more threads it takes longer; of
 * WORKERS_MAX it leaves WORKERS_KEPT to worker_run().  Any thread but the loop's.
 */
#define WORKERS_KEPT 16
void worker_each(size_t n, size_t at_once, void (*fn)(void *arg, size_t i), void *arg);

/*
 * main(arg) on a thread that nobody joins, and that may outlive who has it begun: it must
 * end by itself.  Any thread.
 */
int worker_aside(void (*main)(void *arg), void *arg, struct cf_error *err);

/*
 * Once the loop has ended: wait until no work is under way and no thread aside, with so
 * much patience.  How many still are: what they use must not be freed then.
 */
int worker_wait(cf_span patience);

/* A thread that takes no signals: those are the loop's. */
int worker_thread(pthread_t *ret, void *(*main)(void *arg), void *arg, struct cf_error *err);
