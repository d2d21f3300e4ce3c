/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/noting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/entry.h"
#include "daemon/act/errand.h"
#include "daemon/act/gated.h"
#include "daemon/act/migration.h"
#include "daemon/fault.h"
#include "daemon/log.h"

#define DISK_PATIENCE ((cf_span){ 2 * CF_S })	/* then it goes on without */

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

/* Of one that comes in, for what is asked of it while an act is under way. */
static void keep(struct migration *m, const struct ledger_line *line)
{
	if (m->side != CF_DESTINATION)
		return;
	if (!m->noted)
		m->noted = malloc(sizeof(*m->noted));
	if (m->noted)
		*m->noted = *line;
}

/* The edge holds, whatever the ledger has of it. */
static void go_on(struct migration *m)
{
	if (cf_phase_is_end(m->phase))
		say_missed(m);
	migration_noted(m);
}

static enum cf_noting noting_of(const struct migration *m)
{
	return cf_phase_noting(m->side, m->phase, m->work->driver->has_gate);
}

static void on_noted(void *arg, int result, const struct cf_error *err)
{
	struct migration *m = arg;

	m->writes--;
	m->recorded |= result == 0;
	FAULT_PHASE(m->side, m->phase, NOTED);
	if (result < 0)
		note_missed(m, m->phase, err);
	if (result < 0 && noting_of(m) == CF_NOTE_OR_ABORT && !m->work->driver->foreign)
		migration_call_off(m, err);
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

void noting_take(struct migration *m, enum cf_event event)
{
	bool beside = noting_of(m) == CF_NOTE_BESIDE;
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
		keep(m, line);
		ledger_write(m->all->context->ledger, line, DISK_PATIENCE, done, arg);
	} else {
		struct cf_error err;

		done(arg, cf_fail(&err, ENOMEM, CF_HOST, "out of memory"), &err);
	}
	if (beside)
		go_on(m);
}

/* Who waits for what was asked of one that comes in. */
struct asked {
	struct migration *m;
	void (*fn)(void *arg, const struct cf_error *err);
	void *arg;
};

static void on_asked(void *userdata, int result, const struct cf_error *err)
{
	struct asked *asked = userdata;

	asked->m->writes--;
	asked->m->recorded |= result == 0;
	asked->fn(asked->arg, result < 0 ? err : NULL);
	free(asked);
}

void noting_asked(struct migration *m, void (*fn)(void *arg, const struct cf_error *err), void *arg)
{
	struct asked *asked = malloc(sizeof(*asked));
	struct ledger_line *line = asked && m->noted ? entry_write_again(m, m->noted) : NULL;
	struct cf_error err;

	if (!line) {
		free(asked);
		cf_fail(&err, ENOMEM, CF_HOST, "out of memory");
		fn(arg, &err);
		return;
	}
	*asked = (struct asked){ m, fn, arg };
	m->writes++;
	ledger_write(m->all->context->ledger, line, DISK_PATIENCE, on_asked, asked);
}

void noting_restarted(struct migration *m)
{
	struct ledger_line *line = entry_write(m);

	if (!line)
		return;
	snprintf(line->event, sizeof(line->event), "restarted");
	keep(m, line);
	ledger_write(m->all->context->ledger, line, DISK_PATIENCE, NULL, NULL);
}

/* The receipt, once it is whole. */
static void save_answered(struct migration *m, int result)
{
	m->writes--;
	m->recorded |= result == 0;
	m->saved = result == 0;
	if (!m->saved) {
		migrations_save_later(m->all);
		return;
	}
	gated_forget(m->work, m->phase);
	if (m->work->owed)	/* it is brought as the ledger has it */
		errand_add(m->all, m->id);
}

static void on_saved(void *arg, int result, const struct cf_error *err)
{
	(void)err;
	save_answered(arg, result);
	migration_wake_kept(arg);
}

static void on_closed(void *arg, int result, const struct cf_error *err)
{
	(void)err;
	save_answered(arg, result);
	migration_end(arg);
	migration_wake_kept(arg);
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

void noting_close(struct migration *m)
{
	free(CF_TAKE(m->noted));
	save(m, on_closed);
}

void noting_save(struct migration *m)
{
	save(m, on_saved);
}
