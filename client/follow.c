/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/follow.h"

#include <errno.h>
#include <time.h>

#include "client/say.h"

#define WAIT   (cf_span){ 10 * CF_S }
#define BREATH (cf_span){ 100 * CF_MS }	/* between questions, where an agent does not wait */
#define RETRY  (cf_span){ CF_S }

struct watch {
	struct ask *ask;
	const char *id;
	int64_t revision;
	struct progress progress;
	bool abort_due;		/* the operator wants it aborted, and the agent does not know yet */
	bool abort_asked;
};

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	(void)number;
	signalled = 1;
}

void follow_signals(struct ask *ask)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, before;

	/* What nohup or a script told us to ignore stays ignored. */
	for (size_t i = 0; i < CF_COUNT(numbers); i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	call_stop_on(ask->call, &signalled);
}

void follow_rest(cf_span span)
{
	struct timespec t = { span.ns / CF_S, span.ns % CF_S };

	if (!signalled)
		nanosleep(&t, NULL);
}

static cf_mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (cf_mono){ t.tv_sec * CF_S + t.tv_nsec };
}

/* Without an answer; or an agent that leaves says that it is busy: the next one will know how it stands. */
static bool is_lost(const struct ask *ask, enum cf_route_id route, const struct cf_error *err)
{
	if (ask->reply.problem)
		return route == CF_ROUTE_MIGRATION && err->code == CF_BUSY;
	return err->code == CF_UNREACHABLE || err->code == CF_PEER;
}

int follow_ask(struct ask *ask, const struct question *question, bool only_if_sent, struct progress *progress,
	       struct cf_error *err)
{
	cf_mono since = now();
	bool sent = false, told = false;
	int r;

	for (;;) {
		r = call_ask(ask->call, question, &ask->reply, err);
		sent = sent || ask->reply.sent;
		if (r == 0 || r == -EINTR || !is_lost(ask, question->route, err) || (only_if_sent && !sent))
			return r;
		if (cf_mono_since(now(), since).ns >= ask->whom.timeout.ns)
			return r;

		progress_end(progress);
		if (!told)
			say(stderr, "clockferry: %s; trying again", err->text);
		told = true;
		follow_rest(RETRY);
		if (signalled)
			return cf_fail(err, EINTR, CF_HOST, "interrupted");
	}
}

bool migration_has_ended(const struct cf_migration *m)
{
	return m->has_ended || m->has_outcome || m->phase == CF_PHASE_REFUSED;
}

bool follow_interrupted(void)
{
	bool was = signalled;

	signalled = 0;
	return was;
}

void follow_say_how(const struct ask *ask, const char *id)
{
	const char *option = ask->whom.host ? " --host " : "", *host = ask->whom.host ? ask->whom.host : "";

	say(stderr, "clockferry: the migration goes on without being watched");
	say_row(stderr, "to watch it", "clockferry%s%s watch %s", option, host, id);
	say_row(stderr, "to abort it", "clockferry%s%s abort %s", option, host, id);
}

static enum follow obey_signal(struct watch *w)
{
	signalled = 0;
	progress_end(&w->progress);
	if (!w->ask->abort_on_interrupt || w->abort_asked) {
		follow_say_how(w->ask, w->id);
		return FOLLOW_LEFT;
	}

	say(stderr, "clockferry: aborting; interrupt again to stop watching");
	w->abort_due = w->abort_asked = true;
	return FOLLOW_ON;
}

static int ask_how_it_stands(struct watch *w, struct cf_error *err)
{
	struct question question = { .route = CF_ROUTE_MIGRATION, .segment = w->id };
	struct cf_migration_query query = { .has_after = true, .after = w->revision, .has_wait = true, .wait = WAIT };

	if (w->revision >= 0) {
		question.query = &query;
		question.patience = WAIT;
	}
	return follow_ask(w->ask, &question, false, &w->progress, err);
}

/* The agent's "no" ends the attempt to abort and not the watching. */
static int ask_to_abort(struct watch *w, struct cf_error *err)
{
	struct question question = { .route = CF_ROUTE_ABORT, .segment = w->id };
	int r;

	r = follow_ask(w->ask, &question, false, &w->progress, err);
	if (r < 0 && !w->ask->reply.problem)
		return r;

	w->abort_due = false;
	if (r == 0)
		return 0;
	say(stderr, "clockferry: not aborted: %s", err->text);
	w->revision = -1;
	return ask_how_it_stands(w, err);
}

/* One question, and what follows from the answer: an enum follow, or an error. */
static int step(struct watch *w, struct cf_error *err)
{
	const struct cf_migration *m;
	int r;

	r = w->abort_due ? ask_to_abort(w, err) : ask_how_it_stands(w, err);
	if (r == -EINTR)
		return FOLLOW_ON;
	if (r < 0) {
		progress_end(&w->progress);
		if (is_lost(w->ask, CF_ROUTE_MIGRATION, err))
			follow_say_how(w->ask, w->id);
		return r;
	}

	m = w->ask->reply.message;
	w->revision = m->revision;
	progress_show(&w->progress, m);
	if (migration_has_ended(m))
		return FOLLOW_ENDED;
	follow_rest(BREATH);
	return FOLLOW_ON;
}

int follow(struct ask *ask, const char *id, struct cf_error *err)
{
	struct watch w = { .ask = ask, .id = id, .revision = -1 };
	int r = FOLLOW_ON;

	progress_begin(&w.progress, ask->json ? NULL : ask->to);
	while (r == FOLLOW_ON)
		r = signalled ? (int)obey_signal(&w) : step(&w, err);

	progress_end(&w.progress);
	return r;
}

int follow_asked(struct ask *ask, const struct question *question, struct cf_error *err)
{
	int r = call_ask(ask->call, question, &ask->reply, err);

	if (r < 0)
		return r;
	return migration_has_ended(ask->reply.message) ? (int)FOLLOW_ENDED : follow(ask, question->segment, err);
}
