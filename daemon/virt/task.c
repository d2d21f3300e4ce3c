/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/task.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/rest.h"
#include "daemon/virt/private.h"

/* More than so many hung calls mean that something is thoroughly broken: threads are not the cure. */
#define HUNG_MAX 64
#define STACK_SIZE (512 * 1024)

/* All calls that were let go and have not returned. */
static struct {
	pthread_mutex_t lock;
	int64_t count;
	struct task *first;
} hung = { .lock = PTHREAD_MUTEX_INITIALIZER };

int64_t virt_hung_calls(void)
{
	int64_t count;

	pthread_mutex_lock(&hung.lock);
	count = hung.count;
	pthread_mutex_unlock(&hung.lock);
	return count;
}

static int hung_check(const char *kind, const char *subject, struct cf_error *err)
{
	bool same = false;
	int64_t count;

	pthread_mutex_lock(&hung.lock);
	count = hung.count;
	for (struct task *task = hung.first; task && kind && !same; task = task->next)
		same = task->kind && strcmp(task->kind, kind) == 0 && strcmp(task->subject, subject) == 0;
	pthread_mutex_unlock(&hung.lock);

	if (same)
		return cf_fail(err, EALREADY, CF_HOST, "%s: an earlier call has not returned", kind);
	if (count >= HUNG_MAX)
		return cf_fail(err, EAGAIN, CF_HOST, "%d calls into libvirt hang", HUNG_MAX);
	return 0;
}

static void hung_add(struct task *task)
{
	pthread_mutex_lock(&hung.lock);
	task->next = hung.first;
	hung.first = task;
	hung.count++;
	pthread_mutex_unlock(&hung.lock);
}

static void hung_remove(struct task *task)
{
	pthread_mutex_lock(&hung.lock);
	for (struct task **at = &hung.first; *at; at = &(*at)->next)
		if (*at == task) {
			*at = task->next;
			hung.count--;
			break;
		}
	pthread_mutex_unlock(&hung.lock);
}

struct task *task_new(size_t size, int (*run)(struct task *task, struct cf_error *err),
		      void (*clear)(struct task *task))
{
	struct task *task = calloc(1, size);

	if (!task)
		return NULL;
	task->run = run;
	task->clear = clear;
	task->references = 1;
	pthread_mutex_init(&task->lock, NULL);
	pthread_cond_init(&task->over, NULL);
	return task;
}

static void release(struct task *task)
{
	bool last;

	pthread_mutex_lock(&task->lock);
	last = --task->references == 0;
	pthread_mutex_unlock(&task->lock);
	if (!last)
		return;

	if (task->clear)
		task->clear(task);
	pthread_cond_destroy(&task->over);
	pthread_mutex_destroy(&task->lock);
	free(task);
}

struct task *task_drop(struct task *task)
{
	if (!task)
		return NULL;

	pthread_mutex_lock(&task->lock);
	if (task->started && !task->ended) {
		task->abandoned = true;
		hung_add(task);
	}
	pthread_mutex_unlock(&task->lock);
	release(task);
	return NULL;
}

bool task_is_let_go(struct task *task)
{
	bool abandoned;

	pthread_mutex_lock(&task->lock);
	abandoned = task->abandoned;
	pthread_mutex_unlock(&task->lock);
	return abandoned;
}

static void *task_thread(void *userdata)
{
	struct task *task = userdata;
	struct cf_error error = { 0 };
	int result = task->run(task, &error);
	bool abandoned;

	pthread_mutex_lock(&task->lock);
	task->result = result;
	task->error = error;
	task->ended = true;
	abandoned = task->abandoned;
	pthread_cond_broadcast(&task->over);
	pthread_mutex_unlock(&task->lock);

	if (abandoned)
		hung_remove(task);
	release(task);
	return NULL;
}

/* Signals belong to the agent's loop. */
static int spawn(struct task *task)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, task_thread, task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return r;
}

int task_start(struct task *task, const char *kind, const char *subject, struct cf_error *err)
{
	int r = hung_check(kind, subject, err);

	if (r < 0)
		return r;

	task->kind = kind;
	if (kind)
		snprintf(task->subject, sizeof(task->subject), "%s", subject);
	task->started = true;
	task->references++;
	r = spawn(task);
	if (r > 0) {
		task->started = false;
		task->references--;
		return cf_fail(err, r, CF_HOST, "no thread for a call into libvirt: %s", strerror(r));
	}
	return 0;
}

bool task_wait(struct task *task, cf_mono deadline, int *result, struct cf_error *err)
{
	bool ended;

	pthread_mutex_lock(&task->lock);
	while (!task->ended && rest_on(&task->over, &task->lock, deadline))
		;
	ended = task->ended;
	pthread_mutex_unlock(&task->lock);

	if (!ended)
		return false;
	*result = task->result;
	if (task->result < 0 && err)
		*err = task->error;
	return true;
}

int task_by(struct task *task, const char *kind, const char *subject, cf_mono deadline, struct cf_error *err)
{
	int result;
	int r;

	r = task_start(task, kind, subject, err);
	if (r < 0)
		return r;
	if (!task_wait(task, deadline, &result, err))
		return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
	return result;
}
