/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The thread that writes, and what the loop gives it and hears from it. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/fault.h"
#include "daemon/ledger/private.h"
#include "daemon/loop.h"
#include "daemon/rest.h"
#include "daemon/worker.h"

#define TRY_AGAIN ((cf_span){ 5 * CF_S })	/* while it cannot be written */

/* A line on its way.  It goes when it was written and its owner has been answered. */
struct job {
	struct job *next;		/* in the queue */
	struct job *older, *newer;	/* of all that are not answered and written yet; the loop's */
	struct ledger *ledger;
	struct ledger_line *line;
	void (*done)(void *arg, int result, const struct cf_error *err);
	void *arg;
	sd_event_source *timer;
	int result;
	struct cf_error err;
};

struct ledger {
	struct loop *loop;
	struct ledger_listener listener;
	pthread_t thread;
	bool has_thread;
	struct store store;		/* the thread's own, once it runs */
	struct job *newest;		/* the loop's */
	int heard;			/* of state.begun, by the listener; the loop's */

	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t wake;
	struct job *first, **last;
	bool stop;
	bool tidy;
	int settled;			/* as many as were begun by then; 0: nothing to do */
	cf_real now;			/* for tidying */
	cf_span keep_for;
	int64_t keep_count;
	struct ledger_state state;
	bool told;			/* the listener has been called about it, or will be */
};

/* --- how it is --- */

static void on_changed(void *userdata)
{
	struct ledger *ledger = userdata;
	struct ledger_state state;

	pthread_mutex_lock(&ledger->lock);
	state = ledger->state;
	ledger->told = false;
	ledger->heard = state.begun;
	pthread_mutex_unlock(&ledger->lock);
	if (ledger->listener.changed)
		ledger->listener.changed(ledger->listener.userdata, &state);
}

static void tell(struct ledger *ledger)
{
	if (!ledger->told)
		loop_post(ledger->loop, on_changed, ledger);
	ledger->told = true;
}

static void set_fault(struct ledger *ledger, int result, const struct cf_error *err)
{
	pthread_mutex_lock(&ledger->lock);
	if (ledger->state.writable != (result == 0))
		tell(ledger);
	ledger->state.writable = result == 0;
	snprintf(ledger->state.fault, sizeof(ledger->state.fault), "%s", result == 0 ? "" : err->text);
	pthread_mutex_unlock(&ledger->lock);
}

static void set_note(struct ledger *ledger, const char *note)
{
	pthread_mutex_lock(&ledger->lock);
	ledger->state.lost = true;
	snprintf(ledger->state.note, sizeof(ledger->state.note), "%s", note);
	tell(ledger);
	pthread_mutex_unlock(&ledger->lock);
}

