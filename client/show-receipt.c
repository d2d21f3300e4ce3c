/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/say.h"
#include "client/show-receipt.h"
#include "client/show.h"

char *limit_text(cf_span limit, const char *owner, char ret[static LIMIT_TEXT_ROOM])
{
	char text[CF_SPAN_TEXT_ROOM];

	snprintf(ret, LIMIT_TEXT_ROOM, "limit %s%s%s%s", cf_span_text(limit, text), *owner ? " (" : "", owner,
		 *owner ? ")" : "");
	return ret;
}

const char *verdict(cf_span measured, cf_span limit)
{
	return cf_span_cmp(measured, limit) > 0 ? "beyond the limit" : "within the limit";
}

const char *author(const struct cf_receipt *r)
{
	return r->has_author ? r->author : r->migration.source;
}

const char *absent_text(const struct cf_receipt *r, enum cf_figure figure, char ret[static ABSENT_TEXT_ROOM])
{
	const char *why = cf_figure_why(r, figure);

	snprintf(ret, ABSENT_TEXT_ROOM, SAY_ABSENT "%s%s", *why ? ": " : "", why);
	return ret;
}

const char *figure_text(const struct cf_receipt *r, enum cf_figure figure, struct cf_interval measured,
			char ret[static FIGURE_TEXT_ROOM])
{
	return cf_figure_there(r, figure) ? cf_interval_text(measured, ret) : absent_text(r, figure, ret);
}

bool is_foreign(const struct cf_receipt *r)
{
	return strcmp(r->driver, "foreign") == 0;
}

/* What it was on the source; and where that is not so at the destination, what it is there. */
static void show_persistence(FILE *to, const struct cf_receipt *r)
{
	const struct cf_persistence *was = &r->persistence, *is = &r->landing.persistence;
	bool landed = r->has_landing && r->landing.has_persistence;

	if (!r->has_persistence)
		return;
	say_row(to, "", "%s%s", was->persistent ? "persistent" : "transient",
		was->autostart ? ", starts with its host" : "");
	if (landed && was->persistent != is->persistent)
		say_row(to, "", "but on %s it is %s", host_text(r->migration.destination),
			is->persistent ? "persistent" : "transient");
	if (was->autostart && r->has_landing && !(landed && is->autostart))
		say_row(to, "", "but %s with %s", landed ? "it does not start" : "nobody knows whether it starts",
			host_text(r->migration.destination));
}

static void show_bytes(FILE *to, const struct cf_receipt *r)
{
	const struct cf_migration *m = &r->migration;
	char bytes[BYTES_TEXT_ROOM], left[BYTES_TEXT_ROOM], absent[ABSENT_TEXT_ROOM];

	if (r->has_bytes)
		say_row(to, "copied", "%s", bytes_text(r->bytes, bytes));
	else if (m->has_progress && m->outcome == CF_OUTCOME_ABORTED)
		say_row(to, "copied", "%s when it was last looked at, and %s were left",
			bytes_text(m->progress.bytes_sent, bytes), bytes_text(m->progress.bytes_left, left));
	else if (cf_figure_due(r, CF_FIGURE_BYTES))
		say_row(to, "copied", "%s", absent_text(r, CF_FIGURE_BYTES, absent));
}

static void show_head(FILE *to, const struct cf_receipt *r)
{
	const struct cf_migration *m = &r->migration;
	char started[CF_REAL_TEXT_ROOM], ended[CF_REAL_TEXT_ROOM], took[CF_SPAN_TEXT_ROOM];

	show_end(to, m);
	if (m->has_requester)
		say_row(to, "asked for by", "%s, %s on %s", m->requester.name, m->requester.role,
			m->requester.host);
	else if (is_foreign(r))
		say_row(to, "driven by", "another manager, past clockferry");
	say_row(to, "migration", "%s, driver %s", m->id, r->driver);
	say_row(to, "domain", "%s, %s", m->domain, m->uuid);
	show_persistence(to, r);
	show_options(to, r);
	for (size_t i = 0; i < m->n_labels; i++)
		say_row(to, i == 0 ? "labels" : "", "%s", m->labels[i]);
	if (m->has_ended)
		say_row(to, "time", "%s to %s by the clock of %s: %s", moment_text(m->started, started),
			moment_text(m->ended, ended), author(r),
			cf_span_text(cf_real_since(m->ended, m->started), took));
	else
		say_row(to, "time", "from %s by the clock of %s, not ended", moment_text(m->started, started),
			author(r));
	show_bytes(to, r);
}

