/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show-receipt.h"
#include "client/show.h"

#define WRAP 84	/* columns behind a label */

char *limit_text(cf_span limit, const char *owner, char ret[static LIMIT_TEXT_ROOM])
{
	char text[CF_SPAN_TEXT_ROOM];

	snprintf(ret, LIMIT_TEXT_ROOM, "limit %s%s%s%s", cf_span_text(limit, text), *owner ? " (" : "", owner,
		 *owner ? ")" : "");
	return ret;
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
		say_row(to, "", "but on %s it is %s", r->migration.destination,
			is->persistent ? "persistent" : "transient");
	if (was->autostart && r->has_landing && !(landed && is->autostart))
		say_row(to, "", "but %s with %s", landed ? "it does not start" : "nobody knows whether it starts",
			r->migration.destination);
}

static void show_head(FILE *to, const struct cf_receipt *r)
{
	const struct cf_migration *m = &r->migration;
	char started[CF_REAL_TEXT_ROOM], ended[CF_REAL_TEXT_ROOM], took[CF_SPAN_TEXT_ROOM],
		bytes[BYTES_TEXT_ROOM];

	show_end(to, m);
	say_row(to, "migration", "%s, driver %s", m->id, r->driver);
	say_row(to, "domain", "%s, %s", m->domain, m->uuid);
	show_persistence(to, r);
	for (size_t i = 0; i < m->n_labels; i++)
		say_row(to, i == 0 ? "labels" : "", "%s", m->labels[i]);
	if (m->has_ended)
		say_row(to, "time", "%s to %s by the clock of %s: %s", moment_text(m->started, started),
			moment_text(m->ended, ended), m->source,
			cf_span_text(cf_real_since(m->ended, m->started), took));
	else
		say_row(to, "time", "from %s by the clock of %s, not ended", moment_text(m->started, started),
			m->source);
	say_row(to, "copied", "%s", r->has_bytes ? bytes_text(r->bytes, bytes) : SAY_ABSENT);
}

/* How long the guest stood still without having moved. */
static void show_source_lost(FILE *to, const struct cf_receipt *r)
{
	char lost[CF_INTERVAL_TEXT_ROOM];

	say_heading(to, "Standstill");
	if (!r->has_source_lost && !r->has_stop)
		say_row(to, "on the source", "the guest was not seen to stop");
	else
		say_row(to, "on the source", "%s",
			interval_or_absent(r->has_source_lost, r->source_lost, lost));
}

/*
 * What libvirt's own figure is worth: it is one host's wall clock minus the other's,
 * and not even that where it would be negative.
 */
static void show_libvirt_downtime(FILE *to, const struct cf_receipt *r)
{
	char downtime[CF_SPAN_TEXT_ROOM], offset[CF_INTERVAL_TEXT_ROOM];

	if (!r->has_libvirt_downtime) {
		say_row(to, "libvirt says", "no figure");
		return;
	}
	say_row(to, "libvirt says", "%s, in whole milliseconds", cf_span_text(r->libvirt_downtime, downtime));
	if (r->has_offset_during && !r->has_libvirt_downtime_offset)
		say_row(to, "", "but it is QEMU's count at the source: by the hosts' clocks the guest ran before it stopped");
	else
		say_row(to, "", "of which the difference of the hosts' clocks is %s",
			interval_or_absent(r->has_libvirt_downtime_offset, r->libvirt_downtime_offset, offset));
}

static void show_blackout(FILE *to, const struct cf_receipt *r)
{
	char blackout[CF_INTERVAL_TEXT_ROOM], limit[LIMIT_TEXT_ROOM], slack[CF_SPAN_TEXT_ROOM];

	say_heading(to, "Blackout");
	limit_text(r->limits.max_blackout, r->limit_owners.max_blackout, limit);
	if (r->has_blackout)
		say_row(to, "measured", "%s, %s: %s", cf_interval_text(r->blackout, blackout), limit,
			cf_span_cmp(r->blackout.high, r->limits.max_blackout) > 0 ? "not within it"
										  : "within it");
	else
		say_row(to, "measured", SAY_ABSENT ", %s", limit);
	if (r->has_blackout) {
		say_row(to, "assumed", "the guest stood still for at most %s before STOP was seen",
			cf_span_text(r->stop_slack, slack));
		if (r->has_landing && r->landing.has_resume)
			say_row(to, "", "and for at most %s after RESUME was seen",
				cf_span_text(r->landing.resume_slack, slack));
	}
	show_libvirt_downtime(to, r);
}