static void set_begun(struct ledger *ledger)
{
	pthread_mutex_lock(&ledger->lock);
	ledger->state.begun++;
	tell(ledger);
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_note(struct ledger *ledger, const char *note)
{
	struct ledger_state *state = &ledger->state;
	size_t n;

	pthread_mutex_lock(&ledger->lock);
	n = strlen(state->note);
	if (state->lost) {
		snprintf(state->note + n, sizeof(state->note) - n, "; %s", note);
		tell(ledger);
	}
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_state(struct ledger *ledger, struct ledger_state *ret)
{
	pthread_mutex_lock(&ledger->lock);
	*ret = ledger->state;
	pthread_mutex_unlock(&ledger->lock);
}

const char *ledger_path(const struct ledger *ledger)
{
	return ledger->store.path;
}

/* --- on the thread --- */

static int open_store(struct ledger *ledger, struct cf_error *err)
{
	struct store_loss loss = { 0 };
	int r = store_open(&ledger->store, &loss, err);

	if (loss.happened)
		set_note(ledger, loss.note);
	if (loss.begun)
		set_begun(ledger);
	return r;
}

/* There is one that can be written to, as far as can be told without writing. */
static int have_store(struct ledger *ledger, struct cf_error *err)
{
	static const char gone[] = "the file was gone while the agent ran; a new one was begun";
	int r = 0;

	if (ledger->store.db && !store_is_there(&ledger->store)) {
		store_close(&ledger->store);
		set_note(ledger, gone);
		r = begun_put(ledger->store.path, gone, err);
	}
	return r < 0 || ledger->store.db ? r : open_store(ledger, err);
}

/* One that may not be written is none of the others' business. */
static int put_line(sqlite3 *db, struct job *job, struct cf_error *err)
{
	job->result = line_put(db, job->line, &job->err);
	if (job->result == 0 || job->result == -EEXIST)
		return 0;

	*err = job->err;
	return job->result;
}

static int put_lines(struct ledger *ledger, struct job *jobs, struct cf_error *err)
{
	sqlite3 *db = ledger->store.db;
	int r, fault;

	FAULT(LEDGER_BEFORE);
	r = sql_run(db, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return r;
	for (struct job *job = jobs; r == 0 && job; job = job->next)
		r = put_line(db, job, err);
	fault = FAULT_FAILS(LEDGER_WRITTEN);
	if (r == 0 && fault != 0)
		r = cf_fail(err, fault, CF_HOST, "the ledger: %s", strerror(fault));
	if (r == 0)
		r = sql_run(db, "COMMIT", err);
	if (r < 0)
		sql_run(db, "ROLLBACK", NULL);
	else
		FAULT(LEDGER_DURABLE);
	return r;
}

/* All of them at once: one wait for the disk.  A file that turns out to be damaged is replaced, and they go there. */
static int write_lines(struct ledger *ledger, struct job *jobs, struct cf_error *err)
{
	int r = have_store(ledger, err);

	if (r == 0)
		r = put_lines(ledger, jobs, err);
	if (!store_is_damage(r) || !ledger->store.db)
		return r;

	store_close(&ledger->store);
	r = have_store(ledger, err);
	return r == 0 ? put_lines(ledger, jobs, err) : r;
}

static void forget(struct ledger *ledger, bool by_age)
{
	struct cf_error err = { 0 };
	int64_t keep_count;
	cf_real before;

	pthread_mutex_lock(&ledger->lock);
	keep_count = ledger->keep_count;
	before = cf_real_add(ledger->now, (cf_span){ -ledger->keep_for.ns });
	pthread_mutex_unlock(&ledger->lock);

	if (ledger->store.db)
		lines_forget(ledger->store.db, keep_count, by_age, before, &err);
}

static void on_written(void *userdata);

static void answer(struct ledger *ledger, struct job *jobs, int result, const struct cf_error *err)
{
	while (jobs) {
		struct job *job = jobs;

		jobs = job->next;	/* once posted it is the loop's */
		if (result < 0) {
			job->result = result;
			job->err = *err;
		}
		loop_post(ledger->loop, on_written, job);
	}
}

static bool has_ended(const struct job *jobs)
{
	while (jobs && !jobs->line->ended)
		jobs = jobs->next;
	return jobs;
}

static void write_jobs(struct ledger *ledger, struct job *jobs)
{
	struct cf_error err = { 0 };
	bool ended = has_ended(jobs);
	int r = write_lines(ledger, jobs, &err);

	set_fault(ledger, r, &err);
	answer(ledger, jobs, r, &err);
	if (r == 0 && ended)
		forget(ledger, false);
	store_checkpoint(&ledger->store);
}

/* Does it work again?  A page of the file is written as it is. */
static void try_again(struct ledger *ledger)
{
	struct cf_error err = { 0 };
	char mark[64];
	int r = have_store(ledger, &err);

	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", schema_version);
	if (r == 0)
		r = sql_run(ledger->store.db, mark, &err);
	set_fault(ledger, r, &err);
}

/* Unless one was begun since. */
static void settle(struct ledger *ledger, int begun)
{
	if (begun == ledger->state.begun)	/* which nobody else changes */
		begun_forget(ledger->store.path);
}

/* Until there is something to do, or it is time to see whether it works again.  With the lock. */
static void wait_for_work(struct ledger *ledger)
{
	cf_mono until = cf_mono_add(kernel_raw(), TRY_AGAIN);

	while (!ledger->first && !ledger->stop && !ledger->tidy && !ledger->settled) {
		if (ledger->state.writable)
			pthread_cond_wait(&ledger->wake, &ledger->lock);
		else if (!rest_on(&ledger->wake, &ledger->lock, until))
			return;
	}
}

static void *thread_main(void *userdata)
{
	struct ledger *ledger = userdata;
	struct job *jobs;
	bool stop, tidy;
	int settled;

	do {
		pthread_mutex_lock(&ledger->lock);
		wait_for_work(ledger);
		jobs = CF_TAKE(ledger->first);
		ledger->last = &ledger->first;
		stop = ledger->stop;
		tidy = ledger->tidy;
		ledger->tidy = false;
		settled = ledger->settled;
		ledger->settled = 0;
		pthread_mutex_unlock(&ledger->lock);

		if (jobs)
			write_jobs(ledger, jobs);
		if (tidy)
			forget(ledger, true);
		if (settled)
			settle(ledger, settled);
		if (!jobs && !tidy && !settled && !stop)
			try_again(ledger);
	} while (!stop);
	return NULL;
}

/* --- on the loop --- */

static void job_free(struct job *job)
{
	if (job->newer)
		job->newer->older = job->older;
	else
		job->ledger->newest = job->older;
	if (job->older)
		job->older->newer = job->newer;
	sd_event_source_disable_unref(job->timer);
	free(job->line);
	free(job);
}

static void call_owner(struct job *job, int result, const struct cf_error *err)
{
	void (*done)(void *arg, int result, const struct cf_error *err) = CF_TAKE(job->done);

	job->timer = sd_event_source_disable_unref(job->timer);
	if (done)
		done(job->arg, result, result == 0 ? NULL : err);
}

static void on_written(void *userdata)
{
	struct job *job = userdata;

	call_owner(job, job->result, &job->err);
	job_free(job);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct job *job = userdata;
	struct cf_error err;
	int r;

	(void)source, (void)usec;
	r = cf_fail(&err, ETIMEDOUT, CF_HOST, "%.120s: the disk takes its time", ledger_path(job->ledger));
	call_owner(job, r, &err);
	return 0;
}

static struct job *job_new(struct ledger *ledger)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		abort();	/* whoever is to hear of it could not be told */
	job->ledger = ledger;
	job->older = ledger->newest;
	if (job->older)
		job->older->newer = job;
	ledger->newest = job;
	return job;
}

void ledger_write(struct ledger *ledger, struct ledger_line *line, cf_span patience,
		  void (*done)(void *arg, int result, const struct cf_error *err), void *arg)
{
	struct job *job = job_new(ledger);

	job->line = line;
	job->done = done;
	job->arg = arg;
	if (done)	/* without a timer it is told when it was written, however long that takes */
		sd_event_add_time_relative(loop_sd(ledger->loop), &job->timer, CLOCK_MONOTONIC, patience.ns / CF_US,
					   CF_MS / CF_US, on_late, job);

	pthread_mutex_lock(&ledger->lock);
	*ledger->last = job;
	ledger->last = &job->next;
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_keep(struct ledger *ledger, cf_span keep_for, int64_t keep_count)
{
	pthread_mutex_lock(&ledger->lock);
	ledger->keep_for = keep_for;
	ledger->keep_count = keep_count;
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_tidy(struct ledger *ledger, cf_real now)
{
	pthread_mutex_lock(&ledger->lock);
	ledger->now = now;
	ledger->tidy = true;
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_settled(struct ledger *ledger)
{
	pthread_mutex_lock(&ledger->lock);
	ledger->settled = ledger->heard;
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->lock);
}

int ledger_new(struct ledger **ret, struct loop *loop, const struct ledger_options *options,
	       const struct ledger_listener *listener, struct cf_error *err)
{
	CF_AUTO(ledger_free) struct ledger *ledger = calloc(1, sizeof(*ledger));
	struct cf_error why = { 0 };
	int r;

	if (!ledger)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	ledger->loop = loop;
	ledger->listener = *listener;
	pthread_mutex_init(&ledger->lock, NULL);
	pthread_cond_init(&ledger->wake, NULL);
	ledger->last = &ledger->first;
	ledger->told = true;	/* it will be, below */
	snprintf(ledger->store.path, sizeof(ledger->store.path), "%s", options->path);
	ledger_keep(ledger, options->keep_for, options->keep_count);

	r = open_store(ledger, &why);
	set_fault(ledger, r, &why);
	r = worker_thread(&ledger->thread, thread_main, ledger, err);
	if (r < 0)
		return r;
	ledger->has_thread = true;
	loop_post(loop, on_changed, ledger);

	*ret = CF_TAKE(ledger);
	return 0;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;

	if (ledger->has_thread) {
		pthread_mutex_lock(&ledger->lock);
		ledger->stop = true;
		pthread_cond_signal(&ledger->wake);
		pthread_mutex_unlock(&ledger->lock);
		pthread_join(ledger->thread, NULL);
	}
	while (ledger->newest)
		job_free(ledger->newest);
	store_close(&ledger->store);
	pthread_cond_destroy(&ledger->wake);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}
