/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/say.h"
#include "client/show.h"
#include "client/table.h"

static const char *allowed_text(const struct cf_check *c)
{
	if (!c->allowed)
		return "no";
	return c->has_would_refuse && c->would_refuse ? "yes, it would be refused" : "yes";
}

/* Which policies it was held against: the stricter of each. */
static void show_judged_by(FILE *to, const struct cf_check *c)
{
	const struct cf_policy_used *p = &c->policy;
	struct say_parts parts = { .to = to, .label = "policy" };

	say_part(&parts, "%s%s", p->source, p->domains_choice ? ", by the domain's choice" : "");
	if (*p->destination)
		say_part(&parts, "%s of %s", p->destination, c->destination);
	if (*p->requested)
		say_part(&parts, "%s, as was asked for", p->requested);
	say_parts_end(&parts, "");
}

/* One row per destination; the reasons follow below, as they are too long for a cell. */
static int show_table(FILE *to, const struct cf_check *list, size_t n, struct cf_error *err)
{
	static const struct table_column columns[] = {
		{ "DESTINATION" }, { "ALLOWED" }, { "HOST OFFSET" }, { "BLACKOUT, PREDICTED", TABLE_RIGHT },
		{ "LIMIT", TABLE_RIGHT }, { "LEVER" },
	};
	CF_AUTO(table_free) struct table *table = NULL;
	char offset[CF_INTERVAL_TEXT_ROOM], blackout[CF_SPAN_TEXT_ROOM], limit[CF_SPAN_TEXT_ROOM];
	int r;

	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_check *c = &list[i];
		const char *const cells[] = {
			c->destination,
			allowed_text(c),
			interval_or_absent(c->has_host_offset, c->host_offset, offset),
			c->has_predicted_blackout ? cf_span_text(c->predicted_blackout, blackout)
						  : "not predicted",
			cf_span_text(c->max_blackout, limit),
			c->has_lever ? cf_lever_words[c->lever] : "not known",
		};

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, to, err);
}

int show_checks(FILE *to, const char *domain, const struct cf_check *list, size_t n, struct cf_error *err)
{
	int r;

	r = show_table(to, list, n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_check *c = &list[i];

		if (c->n_findings == 0)
			continue;
		say_heading(to, "%s to %s", domain, c->destination);
		if (c->has_policy)
			show_judged_by(to, c);
		show_findings(to, "  ", c->findings, c->n_findings);
	}
	return r;
}
