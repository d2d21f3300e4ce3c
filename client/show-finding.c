/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/say.h"
#include "client/show.h"

/* What refuses stands first. */
static int rank(const struct cf_finding *f)
{
	return f->severity == CF_SEVERITY_OFF ? 2 : f->severity != CF_SEVERITY_REFUSE;
}

/* Does one that stands before it give the same advice? */
static bool has_been_advised(const struct cf_finding *findings, size_t n, const struct cf_finding *f)
{
	for (const struct cf_finding *o = findings; o < findings + n; o++)
		if (o->code == f->code && (rank(o) < rank(f) || (rank(o) == rank(f) && o < f)))
			return true;
	return false;
}

void show_findings(FILE *to, const char *margin, const struct cf_finding *findings, size_t n)
{
	size_t hang = strlen(margin) + 8;
	char text[CF_FINDING_TEXT_ROOM];

	for (int r = 0; r < 2; r++)
		for (const struct cf_finding *f = findings; f < findings + n; f++) {
			if (rank(f) != r)
				continue;
			say_hanging(to, hang, "%s%-7s %s: %s", margin, cf_severity_words[f->severity],
				    cf_finding_words[f->code], cf_finding_text(f, text));
			if (!has_been_advised(findings, n, f))
				say_hanging(to, hang, "%s        %s", margin, cf_finding_advice(f->code));
		}
}
