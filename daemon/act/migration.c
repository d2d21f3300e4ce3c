/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/migration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/entry.h"
#include "daemon/act/errand.h"
#include "daemon/act/gated.h"
#include "daemon/act/queue.h"
#include "daemon/clock/kernel.h"
#include "daemon/fault.h"
#include "daemon/loop.h"
#include "daemon/log.h"
#include "daemon/worker.h"
#include "policy/phase.h"
#include "policy/recover.h"

#define DISK_PATIENCE ((cf_span){ 2 * CF_S })	/* then it goes on without */

static void on_event(void *userdata);
static void enter(struct migration *m, const struct cf_edge *edge, const char *why);

/* --- the thread --- */

static enum cf_act next_act(struct migration *m)
{
	enum cf_act act;

	pthread_mutex_lock(&m->lock);
	while (m->act == CF_ACT_NONE && !m->leave)
		pthread_cond_wait(&m->wake, &m->lock);
	act = m->act;
	m->act = CF_ACT_NONE;
	pthread_mutex_unlock(&m->lock);

	return act;
}

static void *thread_main(void *userdata)
{
	struct migration *m = userdata;

	for (;;) {
		enum cf_act act = next_act(m);

		if (act == CF_ACT_NONE)
			return NULL;
		m->why[0] = '\0';
		m->event = work_act(m->work, act, m->why);
		loop_post(m->loop, on_event, m);
	}
}

static void give(struct migration *m, enum cf_act act)
{
	pthread_mutex_lock(&m->lock);
	m->act = act;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

static void dismiss(struct migration *m)
{
	if (!m->has_thread)
		return;

	pthread_mutex_lock(&m->lock);
	m->leave = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	m->has_thread = false;
}

/* --- the life --- */

/* Its check is over, or will not be soon; or a reservation is a promise, or none any more. */
static bool has_answer(const struct migration *m)
{
	if (m->over)
		return true;
	if (m->told != m->phase)
		return false;
	return m->phase == CF_PHASE_QUEUED ? !m->soon : m->phase != CF_PHASE_CHECKING;
}

void migration_wake(struct migration *m)
{
	struct cf_migration shown;

	work_shown(m->work, &shown);
	waiters_wake(m->changes, m->over ? INT64_MAX : shown.revision);
	waiters_wake(m->checked, has_answer(m));
	waiters_wake(m->steps, m->over ? CF_N_PHASES : m->told == m->phase ? m->told : CF_PHASE_UNKNOWN);
}

static void on_changed(void *userdata)
{
	struct migration *m = userdata;

	pthread_mutex_lock(&m->lock);
	m->change_posted = false;
	pthread_mutex_unlock(&m->lock);
	migration_wake(m);
}

/* From any thread: many changes between two turns of the loop are one. */
static void post_change(void *userdata)
{
	struct migration *m = userdata;
	bool post;

	pthread_mutex_lock(&m->lock);
	post = !m->change_posted;
	m->change_posted = true;
	pthread_mutex_unlock(&m->lock);
	if (post)
		loop_post(m->loop, on_changed, m);
}

static void show_phase(struct migration *m, const char *why)
{
	struct cf_migration *shown = work_show_begin(m->work);

	/* Why it had to wait is no news any more once it need not. */
	if (*why || shown->phase == CF_PHASE_QUEUED)
		snprintf(shown->reason, sizeof(shown->reason), "%s", why);
	shown->phase = m->phase;
	shown->has_ahead = false;
	work_show_end(m->work);
}

/* --- the ledger --- */

/* What the ledger has no record of, for the receipt: once, since lines there are few. */
static void say_missed(struct migration *m)
{
	if (*m->missed)
		work_unmeasured(m->work, CF_FIGURE_OTHER, "not in the ledger of %.60s: %.60s: %.90s",
				m->work->settings->host, m->missed, m->missed_why);
	m->missed[0] = '\0';
}

static void note_missed(struct migration *m, enum cf_phase phase, const struct cf_error *err)
{
	size_t n = strlen(m->missed);

	snprintf(m->missed + n, sizeof(m->missed) - n, "%s%s", n ? ", " : "", cf_phase_words[phase]);
	snprintf(m->missed_why, sizeof(m->missed_why), "%s", err->text);
	log_warning_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain, .peer = m->peer),
			  "migration %s: %s is not in the ledger: %s", m->id, cf_phase_words[phase], err->text);
}

/* The edge is taken: show it, and do what it says. */
static void go_on(struct migration *m)
{
	if (cf_phase_is_end(m->phase))
		say_missed(m);
	m->told = m->phase;
	show_phase(m, m->said);
	if (m->next_act != CF_ACT_NONE)
		give(m, m->next_act);
	migration_wake(m);
}

static void call_off(struct migration *m, const struct cf_error *err)
{
	char why[CF_DETAIL_ROOM];

	snprintf(why, sizeof(why), "the ledger cannot be written: %.200s", err->text);
	enter(m, cf_phase_next(m->side, m->phase, CF_EV_ABORT), why);
	migrations_moved(m->all, m);
}

