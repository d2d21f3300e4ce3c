/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base.h"

struct worker {
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

/* How many threads there are; they count themselves out. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	int n;
} running = { .lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER };

static bool count_in(void)
{
	bool room;

	pthread_mutex_lock(&running.lock);
	room = running.n < WORKERS_MAX;
	running.n += room;
	pthread_mutex_unlock(&running.lock);
	return room;
}

static void count_out(void)
{
	pthread_mutex_lock(&running.lock);
	running.n--;
	pthread_cond_broadcast(&running.fewer);
	pthread_mutex_unlock(&running.lock);
}

static void finish(void *userdata)
{
	struct worker *worker = userdata;

	worker->done(worker->arg);
	free(worker);
}

static void *run(void *userdata)
{
	struct worker *worker = userdata;

	worker->work(worker->arg);
	loop_post(worker->loop, finish, worker);
	count_out();
	return NULL;
}

int worker_wait(cf_span patience)
{
	struct timespec until;
	int n, r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience.ns / CF_S;

	pthread_mutex_lock(&running.lock);
	while (running.n > 0 && r == 0)
		r = pthread_cond_clockwait(&running.fewer, &running.lock, CLOCK_MONOTONIC, &until);
	n = running.n;
	pthread_mutex_unlock(&running.lock);
	return n;
}

int worker_thread(pthread_t *ret, void *(*main)(void *arg), void *arg, struct cf_error *err)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r > 0)
		return cf_fail(err, r, CF_HOST, "no thread: %s", strerror(r));

	return 0;
}

int worker_run(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
	       struct cf_error *err)
{
	CF_AUTO(cf_free) struct worker *worker = malloc(sizeof(*worker));
	pthread_t thread;
	int r;

	if (!worker)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	*worker = (struct worker){ loop, work, done, arg };
	if (!count_in())
		return cf_fail(err, EBUSY, CF_BUSY, "%d requests are being worked on already", WORKERS_MAX);

	r = worker_thread(&thread, run, worker, err);
	if (r < 0) {
		count_out();
		return r;
	}
	pthread_detach(thread);
	worker = NULL;
	return 0;
}
