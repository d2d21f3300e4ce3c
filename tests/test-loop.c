/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop.h"

#include <pthread.h>
#include <systemd/sd-event.h>

#include "proto/base.h"
#include "tests/tap.h"

#define THREADS 4
#define POSTS   5000

static struct loop *loop;
static int next[THREADS], out_of_order, total;

static void on_post(void *arg)
{
	int who = (int)((intptr_t)arg / POSTS), which = (int)((intptr_t)arg % POSTS);

	out_of_order += next[who] != which;
	next[who] = which + 1;
	if (++total == THREADS * POSTS)
		sd_event_exit(loop_sd(loop), 0);
}

static void *post(void *arg)
{
	for (intptr_t i = 0; i < POSTS; i++)
		loop_post(loop, on_post, (void *)((intptr_t)arg * POSTS + i));
	return NULL;
}

static void on_chain(void *arg)
{
	total++;
	if (arg)
		loop_post(loop, on_chain, NULL);
	else
		sd_event_exit(loop_sd(loop), 0);
}

int main(void)
{
	pthread_t threads[THREADS];

	ok(loop_new(&loop, NULL) == 0, "a loop is made");
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, post, (void *)i);
	sd_event_loop(loop_sd(loop));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ok(total == THREADS * POSTS, "every post of %d threads ran", THREADS);
	ok(out_of_order == 0, "those of one thread in the order in which it made them");
	loop_free(loop);

	total = 0;
	loop_new(&loop, NULL);
	loop_post(loop, on_chain, &total);
	sd_event_loop(loop_sd(loop));
	ok(total == 2, "a post may post");

	loop_post(loop, on_chain, NULL);
	loop_free(loop);
	ok(total == 2, "what is posted to a loop that ends does not run");
	return done();
}
