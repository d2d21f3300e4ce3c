/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/guard.h"

#include "policy/words.h"
#include "proto/base.h"

/* Those that refuse, and of them the first in words. */
static void object(const struct cf_finding *findings, size_t n, struct cf_guard_answer *ret)
{
	char text[CF_FINDING_TEXT_ROOM];
	int64_t refusals = 0;

	for (size_t i = 0; i < n; i++) {
		if (!cf_finding_refuses(&findings[i]))
			continue;
		if (refusals++ == 0)
			words_add(ret->text, sizeof(ret->text), cf_finding_text(&findings[i], text));
		if (ret->n_findings < CF_COUNT(ret->findings))
			ret->findings[ret->n_findings++] = findings[i];
	}
	if (refusals > 1) {
		words_add(ret->text, sizeof(ret->text), "; and ");
		words_add_int(ret->text, sizeof(ret->text), refusals - 1);
		words_add(ret->text, sizeof(ret->text), " more");
	}
}

void cf_guard(const struct cf_guard_evidence *evidence, struct cf_guard_answer *ret)
{
	bool good;

	*ret = (struct cf_guard_answer){ .let_in = true, .mode = evidence->mode, .expected = evidence->expected };
	if (evidence->mode == CF_GUARD_OFF || evidence->expected)
		return;

	good = cf_gate_open(evidence->own);
	if (!good) {
		object(evidence->own->list, evidence->own->n_list, ret);
	} else if (evidence->n_peers > 0 && !evidence->some_open) {
		good = false;
		words_add(ret->text, sizeof(ret->text), "no gate is open: ");
		if (evidence->closed)
			object(evidence->closed->findings, evidence->closed->n_findings, ret);
	}
	ret->let_in = good || evidence->mode == CF_GUARD_OBSERVE;
}
