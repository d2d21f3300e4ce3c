/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/migration.h"
#include "daemon/act/queue.h"
#include "daemon/loop.h"
#include "daemon/log.h"
#include "policy/phase.h"
#include "proto/text.h"

/* For what is a matter of seconds, and for undoing what is aborted.  The unit's TimeoutStopSec has it on top. */
#define GRACE ((cf_span){ 10 * CF_S })

static enum cf_stop stop_of(const struct migration *m)
{
	return cf_phase_stop(m->side, m->phase, m->work->driver->outlives_agent);
}

/* Until its time is over everything is worth waiting for that is at work. */
static bool is_waited_for(const struct stop *stop, const struct migration *m)
{
	if (m->over || m->phase == CF_PHASE_QUEUED)
		return false;
	return !stop->time_over || stop_of(m) != CF_STOP_LEAVE;
}

void stop_look(struct migrations *all)
{
	if (!all->stop.idle)
		return;
	for (const struct migration *m = all->newest; m; m = m->next)
		if (is_waited_for(&all->stop, m))
			return;

	all->stop.idle(all->stop.userdata);
}

static void abort_all(struct migrations *all, bool (*which)(const struct migration *m), const char *why)
{
	struct cf_error err = { 0 };

	for (struct migration *m = all->newest; m; m = m->next)
		if (which(m) && migration_abort(m, why, &err) < 0)
			log_warning_about(LOG_ABOUT(.migration = m->id, .domain = m->request.domain), "migration %s: %s", m->id,
					  err.text);
}

/* A domain XML is written nowhere: the next agent could not go on from the request without it. */
static bool is_not_to_be_kept(const struct migration *m)
{
	return m->phase == CF_PHASE_QUEUED && (m->work->xml || m->work->persistent_xml);
}

static bool is_to_be_aborted(const struct migration *m)
{
	return !m->over && m->phase != CF_PHASE_QUEUED && stop_of(m) == CF_STOP_ABORT;
}

static int on_grace_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct migrations *all = userdata;

	(void)source, (void)usec;
	log_warning("leaving with migrations under way that did not come to an end");
	all->stop.idle(all->stop.userdata);
	return 0;
}

static int set_alarm(struct migrations *all, cf_span after, sd_event_time_handler_t fn)
{
	all->stop.alarm = sd_event_source_disable_unref(all->stop.alarm);
	return sd_event_add_time_relative(loop_sd(all->context->loop), &all->stop.alarm, CLOCK_MONOTONIC,
					  (uint64_t)(after.ns / CF_US), CF_MS / CF_US, fn, all);
}

static int on_time_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct migrations *all = userdata;
	char wait[CF_SPAN_TEXT_ROOM], why[CF_DETAIL_ROOM];

	(void)source, (void)usec;
	all->stop.time_over = true;
	snprintf(why, sizeof(why), "agent-stopping: the agent was told to come to rest, and %s have passed",
		 cf_span_text(all->context->settings->stop_wait, wait));
	abort_all(all, is_to_be_aborted, why);
	if (all->stop.idle && set_alarm(all, GRACE, on_grace_over) < 0)
		all->stop.idle(all->stop.userdata);
	stop_look(all);
	return 0;
}

int stop_let_in(const struct migrations *all, struct cf_error *err)
{
	if (!all->stop.quiescing)
		return 0;
	return cf_fail(err, EBUSY, CF_QUIESCING, "%s takes no new migrations: %s", all->context->settings->host,
		       all->stop.idle ? "its agent is stopping" : "it is quiescing");
}

int migrations_quiesce(struct migrations *all, struct cf_error *err)
{
	int r;

	if (all->stop.quiescing)
		return 0;
	r = set_alarm(all, all->context->settings->stop_wait, on_time_over);
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "no timer: %s", strerror(-r));

	all->stop.quiescing = true;
	log_notice("quiescing: no new migrations from here or to here");
	return 0;
}

int migrations_unquiesce(struct migrations *all, struct cf_error *err)
{
	if (all->stop.idle)
		return cf_fail(err, EBUSY, CF_QUIESCING, "the agent is stopping");
	if (!all->stop.quiescing)
		return 0;

	stop_clear(&all->stop);
	log_notice("not quiescing any more");
	queue_move(all);
	return 0;
}

bool migrations_quiescing(const struct migrations *all)
{
	return all->stop.quiescing;
}

void migrations_stop(struct migrations *all, void (*idle)(void *userdata), void *userdata)
{
	struct cf_error err = { 0 };
	bool waited = all->stop.time_over;

	if (migrations_quiesce(all, &err) < 0)
		log_error("stopping: %s", err.text);
	all->stop.idle = idle;
	all->stop.userdata = userdata;
	abort_all(all, is_not_to_be_kept, "agent-stopping: its turn had not come, and its XML is not kept");
	if (waited || !all->stop.quiescing)
		on_time_over(NULL, 0, all);
	else
		stop_look(all);
}

void stop_clear(struct stop *stop)
{
	sd_event_source_disable_unref(stop->alarm);
	*stop = (struct stop){ 0 };
}