static void on_noted(void *arg, int result, const struct cf_error *err)
{
	struct migration *m = arg;

	m->writes--;
	m->recorded |= result == 0;
	FAULT_PHASE(m->side, m->phase, NOTED);
	if (result < 0)
		note_missed(m, m->phase, err);
	if (result < 0 && cf_phase_noting(m->side, m->phase) == CF_NOTE_OR_ABORT && !m->work->driver->foreign)
		call_off(m, err);
	else
		go_on(m);
}

/* Several may be under way at once. */
static void on_noted_beside(void *arg, int result, const struct cf_error *err)
{
	const struct beside *beside = arg;
	struct migration *m = beside->m;

	m->writes--;
	m->recorded |= result == 0;
	FAULT_PHASE(m->side, beside->phase, NOTED);
	if (result < 0)
		note_missed(m, beside->phase, err);
}

static void note(struct migration *m, enum cf_event event)
{
	bool beside = cf_phase_noting(m->side, m->phase) == CF_NOTE_BESIDE;
	void (*done)(void *arg, int result, const struct cf_error *err) = beside ? on_noted_beside : on_noted;
	void *arg = beside ? (void *)&m->beside[m->phase] : m;
	struct ledger_line *line;

	FAULT_PHASE(m->side, m->phase, TAKEN);
	line = entry_write(m);
	m->writes++;
	m->beside[m->phase] = (struct beside){ m, m->phase };
	if (line) {
		snprintf(line->event, sizeof(line->event), "%s", cf_event_name(event));
		snprintf(line->why, sizeof(line->why), "%s", m->said);
		if (*m->said)
			snprintf(line->view.reason, sizeof(line->view.reason), "%s", m->said);
		ledger_write(m->all->context->ledger, line, DISK_PATIENCE, done, arg);
	} else {
		struct cf_error err;

		done(arg, cf_fail(&err, ENOMEM, CF_HOST, "out of memory"), &err);
	}
	if (beside)
		go_on(m);
}

/* The receipt, once it is whole. */
static void on_saved(void *arg, int result, const struct cf_error *err)
{
	struct migration *m = arg;

	m->writes--;
	m->recorded |= result == 0;
	m->saved = result == 0;
	if (m->saved)
		gated_forget(m->work, m->phase);
	else
		migrations_save_later(m->all);
	(void)err;
}

static void on_saved_first(void *arg, int result, const struct cf_error *err)
{
	struct migration *m = arg;
	bool late;

	on_saved(m, result, err);
	m->over = true;
	late = work_newest_closing(m->work);
	work_conclude(m->work);
	migration_wake(m);
	migrations_moved(m->all, m);
	if (late)
		migration_save(m);
	if (m->work->owed)
		errand_add(m->all, m->id);
}

static void save(struct migration *m, void (*done)(void *arg, int result, const struct cf_error *err))
{
	struct ledger_line *line = entry_write_last(m);

	m->saved = false;
	m->writes++;
	if (line)
		ledger_write(m->all->context->ledger, line, DISK_PATIENCE, done, m);
	else
		done(m, -ENOMEM, NULL);
}

void migration_save(struct migration *m)
{
	save(m, on_saved);
}

/* --- the edges --- */

static void enter(struct migration *m, const struct cf_edge *edge, const char *why)
{
	if (edge->to != m->phase) {
		log_info_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain, .peer = m->peer),
			       "migration %s: %s -> %s%s%s", m->id, cf_phase_words[m->phase],
			       cf_phase_words[edge->to], *why ? ": " : "", why);
		if (m->phase != CF_PHASE_UNKNOWN)
			work_note_phase(m->work, m->phase, m->entered);
		m->entered = kernel_instant();
	}
	m->phase = edge->to;
	m->ahead = -1;
	m->next_act = edge->act;
	snprintf(m->said, sizeof(m->said), "%s", why);
	note(m, edge->on);
}

/* Another migration has the domain: the same answer as if the check had seen it. */
static void show_second(struct migration *m)
{
	struct cf_migration *shown = work_show_begin(m->work);

	if (shown->n_findings < CF_COUNT(shown->findings)) {
		struct cf_finding *finding = &shown->findings[shown->n_findings++];

		*finding = (struct cf_finding){ .code = CF_FINDING_DOMAIN_MIGRATING, .severity = CF_SEVERITY_REFUSE };
		snprintf(finding->subject, sizeof(finding->subject), "%s", shown->domain);
	}
	work_show_end(m->work);
}

/* What the list knows better than the act. */
static enum cf_event look_again(struct migration *m)
{
	if (m->event == CF_EV_BUSY)
		return work_aborted(m->work, m->why) ? CF_EV_ABORT : queue_again(m);
	if (m->event != CF_EV_ALLOWED || migrations_claim(m->all, m))
		return m->event;

	show_second(m);
	snprintf(m->why, sizeof(m->why), "%s", cf_finding_sentence(CF_FINDING_DOMAIN_MIGRATING));
	return CF_EV_REFUSED;
}

