/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show.h"
#include "client/table.h"

static const char *gate_text(const struct cf_peer *p)
{
	return p->gate_open ? "open" : "closed";
}

static const char *why_closed(const struct cf_peer *p)
{
	if (!p->reachable)
		return p->why;
	for (size_t i = 0; i < p->n_findings; i++)
		if (cf_finding_refuses(&p->findings[i]))
			return cf_finding_words[p->findings[i].code];
	return "";
}

int show_peers(FILE *to, const struct cf_peer *list, size_t n, struct cf_error *err)
{
	static const struct table_column columns[] = {
		{ "HOST" }, { "OFFSET" }, { "HALF WIDTH", TABLE_RIGHT }, { "HEARD", TABLE_RIGHT },
		{ "ITS CLOCK" }, { "GATE" }, { "WHY" },
	};
	CF_AUTO(table_free) struct table *table = NULL;
	char offset[CF_INTERVAL_TEXT_ROOM], half[CF_SPAN_TEXT_ROOM], age[CF_SPAN_TEXT_ROOM],
		clock[REPORT_TEXT_ROOM];
	int r;

	if (n == 0) {
		say(to, "no other host is known");
		return 0;
	}
	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_peer *p = &list[i];
		const char *const cells[] = {
			p->host,
			interval_or_absent(p->has_host_offset, p->host_offset, offset),
			p->has_half_width ? cf_span_text(p->half_width, half) : "-",
			p->has_age ? cf_span_text(p->age, age) : "never",
			p->has_report ? report_text(&p->report, clock) : "-",
			gate_text(p),
			why_closed(p),
		};

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, to, err);
}

static void show_offset(FILE *to, const struct cf_peer *p)
{
	char offset[CF_INTERVAL_TEXT_ROOM], half[CF_SPAN_TEXT_ROOM], age[CF_SPAN_TEXT_ROOM];

	if (p->has_host_offset)
		say_row(to, "host offset", "%s: its clock minus ours%s%s",
			cf_interval_text(p->host_offset, offset), p->has_half_width ? ", half width " : "",
			p->has_half_width ? cf_span_text(p->half_width, half) : "");
	else
		say_row(to, "host offset", SAY_ABSENT);
	if (p->has_age)
		say_row(to, "heard", "%s ago; %" PRId64 " rounds", cf_span_text(p->age, age), p->rounds);
	else
		say_row(to, "heard", "never");
}

void show_peer(FILE *to, const struct cf_peer *p)
{
	char text[REPORT_TEXT_ROOM], since[CF_REAL_TEXT_ROOM], source[SOURCE_TEXT_ROOM];

	say(to, "%s: %s, gate %s", p->host, p->reachable ? "reachable" : "not reachable", gate_text(p));
	if (*p->why)
		say_row(to, "why", "%s", p->why);
	say_row(to, "address", "%s", p->address);
	say_row(to, "agent", "%s%s", p->has_agent ? "clockferryd " : "not known",
		p->has_agent ? p->agent : "");
	show_offset(to, p);
	say_row(to, "its clock", "%s", p->has_report ? report_text(&p->report, text) : "no report");
	if (p->has_report && *p->report.why)
		say_row(to, "", "%s", p->report.why);
	if (p->has_report && p->report.has_tracking)
		say_row(to, "its source", "%s", source_text(&p->report.tracking, source));
	if (p->has_gate_since)
		say_row(to, "gate", "%s since %s", gate_text(p), moment_text(p->gate_since, since));
	show_findings(to, "  ", p->findings, p->n_findings);
}