/* "checking 1.2 s, reserved 12 ms, ..." */
static void show_phases_of(FILE *to, const char *host, const struct cf_phase_time *phases, size_t n)
{
	struct say_parts parts = { .to = to, .label = host };
	char took[CF_SPAN_TEXT_ROOM];

	for (size_t i = 0; i < n; i++)
		say_part(&parts, "%s %s", cf_phase_words[phases[i].phase], cf_span_text(phases[i].took, took));
	say_parts_end(&parts, "not recorded");
}

static void show_phases(FILE *to, const struct cf_receipt *r)
{
	const struct cf_landing *l = &r->landing;

	say_heading(to, "Phases, and how long each was");
	show_phases_of(to, host_text(r->migration.source), r->phases, r->n_phases);
	if (r->has_landing && l->n_phases > 0)
		show_phases_of(to, host_text(r->migration.destination), l->phases, l->n_phases);
	if (r->has_landing && l->phase != CF_PHASE_DONE)
		say_row(to, l->n_phases > 0 ? "" : host_text(r->migration.destination), "%slast seen in phase %s",
			l->n_phases > 0 ? "then " : "", cf_phase_words[l->phase]);
}

static void show_version(FILE *to, const char *host, const char *const values[static 5])
{
	static const char *const names[] = { "clockferryd ", "libvirt ", "", "machine type ", "" };
	struct say_parts parts = { .to = to, .label = host };

	for (size_t i = 0; i < CF_COUNT(names); i++)
		if (*values[i])
			say_part(&parts, "%s%s", names[i], values[i]);
	say_parts_end(&parts, "not known");
}

/* A source of an older version says the destination's only where the guest landed. */
static void show_versions(FILE *to, const struct cf_receipt *r)
{
	const struct cf_landing *l = &r->landing;
	const struct cf_versions *v = &r->destination_versions;
	const char *const here[] = { r->agent, r->libvirt, r->emulator, r->machine, r->kernel };
	const char *const there[] = { v->agent, v->libvirt, v->emulator, r->machine, v->kernel };
	const char *const landed[] = { l->agent, l->libvirt, l->emulator, r->machine, l->kernel };

	say_heading(to, "Versions");
	show_version(to, host_text(r->migration.source), here);
	if (r->has_destination_versions)
		show_version(to, host_text(r->migration.destination), there);
	else if (r->has_landing)
		show_version(to, host_text(r->migration.destination), landed);
}

/* Of a figure that is absent, the first reason stands where the figure would. */
static bool stands_above(const struct cf_receipt *r, const char *line)
{
	enum cf_figure figure = cf_figure_of(line);

	return figure != CF_FIGURE_OTHER && cf_figure_due(r, figure) && !cf_figure_there(r, figure) &&
	       strcmp(line + strlen(cf_figure_words[figure]) + 2, cf_figure_why(r, figure)) == 0;
}

static bool show_unmeasured_of(FILE *to, const struct cf_receipt *r, const char *host,
			       const char (*lines)[CF_DETAIL_ROOM], size_t n, bool headed)
{
	for (size_t i = 0; i < n; i++) {
		if (stands_above(r, lines[i]))
			continue;
		if (!headed)
			say_heading(to, "Not measured either");
		headed = true;
		say_row(to, host, "%s", lines[i]);
		host = "";
	}
	return headed;
}

static void show_unmeasured(FILE *to, const struct cf_receipt *r)
{
	const struct cf_landing *l = &r->landing;
	bool headed = show_unmeasured_of(to, r, author(r), r->unmeasured, r->n_unmeasured, false);

	if (r->has_landing)
		show_unmeasured_of(to, r, host_text(r->migration.destination), l->unmeasured, l->n_unmeasured, headed);
}

void show_receipt(FILE *to, const struct cf_receipt *r)
{
	const struct cf_migration *m = &r->migration;
	bool refused = m->has_outcome && m->outcome == CF_OUTCOME_REFUSED,
	     moved = !refused && !(m->has_outcome && m->outcome == CF_OUTCOME_ABORTED);

	show_head(to, r);
	if (m->n_findings > 0) {
		say_heading(to, "Findings");
		show_findings(to, "  ", m->findings, m->n_findings);
	}
	show_gate(to, r);
	if (moved)
		show_blackout(to, r);
	else if (!refused)
		show_standstill(to, r);
	if (!refused)
		show_guest_carried(to, r, moved);
	show_host_offset(to, r);
	show_host_clocks(to, r);
	show_policy(to, r);
	show_phases(to, r);
	show_versions(to, r);
	show_unmeasured(to, r);
}
