/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the watchdog's thread is: real-time and in locked memory wherever it may be, and as punctual as a thread can be. */

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/tap.h"
#include "tests/watched.h"

/* How many of this process's threads are real-time. */
static int realtime_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *task; tasks && (task = readdir(tasks)); )
		n += *task->d_name != '.' && sched_getscheduler(atoi(task->d_name)) == SCHED_FIFO;
	if (tasks)
		closedir(tasks);
	return n;
}

/* What of this process is locked in memory. */
static long locked_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = atol(line + 6);
	if (status)
		fclose(status);
	return kib;
}

static void *become_realtime(void *is)
{
	const struct sched_param param = { .sched_priority = 10 };

	*(bool *)is = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
	return NULL;
}

static bool may_be_realtime(void)
{
	pthread_t thread;
	bool is = false;

	if (pthread_create(&thread, NULL, become_realtime, &is) == 0)
		pthread_join(thread, NULL);
	return is;
}

/* More than the watchdog needs.  Sanitizers lock nothing, whatever they say. */
static bool may_lock(void)
{
	enum { SIZE = 4 << 20 };
	long before = locked_kib();
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool is = memory != MAP_FAILED && mlock(memory, SIZE) == 0 && locked_kib() >= before + SIZE / 1024;

	if (memory != MAP_FAILED)
		munmap(memory, SIZE);
	return is;
}

/* It is all that it can be here: the control is this test itself. */
static void test_standing(void)
{
	struct watchdog_standing standing;

	watchdog_standing(dog, &standing);
	if (may_be_realtime())
		ok(standing.realtime && realtime_threads() == 1, "where a thread may be real-time, its own is %s", standing.why);
	else
		ok(true, "its own thread is real-time # SKIP none may be here: %s", standing.why);
	if (may_lock())
		ok(standing.locked && locked_kib() > 0, "where memory may be locked, its own is (%ld KiB) %s", locked_kib(), standing.why);
	else
		ok(true, "its memory is locked # SKIP none can be here");
}

/* The control: a thread of the same kind that only waits. */
struct control {
	cf_mono due;
	cf_span late;
};

static void *wait_only(void *userdata)
{
	struct control *control = userdata;
	cf_span left = cf_mono_since(control->due, kernel_raw());

	while (left.ns > 0) {
		rest(left.ns);
		left = cf_mono_since(control->due, kernel_raw());
	}
	control->late = cf_span_neg(left);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return cf_span_cmp(*(const cf_span *)a, *(const cf_span *)b);
}

static void test_precision(void)
{
	enum { ROUNDS = 100 };
	struct watchdog_standing standing;
	cf_span ours[ROUNDS], theirs[ROUNDS];

	watchdog_standing(dog, &standing);
	printf("# real-time %d, locked %d %s\n", standing.realtime, standing.locked, standing.why);
	for (int i = 0; i < ROUNDS; i++) {
		struct guard *guard = guard_new(dog, -1);
		struct control control = { .due = in(5 * CF_MS) };
		const struct sched_param param = { .sched_priority = 10 };
		pthread_t thread;

		guard_due(guard, GUARD_BLACKOUT, control.due);
		pthread_create(&thread, NULL, wait_only, &control);
		if (standing.realtime)
			pthread_setschedparam(thread, SCHED_FIFO, &param);
		pthread_join(thread, NULL);
		ours[i] = ended(guard).late;
		theirs[i] = control.late;
		guard_free(guard);
	}
	qsort(ours, ROUNDS, sizeof(*ours), compare);
	qsort(theirs, ROUNDS, sizeof(*theirs), compare);
	printf("# late: median %lld us, at worst %lld us; a thread that only waits: %lld us, %lld us\n",
	       (long long)(ours[ROUNDS / 2].ns / CF_US), (long long)(ours[ROUNDS - 1].ns / CF_US),
	       (long long)(theirs[ROUNDS / 2].ns / CF_US), (long long)(theirs[ROUNDS - 1].ns / CF_US));
	ok(ours[0].ns >= 0, "no cut is early");
	ok(cf_span_cmp(ours[ROUNDS / 2], theirs[ROUNDS - 1]) <= 0,
	   "and as a rule none is later than a thread that does nothing else can be");
}

int main(void)
{
	struct cf_error err = { 0 };

	ok(watchdog_start(&dog, &err) == 0, "the watchdog starts %s", err.text);
	test_standing();
	test_precision();
	dog = watchdog_stop(dog);
	return done();
}
