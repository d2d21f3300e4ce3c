/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "client/command.h"
#include "client/json.h"
#include "client/say.h"
#include "client/table.h"

/* What is done with it, as far as nobody says otherwise, or could. */
static const char *treatment(const struct cf_finding_kind *kind)
{
	return kind->overridable ? cf_severity_words[kind->severity] : "refuse, always";
}

static int explain_all(struct ask *ask, struct cf_error *err)
{
	static const struct table_column columns[] = { { "CODE" }, { "DEFAULT" }, { "MEANING" } };
	CF_AUTO(table_free) struct table *table = NULL;
	struct cf_finding_kinds all;
	int r;

	cf_finding_kinds(&all);
	if (ask->json)
		return json_print_message(ask->to, &cf_finding_kinds_shape, &all, err);

	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < all.n_list; i++) {
		const struct cf_finding_kind *kind = &all.list[i];
		const char *const cells[] = { cf_finding_words[kind->code], treatment(kind), kind->sentence };

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, ask->to, err);
}

int run_explain(struct ask *ask, struct cf_error *err)
{
	struct cf_finding_kind kind;
	enum cf_finding_code code;

	if (ask->n_args == 0)
		return explain_all(ask, err);

	code = cf_finding_from_name(ask->args[0]);
	if (code == CF_FINDING_UNKNOWN)
		return cf_fail(err, ENOENT, CF_BAD_REQUEST,
			       "there is no finding '%.64s'; clockferry explain lists them", ask->args[0]);
	cf_finding_kind(code, &kind);
	if (ask->json)
		return json_print_message(ask->to, &cf_finding_kind_shape, &kind, err);

	say(ask->to, "%s", cf_finding_words[code]);
	say_row(ask->to, "meaning", "%s", kind.sentence);
	say_row(ask->to, "by default", "%s", treatment(&kind));
	say_row(ask->to, "", "%s", kind.overridable ? "a policy may treat it otherwise, and an administrator override it"
						    : "neither a policy nor an override changes that");
	say_row(ask->to, "advice", "%s", kind.advice);
	return EXIT_CLEAN;
}
