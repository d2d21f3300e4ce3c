/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "proto/base.h"
#include "proto/migration.h"
#include "tests/tap.h"

static const struct {
	const char *sentence, *labels[3], *says;	/* NULL: they are good */
} cases[] = {
	{ "no labels", { NULL }, NULL },
	{ "two of them", { "team=db", "ticket=OPS-12" }, NULL },
	{ "one without a value", { "urgent=" }, NULL },
	{ "a value with anything in it", { "why=a=b, c \xc3\xbc" }, NULL },
	{ "every character that a key may have", { "aZ09._/-=x" }, NULL },
	{ "keys that begin alike", { "a=1", "ab=1", "a/b=1" }, NULL },
	{ "one without a key", { "=x" }, "labels[0]: '=x' is not KEY=VALUE" },
	{ "one without a sign between", { "a=1", "team" }, "labels[1]: 'team' is not KEY=VALUE" },
	{ "an empty one", { "" }, "labels[0]: '' is not KEY=VALUE" },
	{ "a blank in the key", { "a b=1" }, "labels[0]: 'a b=1' is not KEY=VALUE" },
	{ "what would move a cursor", { "a=\033[2J" }, "labels[0]: 'a=?[2J' is not KEY=VALUE" },
	{ "a key twice", { "a=1", "b=1", "a=2" }, "labels[2]: the key of 'a=2' is given twice" },
};

/* Which of many a query asks for. */
static void test_fits(void)
{
	static const struct cf_migration m = {
		.domain = "web1", .uuid = "b3f9a6d4-0c57-4a43-8f5e-1f2f5c7a9d20", .phase = CF_PHASE_DROPPED, .has_ended = true,
		.has_outcome = true, .outcome = CF_OUTCOME_ABORTED, .n_labels = 1, .labels = { "team=db" },
	}, young = { .domain = "web1", .phase = CF_PHASE_COPYING };
	static const struct {
		const char *sentence;
		struct cf_migrations_query query;
		bool old, young;
	} rows[] = {
		{ "no question", { 0 }, true, true },
		{ "those that have ended", { .has_state = true, .state = "ended" }, true, false },
		{ "those that have not", { .has_state = true, .state = "open" }, false, true },
		{ "a phase", { .has_state = true, .state = "dropped" }, true, false },
		{ "another phase", { .has_state = true, .state = "copying" }, false, true },
		{ "an outcome", { .has_state = true, .state = "aborted" }, true, false },
		{ "an outcome that none has", { .has_state = true, .state = "unknown" }, false, false },
		{ "a name", { .has_domain = true, .domain = "web1" }, true, true },
		{ "a part of it", { .has_domain = true, .domain = "web" }, false, false },
		{ "a uuid", { .has_domain = true, .domain = "B3F9A6D4-0C57-4A43-8F5E-1F2F5C7A9D20" }, true, false },
		{ "another uuid", { .has_domain = true, .domain = "b3f9a6d4-0c57-4a43-8f5e-1f2f5c7a9d21" }, false, false },
		{ "a label", { .has_label = true, .label = "team=db" }, true, false },
		{ "a label and a name that do not go together",
		  { .has_label = true, .label = "team=db", .has_domain = true, .domain = "web2" }, false, false },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++)
		ok(cf_migration_fits(&m, &rows[i].query) == rows[i].old &&
		   cf_migration_fits(&young, &rows[i].query) == rows[i].young, "%s", rows[i].sentence);
	ok(cf_is_state("open") && cf_is_state("queued") && cf_is_state("unverified") && !cf_is_state("unknown") &&
	   !cf_is_state("") && !cf_is_state("Open"), "states are words of phases and outcomes, and two more");
}

int main(void)
{
	char labels[3][CF_LABEL_ROOM];

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		struct cf_error err = { 0 };
		size_t n = 0;
		int r;

		for (; n < CF_COUNT(labels) && cases[i].labels[n]; n++)
			snprintf(labels[n], sizeof(labels[n]), "%s", cases[i].labels[n]);
		r = cf_labels_check(labels, n, &err);
		ok(cases[i].says ? r < 0 && err.code == CF_BAD_REQUEST && strcmp(err.text, cases[i].says) == 0 : r == 0,
		   "%s: %s", cases[i].sentence, r < 0 ? err.text : "good");
	}
	snprintf(labels[0], sizeof(labels[0]), "team=db");
	ok(cf_labels_have(labels, 1, "team=db") && !cf_labels_have(labels, 1, "team=d") &&
	   !cf_labels_have(labels, 0, "team=db"), "one is found by all of it");
	test_fits();
	return done();
}
