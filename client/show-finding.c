/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/say.h"
#include "client/show.h"

/* What refuses stands first. */
static int rank(const struct cf_finding *f)
{
	return f->severity == CF_SEVERITY_OFF ? 2 : !cf_finding_refuses(f);
}

/* Does one that stands before it give the same advice? */
static bool has_been_advised(const struct cf_finding *findings, size_t n, const struct cf_finding *f)
{
	for (const struct cf_finding *o = findings; o < findings + n; o++)
		if (o->code == f->code && (rank(o) < rank(f) || (rank(o) == rank(f) && o < f)))
			return true;
	return false;
}

/* Why one that would refuse does not. */
static const char *const waivers[CF_N_WAIVERS] = {
	[CF_WAIVED_BY_OVERRIDE]  = "an administrator has overridden it",
	[CF_WAIVED_BY_OBSERVING] = "policy only observes",
};

static const char *waiver(const struct cf_finding *f)
{
	return f->has_waived ? waivers[f->waived] : NULL;
}

void show_findings(FILE *to, const char *margin, const struct cf_finding *findings, size_t n)
{
	size_t hang = strlen(margin) + 8;
	char text[CF_FINDING_TEXT_ROOM];

	for (int r = 0; r < 2; r++)
		for (const struct cf_finding *f = findings; f < findings + n; f++) {
			if (rank(f) != r)
				continue;
			say_hanging(to, hang, "%s%-7s %s: %s", margin,
				    waiver(f) ? "waived" : cf_severity_words[f->severity],
				    cf_finding_words[f->code], cf_finding_text(f, text));
			if (waiver(f))
				say_hanging(to, hang, "%s        It would refuse: %s.", margin, waiver(f));
			if (!has_been_advised(findings, n, f))
				say_hanging(to, hang, "%s        %s", margin, cf_finding_advice(f->code));
		}
}
