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

static void stay(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
}

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int times[100], n_inside, most_inside;

/* Returns once as many are inside as there can be, or all of them were. */
static void visit(void *arg, size_t i)
{
	int at_once = *(int *)arg;

	pthread_mutex_lock(&counting);
	times[i]++;
	if (++n_inside > most_inside)
		most_inside = n_inside;
	pthread_cond_broadcast(&more);
	while (most_inside < at_once)
		pthread_cond_wait(&more, &counting);
	n_inside--;
	pthread_mutex_unlock(&counting);
}

static void test_each(void)
{
	int at_once = 8, once = 0;

	worker_each(CF_COUNT(times), at_once, visit, &at_once);
	for (size_t i = 0; i < CF_COUNT(times); i++)
		once += times[i] == 1;
	ok(once == CF_COUNT(times), "each was done once");
	ok(most_inside == at_once, "%d at a time", most_inside);
	worker_each(0, at_once, visit, &at_once);
	ok(worker_wait((cf_span){ 0 }) == 0, "and no thread is left behind");
}

static int n_counted;

/* Nobody is through before the calling thread has seen how many there are. */
static void count(void *arg, size_t i)
{
	(void)arg, (void)i;
	pthread_mutex_lock(&counting);
	if (pthread_equal(pthread_self(), home) && n_counted == 0) {
		n_counted = worker_wait((cf_span){ 0 });
		pthread_cond_broadcast(&more);
	}
	while (n_counted == 0)
		pthread_cond_wait(&more, &counting);
	pthread_mutex_unlock(&counting);
}

static void test_kept(void)
{
	worker_each(1000, 1000, count, NULL);
	ok(n_counted == WORKERS_MAX - WORKERS_KEPT, "one request of many parts leaves room for others: it has %d threads", n_counted);
}

int main(void)
{
	struct cf_error err;
	int begun = 0;

	home = pthread_self();
	loop_new(&loop, NULL);
	ok(worker_wait((cf_span){ 0 }) == 0, "nothing is under way");

	test_each();
	test_kept();
	pthread_mutex_lock(&held);
	ok(worker_aside(stay, NULL, &err) == 0 && worker_wait((cf_span){ 0 }) == 1, "a thread that is left to itself");
	while (begun < 1000 && worker_run(loop, work, on_done, &begun, &err) == 0)
		begun++;
	ok(begun == WORKERS_MAX && err.code == CF_BUSY, "there is an end to what is done at once: %s", err.text);
	ok(worker_wait((cf_span){ 0 }) == WORKERS_MAX + 1, "all of it can be counted, and takes no room from each other");
	ok(worker_run_besides(loop, work, on_done, &begun, &err) == 0, "what waits for nobody finds room all the same");
	pthread_mutex_unlock(&held);
	begun++;
	ok(worker_wait((cf_span){ 60 * CF_S }) == 0, "and waited for");

	sd_event_loop(loop_sd(loop));
	ok(n_worked == WORKERS_MAX + 1 && n_elsewhere == WORKERS_MAX + 1, "all of it was done, on threads");
	ok(n_done == WORKERS_MAX + 1 && n_at_home == WORKERS_MAX + 1, "and the loop was told of each");
	loop_free(loop);
	return done();
}
