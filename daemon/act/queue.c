/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/loop.h"
#include "daemon/log.h"
#include "policy/queue.h"
#include "proto/text.h"

/* A destination without room is asked again after a second, then ever more seldom: each time is a whole check. */
#define AGAIN_FIRST ((cf_span){ CF_S })
#define AGAIN_MOST  ((cf_span){ 15 * CF_S })

/* Those who wait, in no order. */
struct line {
	size_t n;
	struct cf_queued *queued;
	struct migration **who;
};

static struct cf_queue_limits limits(const struct migrations *all)
{
	const struct settings *settings = all->context->settings;

	return (struct cf_queue_limits){ settings->outgoing, settings->queued };
}

/* Is one of ours just finding out whether that destination has room? */
static bool is_asked(const struct migrations *all, const char *destination)
{
	for (const struct migration *m = all->newest; m; m = m->next)
		if ((m->phase == CF_PHASE_CHECKING || m->phase == CF_PHASE_RESERVED) && strcmp(m->peer, destination) == 0)
			return true;

	return false;
}

static bool is_resting(const struct migration *m)
{
	return cf_mono_cmp(kernel_raw(), m->again) < 0;
}

static void line_clear(struct line *line)
{
	free(line->queued);
	free(line->who);
	*line = (struct line){ 0 };
}

/*
 * False without memory, and when nobody waits.  asked: a destination that is being
 * asked holds back whoever else wants to go there.
 */
static bool line_up(const struct migrations *all, bool asked, struct line *ret)
{
	size_t room = (size_t)migrations_queued(all);

	*ret = (struct line){ 0 };
	if (room == 0)
		return false;
	ret->queued = calloc(room, sizeof(*ret->queued));
	ret->who = calloc(room, sizeof(struct migration *));
	if (!ret->queued || !ret->who) {
		line_clear(ret);
		return false;
	}

	for (struct migration *m = all->newest; m; m = m->next) {
		if (m->phase != CF_PHASE_QUEUED)
			continue;
		ret->queued[ret->n] = (struct cf_queued){ m->request.priority, m->ticket, m->peer,
							  is_resting(m) || (asked && is_asked(all, m->peer)) };
		ret->who[ret->n++] = m;
	}
	return true;
}

/* One whose turn it is; false when it is nobody's. */
static bool let_go(struct migrations *all)
{
	struct cf_queue_limits at_once = limits(all);
	struct cf_error err = { 0 };
	struct line line;
	size_t next;
	bool went;

	if (!line_up(all, true, &line))
		return false;
	next = cf_queue_next(line.queued, line.n, (size_t)migrations_leaving(all), &at_once);
	went = next < line.n;
	if (went && migration_take_turn(line.who[next], &err) < 0) {
		log_warning_about(LOG_ABOUT(.migration = line.who[next]->id, .domain = line.who[next]->request.domain),
				  "migration %s: %s", line.who[next]->id, err.text);
		line.who[next]->again = cf_mono_add(kernel_raw(), AGAIN_FIRST);
	}
	line_clear(&line);
	return went;
}

/*
 * Whoever asked for one has said how long it may wait, or the settings have.  The moment
 * in which another one is checked does not count.  True when any of them is gone.
 */
static bool give_up(struct migrations *all)
{
	char span[CF_SPAN_TEXT_ROOM], why[CF_DETAIL_ROOM];
	struct cf_error err = { 0 };
	bool any = false;

	for (struct migration *m = all->newest; m; m = m->next) {
		if (m->phase != CF_PHASE_QUEUED || m->soon || cf_mono_cmp(kernel_raw(), m->leave_by) < 0)
			continue;
		snprintf(why, sizeof(why), "its turn did not come within %s", cf_span_text(m->may_wait, span));
		if (migration_leave_queue(m, CF_EV_ABORT, why, &err) < 0) {
			log_warning_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain), "migration %s: %s", m->id,
					  err.text);
			m->leave_by = cf_mono_add(kernel_raw(), AGAIN_FIRST);
		}
		any = any || m->phase != CF_PHASE_QUEUED;
	}
	return any;
}

static void show_places(struct migrations *all)
{
	bool room = !migrations_quiescing(all) && migrations_leaving(all) < limits(all).outgoing;
	struct line line;

	if (!line_up(all, false, &line))
		return;
	for (size_t i = 0; i < line.n; i++)
		migration_show_place(line.who[i], (int64_t)cf_queue_ahead(line.queued, line.n, i),
				     room && !cf_queue_is_held(line.queued, line.n, i));
	line_clear(&line);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;

	queue_move(userdata);
	return 0;
}

/* Wake when somebody's rest is over, or their patience. */
static void set_alarm(struct migrations *all)
{
	cf_mono now = kernel_raw(), next = { INT64_MAX };
	cf_span left;

	for (const struct migration *m = all->newest; m; m = m->next) {
		if (m->phase != CF_PHASE_QUEUED)
			continue;
		if (cf_mono_cmp(m->leave_by, now) > 0 && cf_mono_cmp(m->leave_by, next) < 0)
			next = m->leave_by;
		if (is_resting(m) && cf_mono_cmp(m->again, next) < 0)
			next = m->again;
	}

	all->alarm = sd_event_source_disable_unref(all->alarm);
	if (next.ns == INT64_MAX)
		return;
	left = cf_span_max(cf_mono_since(next, now), (cf_span){ CF_MS });
	if (sd_event_add_time_relative(loop_sd(all->context->loop), &all->alarm, CLOCK_MONOTONIC,
				       (uint64_t)(left.ns / CF_US) + 1, CF_MS / CF_US, on_time, all) < 0)
		log_error("no timer for the queue: it moves with the next migration that ends");
}

void queue_move(struct migrations *all)
{
	while (!migrations_quiescing(all) && let_go(all))
		;
	do
		show_places(all);
	while (give_up(all));
	set_alarm(all);
}

int queue_has_room(const struct migrations *all, struct cf_error *err)
{
	struct cf_queue_limits at_once = limits(all);

	if (cf_queue_admits((size_t)migrations_queued(all), (size_t)migrations_leaving(all), &at_once))
		return 0;
	return cf_fail(err, EBUSY, CF_BUSY, "as many migrations wait for their turn as may: %" PRId64, at_once.queued);
}

enum cf_event queue_again(struct migration *m)
{
	cf_span rest = AGAIN_MOST;
	cf_mono now = kernel_raw();

	if (cf_mono_cmp(now, m->leave_by) >= 0 || migrations_queued(m->all) >= limits(m->all).queued)
		return CF_EV_REFUSED;

	if (m->times_again < 4)
		rest = (cf_span){ AGAIN_FIRST.ns << m->times_again };
	m->times_again++;
	m->again = cf_mono_add(now, rest);
	return CF_EV_BUSY;
}

void queue_room_at(struct migrations *all, const char *destination)
{
	for (struct migration *m = all->newest; m; m = m->next)
		if (m->phase == CF_PHASE_QUEUED && strcmp(m->peer, destination) == 0)
			m->again = (cf_mono){ 0 };
}