static void show_offset(FILE *to, const struct cf_receipt *r)
{
	char text[CF_INTERVAL_TEXT_ROOM], limit[LIMIT_TEXT_ROOM];

	say_heading(to, "Host offset: clock of %s minus clock of %s, %s", r->migration.destination,
		    r->migration.source, limit_text(r->limits.max_skew, r->limit_owners.max_skew, limit));
	say_row(to, "before", "%s", interval_or_absent(r->has_offset_before, r->offset_before, text));
	say_row(to, "at STOP", "%s", interval_or_absent(r->has_offset_during, r->offset_during, text));
	say_row(to, "after", "%s", interval_or_absent(r->has_offset_after, r->offset_after, text));
	if (r->probe_rounds > 0)
		say_row(to, "measured by", "%" PRId64 " rounds", r->probe_rounds);
}

static void show_host_clock(FILE *to, const char *host, bool has, const struct cf_report *report)
{
	char text[REPORT_TEXT_ROOM], source[SOURCE_TEXT_ROOM];

	if (!has) {
		say_row(to, host, "no report");
		return;
	}
	say_row(to, host, "%s%s%s", report_text(report, text), report->has_tracking ? ", source " : "",
		report->has_tracking ? source_text(&report->tracking, source) : "");
	if (*report->why)
		say_row(to, "", "%s", report->why);
}

static void show_host_clocks(FILE *to, const struct cf_receipt *r)
{
	char limit[LIMIT_TEXT_ROOM];

	say_heading(to, "Host clocks, %s",
		    limit_text(r->limits.max_error_bound, r->limit_owners.max_error_bound, limit));
	show_host_clock(to, r->migration.source, r->has_source_report, &r->source_report);
	show_host_clock(to, r->migration.destination, r->has_destination_report, &r->destination_report);
}

/* "checking 1.2 s, reserved 12 ms, ...", over as many lines as it takes. */
static void show_phases(FILE *to, const struct cf_receipt *r)
{
	char line[WRAP + 2 * CF_SPAN_TEXT_ROOM] = "", took[CF_SPAN_TEXT_ROOM], entry[2 * CF_SPAN_TEXT_ROOM];
	const char *label = "on the source";

	say_heading(to, "Phases");
	for (size_t i = 0; i < r->n_phases; i++) {
		snprintf(entry, sizeof(entry), "%s %s%s", cf_phase_words[r->phases[i].phase],
			 cf_span_text(r->phases[i].took, took), i + 1 < r->n_phases ? "," : "");
		if (*line && strlen(line) + strlen(entry) > WRAP) {
			say_row(to, label, "%s", line);
			label = "";
			*line = '\0';
		}
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", *line ? " " : "", entry);
	}
	say_row(to, label, "%s", *line ? line : "not recorded");
	if (r->has_landing)
		say_row(to, "destination", "ended in phase %s", cf_phase_words[r->landing.phase]);
}

static void show_version(FILE *to, const char *host, const char *const parts[static 5])
{
	static const char *const names[] = { "clockferryd ", "libvirt ", "", "", "kernel " };
	char line[512] = "";

	for (size_t i = 0; i < CF_COUNT(names); i++)
		if (*parts[i])
			snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s%s",
				 *line ? ", " : "", names[i], parts[i]);
	say_row(to, host, "%s", *line ? line : "not known");
}

static void show_versions(FILE *to, const struct cf_receipt *r)
{
	const struct cf_landing *l = &r->landing;
	const char *const here[] = { r->agent, r->libvirt, r->emulator, r->machine, r->kernel };
	const char *const there[] = { l->agent, l->libvirt, l->emulator, "", l->kernel };

	say_heading(to, "Versions");
	show_version(to, r->migration.source, here);
	if (r->has_landing)
		show_version(to, r->migration.destination, there);
}

static void show_unmeasured(FILE *to, const struct cf_receipt *r)
{
	const struct cf_landing *l = &r->landing;

	if (r->n_unmeasured == 0 && (!r->has_landing || l->n_unmeasured == 0))
		return;
	say_heading(to, "Not measured, and why");
	for (size_t i = 0; i < r->n_unmeasured; i++)
		say_row(to, i == 0 ? r->migration.source : "", "%s", r->unmeasured[i]);
	for (size_t i = 0; r->has_landing && i < l->n_unmeasured; i++)
		say_row(to, i == 0 ? r->migration.destination : "", "%s", l->unmeasured[i]);
}

void show_receipt(FILE *to, const struct cf_receipt *r)
{
	const struct cf_migration *m = &r->migration;
	bool moved =
		!m->has_outcome || (m->outcome != CF_OUTCOME_ABORTED && m->outcome != CF_OUTCOME_REFUSED);

	show_head(to, r);
	if (moved)
		show_blackout(to, r);
	else
		show_source_lost(to, r);
	show_offset(to, r);
	show_guest_carried(to, r, moved);
	show_host_clocks(to, r);
	show_phases(to, r);
	show_versions(to, r);
	if (m->n_findings > 0) {
		say_heading(to, "Findings");
		show_findings(to, "  ", m->findings, m->n_findings);
	}
	show_unmeasured(to, r);
}
