/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tasks: calls into libvirt that may never return.
 *
 * A task runs on a thread of its own, and who started it waits as long as it
 * cares to.  One that is let go before it has ended is counted and goes on;
 * what it holds is released when it ends, if ever.
 *
 * The maker's struct begins with a struct task, and holds its arguments and
 * results.  The task's own thread writes them while it runs, everybody else
 * reads them once it has ended.
 */

#include <pthread.h>

#include "proto/base.h"
#include "proto/error.h"
#include "proto/time.h"
#include "proto/version.h"

struct task {
	int (*run)(struct task *task, struct cf_error *err);
	void (*clear)(struct task *task);	/* release what the maker's struct holds; may be NULL */

	/* task.c's own */
	const char *kind;
	char subject[CF_NAME_ROOM];
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool started, ended, abandoned;
	int references;
	int result;
	struct cf_error error;
	struct task *next;
};

/* size bytes, zeroed but for the two functions; NULL when out of memory. */
struct task *task_new(size_t size, int (*run)(struct task *task, struct cf_error *err),
		      void (*clear)(struct task *task));

/* Let go of it. */
struct task *task_drop(struct task *task);
CF_DEFINE_AUTO(struct task *, task_drop)

/* While it runs: was it?  Nobody will hear of its result then. */
bool task_is_let_go(struct task *task);

/*
 * Begin.  A task of some kind (a word that lasts) about a domain (its uuid or name) is
 * refused with -EALREADY while an earlier one was let go and has not ended;
 * kind NULL is never refused for that.  -EAGAIN: too many hang.  Neither is what
 * libvirt says of a domain (fail.c), so that nobody takes it for that.
 */
int task_start(struct task *task, const char *kind, const char *subject, struct cf_error *err);

/* Has it ended by then?  If so *result is what run returned, *err why. */
bool task_wait(struct task *task, cf_mono deadline, int *result, struct cf_error *err);

/* Both, for a task that is given up at the deadline: -ETIMEDOUT. */
int task_by(struct task *task, const char *kind, const char *subject, cf_mono deadline, struct cf_error *err);
