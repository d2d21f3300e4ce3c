/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "client/command.h"
#include "client/json.h"
#include "client/say.h"
#include "client/table.h"

/* What is known of a finding's code, for --json. */
struct explanation {
	enum cf_finding_code code;
	enum cf_severity severity;
	char sentence[256];
	char advice[256];
};

#define T struct explanation
static const struct cf_field explanation_fields[] = {
	CF_ENUM(T, code, cf_finding_words, CF_N_FINDING_CODES),
	CF_ENUM(T, severity, cf_severity_words, CF_N_SEVERITIES),
	CF_TEXT(T, sentence),
	CF_TEXT(T, advice),
};
#undef T
static const struct cf_shape explanation_shape = CF_SHAPE(explanation, explanation_fields);

struct explanations {
	size_t n_list;
	struct explanation list[CF_N_FINDING_CODES];
};

#define T struct explanations
static const struct cf_field explanations_fields[] = { CF_LIST(T, list, &explanation_shape) };
#undef T
static const struct cf_shape explanations_shape = CF_SHAPE(explanations, explanations_fields);

static struct explanation explain(enum cf_finding_code code)
{
	struct explanation e = { .code = code, .severity = cf_finding_default(code) };

	snprintf(e.sentence, sizeof(e.sentence), "%s", cf_finding_sentence(code));
	snprintf(e.advice, sizeof(e.advice), "%s", cf_finding_advice(code));
	return e;
}

static int explain_all(struct ask *ask, struct cf_error *err)
{
	static const struct table_column columns[] = { { "CODE" }, { "DEFAULT" }, { "MEANING" } };
	CF_AUTO(table_free) struct table *table = NULL;
	struct explanations all = { 0 };
	int r;

	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (int code = CF_FINDING_UNKNOWN + 1; r == 0 && code < CF_N_FINDING_CODES; code++) {
		const char *const cells[] = {cf_finding_words[code],
					     cf_severity_words[cf_finding_default(code)],
					     cf_finding_sentence(code)};

		all.list[all.n_list++] = explain(code);
		r = table_add(table, cells, err);
	}
	if (r < 0)
		return r;
	return ask->json ? json_print_message(ask->to, &explanations_shape, &all, err)
			 : table_print(table, ask->to, err);
}

int run_explain(struct ask *ask, struct cf_error *err)
{
	enum cf_finding_code code;
	struct explanation e;

	if (ask->n_args == 0)
		return explain_all(ask, err);

	code = cf_finding_from_name(ask->args[0]);
	if (code == CF_FINDING_UNKNOWN)
		return cf_fail(err, ENOENT, CF_BAD_REQUEST,
			       "there is no finding '%.64s'; clockferry explain lists them", ask->args[0]);
	e = explain(code);
	if (ask->json)
		return json_print_message(ask->to, &explanation_shape, &e, err);

	say(ask->to, "%s", cf_finding_words[code]);
	say_row(ask->to, "meaning", "%s", e.sentence);
	say_row(ask->to, "by default", "%s", cf_severity_words[e.severity]);
	say_row(ask->to, "advice", "%s", e.advice);
	return EXIT_CLEAN;
}
