/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "client/say.h"
#include "client/show.h"
#include "client/table.h"

/* Did the guest end up on the other host? */
static bool has_moved(enum cf_outcome outcome)
{
	return outcome == CF_OUTCOME_CLEAN || outcome == CF_OUTCOME_BREACHED ||
	       outcome == CF_OUTCOME_UNVERIFIED;
}

const char *host_text(const char *host)
{
	return *host ? host : "(unknown)";
}

void show_end(FILE *to, const struct cf_migration *m)
{
	enum cf_outcome outcome = m->has_outcome ? m->outcome : CF_OUTCOME_UNKNOWN;

	if (has_moved(outcome))
		say(to, "%s: %s moved from %s to %s", cf_outcome_words[outcome], m->domain, host_text(m->source),
		    host_text(m->destination));
	else if (outcome == CF_OUTCOME_UNKNOWN)
		say(to, "%s: %s, from %s to %s", cf_phase_words[m->phase], m->domain, host_text(m->source),
		    host_text(m->destination));
	else
		say(to, "%s: %s stays on %s", cf_outcome_words[outcome], m->domain, host_text(m->source));
	if (*m->reason)
		say_row(to, "why", "%s", m->reason);
}

/* snprintf() behind what is there already. */
static void append(char *text, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t room, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, room - n, fmt, ap);
	va_end(ap);
}

/* What has to fit into a line of a terminal of 100 columns. */
static void append_copy(const struct cf_migration *m, char *text)
{
	const struct cf_progress *p = &m->progress;
	char sent[BYTES_TEXT_ROOM], left[BYTES_TEXT_ROOM], rate[BYTES_TEXT_ROOM], blackout[CF_SPAN_TEXT_ROOM];

	append(text, PROGRESS_TEXT_ROOM, ": %s, %s left, ", bytes_text(p->bytes_sent, sent), bytes_text(p->bytes_left, left));
	if (p->has_throttle_percent && p->throttle_percent > 0)
		append(text, PROGRESS_TEXT_ROOM, "slowed %" PRId64 " %%", p->throttle_percent);
	else
		append(text, PROGRESS_TEXT_ROOM, "%s/s", bytes_text(p->bytes_per_second, rate));
	append(text, PROGRESS_TEXT_ROOM, ", blackout %s%s",
	       p->has_predicted_blackout ? "~" : "not predicted",
	       p->has_predicted_blackout ? cf_span_text(p->predicted_blackout, blackout) : "");
	if (m->has_max_blackout)
		append(text, PROGRESS_TEXT_ROOM, " (max %s)", cf_span_text(m->max_blackout, blackout));
}

/* Its place in the queue, and what else it waits for. */
static void append_place(const struct cf_migration *m, char *text)
{
	if (m->has_ahead)
		append(text, PROGRESS_TEXT_ROOM, ", %" PRId64 " before it", m->ahead);
	if (*m->reason)
		append(text, PROGRESS_TEXT_ROOM, ": %s", m->reason);
}

const char *progress_text(const struct cf_migration *m, char ret[static PROGRESS_TEXT_ROOM])
{
	char offset[CF_INTERVAL_TEXT_ROOM];

	snprintf(ret, PROGRESS_TEXT_ROOM, "%s", cf_phase_words[m->phase]);
	if (m->has_progress && (m->phase == CF_PHASE_COPYING || m->phase == CF_PHASE_ARMED))
		append_copy(m, ret);
	if (m->phase == CF_PHASE_QUEUED) {
		append_place(m, ret);
		return ret;
	}
	if (m->has_host_offset)
		append(ret, PROGRESS_TEXT_ROOM, ", offset %s",
		       cf_interval_around_text(m->host_offset, offset));
	return ret;
}

void show_migration(FILE *to, const struct cf_migration *m)
{
	char how[PROGRESS_TEXT_ROOM];

	say(to, "%s, from %s to %s: %s", m->domain, host_text(m->source), host_text(m->destination), progress_text(m, how));
}

/* To the second: a list is for finding things. */
static const char *second_text(cf_real t, char ret[static CF_REAL_TEXT_ROOM])
{
	char *dot;

	cf_real_text(t, ret);
	dot = strchr(ret, '.');
	if (dot)
		strcpy(dot, "Z");
	return ret;
}

#define PHASE_TEXT_ROOM 48
static const char *phase_text(const struct cf_migration *m, char ret[static PHASE_TEXT_ROOM])
{
	if (m->phase != CF_PHASE_QUEUED || !m->has_ahead)
		return cf_phase_words[m->phase];

	snprintf(ret, PHASE_TEXT_ROOM, "%s, %" PRId64 " before it", cf_phase_words[m->phase], m->ahead);
	return ret;
}

int show_migrations(FILE *to, const struct cf_migration *list, size_t n, struct cf_error *err)
{
	static const struct table_column columns[] = {
		{ "ID" }, { "DOMAIN" }, { "FROM" }, { "TO" }, { "STARTED" }, { "TOOK", TABLE_RIGHT },
		{ "PHASE" }, { "OUTCOME" },
	};
	CF_AUTO(table_free) struct table *table = NULL;
	char started[CF_REAL_TEXT_ROOM], took[CF_SPAN_TEXT_ROOM], phase[PHASE_TEXT_ROOM];
	int r;

	if (n == 0) {
		say(to, "no migrations");
		return 0;
	}
	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_migration *m = &list[i];
		const char *const cells[] = {
			m->id, m->domain, host_text(m->source), host_text(m->destination), second_text(m->started, started),
			m->has_ended ? cf_span_text(cf_real_since(m->ended, m->started), took) : "-",
			phase_text(m, phase), m->has_outcome ? cf_outcome_words[m->outcome] : "-",
		};

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, to, err);
}

void show_strays(FILE *to, const struct cf_stray *list, size_t n)
{
	if (n > 0)
		say(to, "since the ledger was lost in nobody's hands here:");
	for (size_t i = 0; i < n; i++)
		say(to, "  %s: %s%s%s", list[i].domain, list[i].why, list[i].has_id ? ": " : "", list[i].has_id ? list[i].id : "");
}
