/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/say.h"
#include "client/show.h"
#include "client/table.h"

static const char *mode_text(const struct cf_limits *limits)
{
	return cf_policy_mode_words[limits->has_mode ? limits->mode : CF_ENFORCE];
}

int show_policy_table(FILE *to, const struct cf_policies *policies, struct cf_error *err)
{
	static const struct table_column columns[] = {
		{ "POLICY" }, { "IN USE" }, { "MODE" }, { "ERROR BOUND", TABLE_RIGHT }, { "SKEW", TABLE_RIGHT },
		{ "BLACKOUT", TABLE_RIGHT }, { "RESIDUAL", TABLE_RIGHT }, { "LEVER" }, { "FROM" },
	};
	CF_AUTO(table_free) struct table *table = NULL;
	char bound[CF_SPAN_TEXT_ROOM], skew[CF_SPAN_TEXT_ROOM], blackout[CF_SPAN_TEXT_ROOM],
		residual[CF_SPAN_TEXT_ROOM];
	int r;

	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < policies->n_list; i++) {
		const struct cf_policy_head *p = &policies->list[i];
		const struct cf_limits *l = &p->limits;
		const char *const cells[] = {
			p->name, p->in_use ? "yes" : "", mode_text(l), cf_span_text(l->max_error_bound, bound),
			cf_span_text(l->max_skew, skew), cf_span_text(l->max_blackout, blackout),
			cf_span_text(l->max_residual, residual), cf_lever_words[l->require_lever],
			*p->origin ? p->origin : "as it ships",
		};

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, to, err);
}

/* "25 ms"; and what it would be, where a file says so. */
static void show_row(FILE *to, const struct cf_policy_row *row)
{
	bool same = strcmp(row->value, row->otherwise) == 0;

	say_row(to, row->key, "%s%s%s", *row->value ? row->value : "none", same ? "" : ", otherwise ",
		same ? "" : *row->otherwise ? row->otherwise : "none");
	say_row(to, "", "%s%s%s%s", row->meaning, *row->range ? " (" : "", row->range, *row->range ? ")" : "");
}

void show_policy_rows(FILE *to, const struct cf_policy *policy)
{
	const struct cf_policy_head *head = &policy->policy;

	say(to, "policy %s%s, %s%s", head->name, head->in_use ? ", in use" : "",
	    *head->origin ? "from " : "as it ships", head->origin);
	say_row(to, "digest", "%s", head->digest);
	for (size_t i = 0; i < policy->n_rows; i++)
		show_row(to, &policy->rows[i]);
}
