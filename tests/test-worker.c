/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/worker.h"

#include <pthread.h>
#include <systemd/sd-event.h>

#include "proto/base.h"
#include "tests/tap.h"

static struct loop *loop;
static pthread_t home;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;	/* work waits for it */
static int n_worked, n_elsewhere, n_done, n_at_home;

static void work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&held);
	n_worked++;
	n_elsewhere += !pthread_equal(pthread_self(), home);
	pthread_mutex_unlock(&held);
}

static void on_done(void *arg)
{
	n_done++;
	n_at_home += pthread_equal(pthread_self(), home);
	if (n_done == *(int *)arg)
		sd_event_exit(loop_sd(loop), 0);
}

int main(void)
{
	struct cf_error err;
	int begun = 0;

	home = pthread_self();
	loop_new(&loop, NULL);
	ok(worker_wait((cf_span){ 0 }) == 0, "nothing is under way");

	pthread_mutex_lock(&held);
	while (begun < 1000 && worker_run(loop, work, on_done, &begun, &err) == 0)
		begun++;
	ok(begun == WORKERS_MAX && err.code == CF_BUSY, "there is an end to what is done at once: %s", err.text);
	ok(worker_wait((cf_span){ 0 }) == WORKERS_MAX, "all of it can be counted");
	pthread_mutex_unlock(&held);
	ok(worker_wait((cf_span){ 60 * CF_S }) == 0, "and waited for");

	sd_event_loop(loop_sd(loop));
	ok(n_worked == WORKERS_MAX && n_elsewhere == WORKERS_MAX, "all of it was done, on threads");
	ok(n_done == WORKERS_MAX && n_at_home == WORKERS_MAX, "and the loop was told of each");
	loop_free(loop);
	return done();
}
