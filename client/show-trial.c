/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show.h"

/* "clean, would be breached: the blackout was ...". */
static void show_verdict(FILE *to, const struct cf_trial_entry *e)
{
	const char *was = cf_outcome_words[e->was];

	if (e->verdict == CF_VERDICT_REFUSED)
		say_row(to, "was", "%s, would be refused", was);
	else if (e->was == CF_OUTCOME_REFUSED)
		say_row(to, "was", "%s, would be allowed", was);
	else
		say_row(to, "was", "%s, would be %s%s%s", was, cf_outcome_words[e->outcome], *e->because ? ": " : "",
			e->because);
}

static void show_entry(FILE *to, const struct cf_trial_entry *e)
{
	char moment[CF_REAL_TEXT_ROOM];

	say_heading(to, "%s, %s to %s, %s", e->domain, e->source, e->destination, moment_text(e->started, moment));
	say_row(to, "migration", "%s", e->id);
	show_verdict(to, e);
	for (size_t i = 0; i < e->n_unmeasured; i++)
		say_row(to, i == 0 ? "not known" : "", "%s", e->unmeasured[i]);
	show_findings(to, "  ", e->findings, e->n_findings);
}

void show_trial(FILE *to, const struct cf_trial *t, cf_span since)
{
	char span[CF_SPAN_TEXT_ROOM];

	say(to, "policy %s, held against %" PRId64 " receipts of the last %s", t->policy, t->receipts,
	    cf_span_text(since, span));
	say_row(to, "digest", "%s", t->digest);
	say_row(to, "allowed", "%" PRId64, t->allowed);
	say_row(to, "refused", "%" PRId64, t->refused);
	say_row(to, "not known", "%" PRId64 ", for want of what the receipts do not tell", t->unclear);
	if (t->unreadable > 0)
		say_row(to, "unreadable", "%" PRId64, t->unreadable);
	say_row(to, "otherwise", "%" PRId64 " would have come out otherwise than they did%s", t->differ,
		t->differ > (int64_t)t->n_list ? "; the newest are" : "");
	for (size_t i = 0; i < t->n_list; i++)
		show_entry(to, &t->list[i]);
}
