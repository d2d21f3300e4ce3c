/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that return, that return late, and that are given up. */

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/connect.h"
#include "daemon/virt/task.h"
#include "tests/tap.h"

#define GUEST "9c334061-f95f-4ba0-9edf-0948a22a5eb8"
#define OTHER "9c334061-f95f-4ba0-9edf-0948a22a5eb9"
#define LONG_NAME "a-guest-whose-name-is-longer-than-any-uuid-is"

struct wait_task {
	struct task task;
	sem_t *until;			/* NULL: at once */
	int result;
	int value;
};

static sem_t begun, cleared;

static int wait_run(struct task *task, struct cf_error *err)
{
	struct wait_task *wait = (struct wait_task *)task;

	sem_post(&begun);
	if (wait->until)
		sem_wait(wait->until);
	wait->value = 42;
	if (wait->result < 0)
		return cf_fail(err, -wait->result, CF_HOST, "it failed");
	return 0;
}

static void wait_clear(struct task *task)
{
	(void)task;
	sem_post(&cleared);
}

static struct wait_task *wait_new(sem_t *until, int result)
{
	struct task *task = task_new(sizeof(struct wait_task), wait_run, wait_clear);
	struct wait_task *wait = (struct wait_task *)task;

	wait->until = until;
	wait->result = result;
	return wait;
}

static cf_mono in(int64_t ms)
{
	return cf_mono_add(kernel_raw(), (cf_span){ ms * CF_MS });
}

/* The thread lets go of a task after it has ended; how soon is nobody's promise. */
static bool settles(int64_t hung)
{
	for (int i = 0; i < 1000 && virt_hung_calls() != hung; i++)
		usleep(10000);
	return virt_hung_calls() == hung;
}

static void test_returning(void)
{
	struct wait_task *wait = wait_new(NULL, 0);
	struct cf_error err = { 0 };

	ok(task_by(&wait->task, "a", GUEST, in(60000), &err) == 0 && wait->value == 42,
	   "a call that returns");
	task_drop(&wait->task);
	sem_wait(&cleared);
	ok(virt_hung_calls() == 0, "... and is no more");

	wait = wait_new(NULL, -ENOTCONN);
	ok(task_by(&wait->task, "a", GUEST, in(60000), &err) == -ENOTCONN &&
	   strcmp(err.text, "it failed") == 0,
	   "a call that fails, and why");
	task_drop(&wait->task);
	sem_wait(&cleared);

	wait = wait_new(NULL, 0);
	task_drop(&wait->task);
	ok(sem_trywait(&cleared) == 0, "a call that was never made is cleared all the same");
}

static void test_late(void)
{
	sem_t go;
	struct wait_task *wait;
	struct cf_error err = { 0 };
	int result = 7;

	sem_init(&go, 0, 0);
	wait = wait_new(&go, 0);
	ok(task_start(&wait->task, "a", GUEST, &err) == 0, "a call that takes its time");
	ok(!task_wait(&wait->task, in(5), &result, &err) && result == 7, "... has not returned yet");
	ok(virt_hung_calls() == 0, "... and is not hung as long as somebody cares");
	sem_post(&go);
	ok(task_wait(&wait->task, in(60000), &result, &err) && result == 0 && wait->value == 42,
	   "... returns");
	ok(task_wait(&wait->task, in(0), &result, &err) && result == 0, "... and says so again");
	task_drop(&wait->task);
	sem_wait(&cleared);
	sem_destroy(&go);
}

static int attempt(const char *kind, const char *subject)
{
	struct wait_task *wait = wait_new(NULL, 0);
	int r = task_by(&wait->task, kind, subject, in(60000), NULL);

	task_drop(&wait->task);
	sem_wait(&cleared);
	return r;
}

static void test_given_up(void)
{
	sem_t go;
	struct wait_task *wait;
	struct cf_error err = { 0 };

	sem_init(&go, 0, 0);
	wait = wait_new(&go, 0);
	ok(task_by(&wait->task, "a", GUEST, in(5), &err) == -ETIMEDOUT && err.text[0],
	   "a call that hangs is given up");
	task_drop(&wait->task);
	ok(virt_hung_calls() == 1, "... and counted");
	ok(attempt("a", GUEST) == -EALREADY, "the same is not asked of the same guest");
	ok(attempt("b", GUEST) == 0, "something else is");
	ok(attempt("a", OTHER) == 0, "and of another guest");
	ok(attempt(NULL, NULL) == 0, "what must go through goes through");
	ok(sem_trywait(&cleared) < 0, "what it holds is not released under it");
	sem_post(&go);
	ok(settles(0), "when it returns after all, it is no longer counted");
	sem_wait(&cleared);
	ok(attempt("a", GUEST) == 0, "and the guest is asked again");

	wait = wait_new(&go, 0);
	ok(task_by(&wait->task, "a", LONG_NAME, in(5), &err) == -ETIMEDOUT, "one that is known by a long name");
	task_drop(&wait->task);
	ok(attempt("a", LONG_NAME) == -EALREADY && attempt("a", LONG_NAME "2") == 0, "... is not asked again either, but its like is");
	sem_post(&go);
	ok(settles(0), "... until that returns");
	sem_wait(&cleared);
	sem_destroy(&go);
}

static void test_too_many(void)
{
	sem_t go;
	int hung = 0;
	int r = 0;

	sem_init(&go, 0, 0);
	for (; hung < 1000 && r != -EAGAIN; hung += r != -EAGAIN) {
		struct wait_task *wait = wait_new(&go, 0);

		r = task_start(&wait->task, NULL, NULL, NULL);
		task_drop(&wait->task);
	}
	sem_wait(&cleared);
	ok(r == -EAGAIN && hung < 1000 && virt_hung_calls() == hung,
	   "there is an end to calls that hang: %d", hung);
	for (int i = 0; i < hung; i++)
		sem_post(&go);
	for (int i = 0; i < hung; i++)
		sem_wait(&cleared);
	ok(settles(0), "they all come back");
	sem_destroy(&go);
}

int main(void)
{
	sem_init(&begun, 0, 0);
	sem_init(&cleared, 0, 0);
	test_returning();
	test_late();
	test_given_up();
	test_too_many();
	return done();
}
