/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/say.h"
#include "client/show-receipt.h"
#include "client/show.h"

/* What the destination did with the commit, as far as it said. */
static void show_answer(FILE *to, const struct cf_gated *g)
{
	struct say_parts parts = { .to = to, .label = "answered" };
	char text[CF_SPAN_TEXT_ROOM];

	if (!g->has_answer_took)
		return;
	say_part(&parts, "after %s", cf_span_text(g->answer_took, text));
	if (g->has_obeyed_took)
		say_part(&parts, "of which the one durable write took %s", cf_span_text(g->obeyed_took, text));
	if (g->has_finish_took)
		say_part(&parts, "libvirt's Finish %s", cf_span_text(g->finish_took, text));
	if (g->has_spare && g->spare.ns >= 0)
		say_part(&parts, "obeyed with %s to spare", cf_span_text(g->spare, text));
	if (g->has_word && g->word != CF_WORD_RAN)
		say_part(&parts, "its word: %s", cf_word_words[g->word]);
	say_parts_end(&parts, "");
}

/* What it was made of.  An earlier agent wrote all of it, as nothing where nobody had decided. */
static void show_evidence(FILE *to, const struct cf_gated *g)
{
	struct say_parts parts = { .to = to, .label = "blackout then" };
	char text[CF_INTERVAL_TEXT_ROOM];

	if (g->has_so_far)
		say_part(&parts, "at most %s", cf_span_text(g->so_far, text));
	else
		say_part(&parts, "not measured");
	if (g->has_so_far && g->has_expected)
		say_part(&parts, "expected %s", cf_span_text(g->expected, text));
	if (g->limit.ns > 0)
		say_part(&parts, "limit %s", cf_span_text(g->limit, text));
	say_parts_end(&parts, "");
	if (g->has_host_offset)
		say_row(to, "host offset", "%s", cf_interval_text(g->host_offset, text));
	if (g->has_so_far && g->has_source_clock && g->has_destination_clock)
		say_row(to, "clocks", "%s here, %s there", cf_clock_states[g->source_clock],
			cf_clock_states[g->destination_clock]);
}

void show_gate(FILE *to, const struct cf_receipt *r)
{
	const struct cf_gated *g = &r->gated;
	char text[CF_SPAN_TEXT_ROOM];

	if (!r->has_gated)
		return;
	say_heading(to, "Commit gate");
	say_row(to, "decision", "%s", g->committed ? "let it run there" : "rolled back");
	show_evidence(to, g);
	show_answer(to, g);
	if (g->has_taken_back_took)
		say_row(to, "back here", "%s after the decision, libvirt's job ended", cf_span_text(g->taken_back_took, text));
}
