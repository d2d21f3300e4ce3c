/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/rest.h"
#include "proto/base.h"

struct worker {
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
	int *count;			/* among which it is counted */
};

/* How many threads there are; they count themselves out. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	int n, n_aside;
} running = { .lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER };

static bool count_in(int most)
{
	bool room;

	pthread_mutex_lock(&running.lock);
	room = running.n < most;
	running.n += room;
	pthread_mutex_unlock(&running.lock);
	return room;
}

static void add_to(int *count, int more)
{
	pthread_mutex_lock(&running.lock);
	*count += more;
	pthread_cond_broadcast(&running.fewer);
	pthread_mutex_unlock(&running.lock);
}

static void count_out(void)
{
	add_to(&running.n, -1);
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
	int *count = worker->count;

	worker->work(worker->arg);
	loop_post(worker->loop, finish, worker);
	add_to(count, -1);
	return NULL;
}

struct each {
	void (*fn)(void *arg, size_t i);
	void *arg;
	size_t n;
	atomic_size_t next;
};

static void *do_each(void *userdata)
{
	struct each *each = userdata;
	size_t i;

	while ((i = atomic_fetch_add(&each->next, 1)) < each->n)
		each->fn(each->arg, i);
	return NULL;
}

void worker_each(size_t n, size_t at_once, void (*fn)(void *arg, size_t i), void *arg)
{
	struct each each = { .fn = fn, .arg = arg, .n = n };
	pthread_t helpers[WORKERS_MAX];
	size_t n_helpers = 0;

	while (n_helpers + 1 < n && n_helpers + 1 < at_once && count_in(WORKERS_MAX - WORKERS_KEPT)) {
		if (worker_thread(&helpers[n_helpers], do_each, &each, NULL) < 0) {
			count_out();
			break;
		}
		n_helpers++;
	}
	do_each(&each);
	while (n_helpers > 0) {
		pthread_join(helpers[--n_helpers], NULL);
		count_out();
	}
}

int worker_wait(cf_span patience)
{
	cf_mono until = cf_mono_add(kernel_raw(), patience);
	int n;

	pthread_mutex_lock(&running.lock);
	while (running.n + running.n_aside > 0 && rest_on(&running.fewer, &running.lock, until))
		;
	n = running.n + running.n_aside;
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

/* Counted in already: out again where it does not begin. */
static int begin(const struct worker *what, struct cf_error *err)
{
	struct worker *worker = malloc(sizeof(*worker));
	pthread_t thread;
	int r;

	if (worker)
		*worker = *what;
	r = worker ? worker_thread(&thread, run, worker, err) : cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (r < 0) {
		free(worker);
		add_to(what->count, -1);
		return r;
	}
	pthread_detach(thread);
	return 0;
}

int worker_run(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
	       struct cf_error *err)
{
	if (!count_in(WORKERS_MAX))
		return cf_fail(err, EBUSY, CF_BUSY, "%d requests are being worked on already", WORKERS_MAX);
	return begin(&(struct worker){ loop, work, done, arg, &running.n }, err);
}

int worker_run_besides(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
		       struct cf_error *err)
{
	add_to(&running.n_aside, 1);
	return begin(&(struct worker){ loop, work, done, arg, &running.n_aside }, err);
}

struct aside {
	void (*main)(void *arg);
	void *arg;
};

static void *go_aside(void *userdata)
{
	struct aside *aside = userdata;

	aside->main(aside->arg);
	free(aside);
	add_to(&running.n_aside, -1);
	return NULL;
}

int worker_aside(void (*main)(void *arg), void *arg, struct cf_error *err)
{
	CF_AUTO(cf_free) struct aside *aside = malloc(sizeof(*aside));
	pthread_t thread;
	int r;

	if (!aside)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	*aside = (struct aside){ main, arg };
	add_to(&running.n_aside, 1);
	r = worker_thread(&thread, go_aside, aside, err);
	if (r < 0) {
		add_to(&running.n_aside, -1);
		return r;
	}
	pthread_detach(thread);
	aside = NULL;
	return 0;
}
