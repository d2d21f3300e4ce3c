/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show-receipt.h"
#include "client/show.h"

/* A row for each of the three that is there, or should be. */
static void show_offset(FILE *to, const struct cf_receipt *r, const char *label, enum cf_figure figure,
			struct cf_interval offset)
{
	char text[FIGURE_TEXT_ROOM];

	if (cf_figure_there(r, figure) || cf_figure_due(r, figure))
		say_row(to, label, "%s", figure_text(r, figure, offset, text));
}

void show_host_offset(FILE *to, const struct cf_receipt *r)
{
	char limit[LIMIT_TEXT_ROOM];

	say_heading(to, "Host offset: clock of %s minus clock of %s, %s", host_text(r->migration.destination),
		    host_text(r->migration.source), limit_text(r->limits.max_skew, r->limit_owners.max_skew, limit));
	show_offset(to, r, "before", CF_FIGURE_OFFSET_BEFORE, r->offset_before);
	show_offset(to, r, "at STOP", CF_FIGURE_OFFSET_DURING, r->offset_during);
	show_offset(to, r, "after", CF_FIGURE_OFFSET_AFTER, r->offset_after);
	if (r->probe_rounds > 0)
		say_row(to, "measured by", "%" PRId64 " rounds", r->probe_rounds);
}

static void show_host_clock(FILE *to, const char *host, const struct cf_receipt *r, enum cf_figure figure,
			    const struct cf_report *report)
{
	char text[REPORT_TEXT_ROOM], source[SOURCE_TEXT_ROOM], absent[ABSENT_TEXT_ROOM], at[CF_REAL_TEXT_ROOM];

	if (!cf_figure_there(r, figure)) {
		say_row(to, host, "%s", absent_text(r, figure, absent));
		return;
	}
	say_row(to, host, "%s%s%s", report_text(report, text), report->has_tracking ? ", source " : "",
		report->has_tracking ? source_text(&report->tracking, source) : "");
	if (*report->why)
		say_row(to, "", "%s", report->why);
	say_row(to, "", "at %s by this clock", moment_text(report->at, at));
}

void show_host_clocks(FILE *to, const struct cf_receipt *r)
{
	char limit[LIMIT_TEXT_ROOM];

	say_heading(to, "Host clocks, %s",
		    limit_text(r->limits.max_error_bound, r->limit_owners.max_error_bound, limit));
	show_host_clock(to, host_text(r->migration.source), r, CF_FIGURE_SOURCE_CLOCK, &r->source_report);
	show_host_clock(to, host_text(r->migration.destination), r, CF_FIGURE_DESTINATION_CLOCK, &r->destination_report);
}
