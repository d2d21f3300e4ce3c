/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/migration.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/act/noting.h"
#include "daemon/act/queue.h"
#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"
#include "daemon/loop.h"
#include "daemon/log.h"
#include "policy/phase.h"
#include "policy/recover.h"

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

/* One that came in meanwhile is being written still. */
void migration_wake_kept(struct migration *m)
{
	waiters_wake(m->kept, m->over && m->writes == 0);
}

static void on_changed(void *userdata)
{
	struct migration *m = userdata;

	atomic_store(&m->change_posted, false);
	migration_wake(m);
}

/* From any thread: many changes between two turns of the loop are one. */
static void post_change(void *userdata)
{
	struct migration *m = userdata;

	if (!atomic_exchange(&m->change_posted, true))
		loop_post(m->all->context->loop, on_changed, m);
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
	noting_take(m, edge->on);
}

void migration_noted(struct migration *m)
{
	m->told = m->phase;
	show_phase(m, m->said);
	if (m->next_act != CF_ACT_NONE)
		hand_give(&m->hand, m->next_act);
	migration_wake(m);
}

void migration_call_off(struct migration *m, const struct cf_error *err)
{
	char why[CF_DETAIL_ROOM];

	snprintf(why, sizeof(why), "the ledger cannot be written: %.200s", err->text);
	enter(m, cf_phase_next(m->side, m->phase, CF_EV_ABORT), why);
	migrations_moved(m->all, m);
}

void migration_end(struct migration *m)
{
	bool late;

	m->over = true;
	late = receipt_take_late(m->work);
	work_conclude(m->work);
	migration_wake(m);
	migrations_moved(m->all, m);
	if (late)
		noting_save(m);
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
	char *why = m->hand.why;

	if (m->hand.event == CF_EV_BUSY)
		return work_aborted(m->work, why) ? CF_EV_ABORT : queue_again(m);
	if (m->hand.event != CF_EV_ALLOWED || migrations_claim(m->all, m))
		return m->hand.event;

	show_second(m);
	snprintf(why, sizeof(m->hand.why), "%s", cf_finding_sentence(CF_FINDING_DOMAIN_MIGRATING));
	return CF_EV_REFUSED;
}

static void on_event(void *userdata)
{
	struct migration *m = userdata;
	const struct cf_edge *edge;
	enum cf_event event;

	if (cf_phase_is_end(m->phase)) {	/* the receipt is whole */
		hand_dismiss(&m->hand);
		m->work->changed = NULL;	/* no more posts: from here on it may be forgotten */
		noting_close(m);
		return;
	}

	event = look_again(m);
	edge = cf_phase_next(m->side, m->phase, event);
	if (!edge) {
		log_error_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain),
				"migration %s: nobody expects '%s' in %s", m->id, cf_event_name(event),
				cf_phase_words[m->phase]);
		edge = cf_phase_next(m->side, m->phase, CF_EV_FAILED);
	}
	enter(m, edge, m->hand.why);
	migrations_moved(m->all, m);
}

void migration_free(struct migration *m)
{
	if (!m)
		return;

	waiters_free(m->changes);
	waiters_free(m->checked);
	waiters_free(m->steps);
	waiters_free(m->kept);
	if (m->work)
		work_stop(m->work);
	hand_dismiss(&m->hand);
	work_free(m->work);
	hand_end(&m->hand);
	free(m->noted);
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
	m->side = side;
	snprintf(m->id, sizeof(m->id), "%s", id);
	hand_begin(&m->hand, on_event, m);

	r = waiters_new(&m->changes, context->loop, err);
	if (r < 0)
		return r;
	r = waiters_new(&m->checked, context->loop, err);
	if (r == 0)
		r = waiters_new(&m->steps, context->loop, err);
	if (r == 0)
		r = waiters_new(&m->kept, context->loop, err);
	if (r < 0)
		return r;
	r = work_new(&m->work, context, side, id, err);
	if (r < 0)
		return r;
	m->work->changed = post_change;
	m->work->userdata = m;
	m->hand.work = m->work;

	*ret = CF_TAKE(m);
	return 0;
}

int migration_hire(struct migration *m, struct cf_error *err)
{
	return hand_hire(&m->hand, err);
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

	noting_restarted(m);
	hand_give(&m->hand, again.act);
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
