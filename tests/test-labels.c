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
	return done();
}