static void on_event(void *userdata)
{
	struct migration *m = userdata;
	const struct cf_edge *edge;

	if (cf_phase_is_end(m->phase)) {	/* the receipt is whole */
		dismiss(m);
		m->work->changed = NULL;	/* no more posts: from here on it may be forgotten */
		save(m, on_saved_first);
		return;
	}

	m->event = look_again(m);
	edge = cf_phase_next(m->side, m->phase, m->event);
	if (!edge) {
		log_error("migration %s: nobody expects '%s' in %s", m->id, cf_event_name(m->event),
			  cf_phase_words[m->phase]);
		edge = cf_phase_next(m->side, m->phase, CF_EV_FAILED);
	}
	enter(m, edge, m->why);
	migrations_moved(m->all, m);
}

void migration_free(struct migration *m)
{
	if (!m)
		return;

	waiters_free(m->changes);
	waiters_free(m->checked);
	waiters_free(m->steps);
	if (m->work)
		work_stop(m->work);
	dismiss(m);
	work_free(m->work);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int migration_new(struct migration **ret, struct migrations *all, const struct act_context *context,
		  enum cf_side side, const char *id, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	m->all = all;
	m->loop = context->loop;
	m->side = side;
	snprintf(m->id, sizeof(m->id), "%s", id);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->wake, NULL);

	r = waiters_new(&m->changes, context->loop, err);
	if (r < 0)
		return r;
	r = waiters_new(&m->checked, context->loop, err);
	if (r == 0)
		r = waiters_new(&m->steps, context->loop, err);
	if (r < 0)
		return r;
	r = work_new(&m->work, context, side, id, err);
	if (r < 0)
		return r;
	m->work->changed = post_change;
	m->work->userdata = m;

	*ret = CF_TAKE(m);
	return 0;
}

int migration_hire(struct migration *m, struct cf_error *err)
{
	int r = m->has_thread ? 0 : worker_thread(&m->thread, thread_main, m, err);

	m->has_thread = r == 0;
	return r;
}

void migration_set_out(struct migration *m)
{
	enter(m, cf_phase_first(m->side), "");
}

void migration_watch(struct migration *m)
{
	enter(m, cf_phase_watched(), "");
}

/* Nothing was done about it yet; but what it came with is gone, where that was to be written nowhere. */
static void wait_on(struct migration *m)
{
	m->ticket = ++m->all->tickets;
	m->ahead = -1;
	m->work->again = CF_PHASE_QUEUED;
	if (!m->complete)
		enter(m, cf_phase_next(m->side, m->phase, CF_EV_ABORT),
		      "the agent was restarted, and the XML of the request was in its memory alone");
}

void migration_go_on(struct migration *m)
{
	struct cf_again again = cf_recover(m->side, m->phase, m->work->driver->has_gate,
					    gated_decision(m->all->context, m->id));
	struct ledger_line *line;

	log_notice_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain, .peer = m->peer),
			 "migration %s was %s when the agent ended", m->id, cf_phase_words[m->phase]);
	if (m->phase == CF_PHASE_QUEUED) {
		wait_on(m);
		return;
	}
	work_unmeasured(m->work, CF_FIGURE_OTHER, "the agent of %s was restarted while %s", m->work->settings->host,
			cf_phase_words[m->phase]);
	m->work->again = m->phase;
	m->work->to_open = true;
	if (again.event != CF_N_EVENTS) {
		enter(m, cf_phase_next(m->side, m->phase, again.event),
		      m->phase < CF_PHASE_COPYING ? "the agent was restarted before the copy began" : "the agent was restarted");
		return;
	}

	line = entry_write(m);
	if (line) {
		snprintf(line->event, sizeof(line->event), "restarted");
		ledger_write(m->all->context->ledger, line, DISK_PATIENCE, NULL, NULL);
	}
	give(m, again.act);
}

int migration_leave_queue(struct migration *m, enum cf_event event, const char *why, struct cf_error *err)
{
	int r = migration_hire(m, err);

	if (r < 0)
		return r;
	enter(m, cf_phase_next(m->side, m->phase, event), why);
	return 0;
}

int migration_take_turn(struct migration *m, struct cf_error *err)
{
	work_set_out(m->work);
	return migration_leave_queue(m, CF_EV_TURN, "", err);
}

int migration_refuse_second(struct migration *m, struct cf_error *err)
{
	show_second(m);
	return migration_leave_queue(m, CF_EV_REFUSED, cf_finding_sentence(CF_FINDING_DOMAIN_MIGRATING), err);
}

void migration_show_place(struct migration *m, int64_t ahead, bool soon)
{
	m->soon = soon;
	if (m->ahead != ahead) {
		struct cf_migration *shown = work_show_begin(m->work);

		m->ahead = ahead;
		shown->has_ahead = true;
		shown->ahead = ahead;
		work_show_end(m->work);
	}
	waiters_wake(m->checked, has_answer(m));
}
