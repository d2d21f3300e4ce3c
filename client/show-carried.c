/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show-receipt.h"

static void show_before(FILE *to, const struct cf_receipt *r)
{
	const struct cf_guest_offset *before = &r->guest_offset_before;
	char offset[CF_INTERVAL_TEXT_ROOM];

	if (!r->has_guest_offset_before) {
		say_row(to, "before", SAY_ABSENT);
		return;
	}
	say_row(to, "before", "%s against %s, best of %" PRId64 " readings",
		cf_interval_text(before->offset, offset), r->migration.source, before->rounds);
	if (before->has_rate)
		say_row(to, "", "gaining %+.3f ppm +- %.3f ppm", before->rate.ppm, before->rate.bound_ppm);
}

/* Of a guest that stayed nothing was predicted. */
static void show_lag(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	char lag[CF_INTERVAL_TEXT_ROOM];

	if (l != &r->kept)
		say_row(to, "lag, predicted", "%s%s%s",
			r->has_predicted_lag ? cf_interval_text(r->predicted_lag, lag) : "not predicted",
			*r->predicted_lag_why ? ": " : "", r->predicted_lag_why);
	say_row(to, "lag, measured", "%s", l && l->has_lag ? cf_interval_text(l->lag, lag) : SAY_ABSENT);
	if (r->lag_surprising)
		say_row(to, "", "which is not what was predicted");
}

static void show_steps(FILE *to, const struct cf_landing *l)
{
	char by[CF_SPAN_TEXT_ROOM], after[CF_SPAN_TEXT_ROOM], took[CF_SPAN_TEXT_ROOM];

	for (size_t i = 0; i < l->n_steps; i++) {
		const struct cf_step *s = &l->steps[i];

		say_row(to, i == 0 ? "stepped" : "", "by %s%s at RESUME + %s, in a call of %s%s%s%s",
			s->by.ns > 0 ? "+" : "", cf_span_text(s->by, by), cf_span_text(s->after, after),
			cf_span_text(s->took, took), s->accepted ? "" : ", which failed", *s->why ? ": " : "",
			s->why);
	}
}

static void show_residuals(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	char residual[CF_INTERVAL_TEXT_ROOM], after[CF_SPAN_TEXT_ROOM], limit[LIMIT_TEXT_ROOM];

	limit_text(r->limits.max_residual, r->limit_owners.max_residual, limit);
	if (!l || l->n_residuals == 0)
		say_row(to, "residual", SAY_ABSENT ", %s", limit);
	for (size_t i = 0; l && i < l->n_residuals; i++)
		say_row(to, i == 0 ? "residual" : "", "%s at RESUME + %s%s%s%s",
			cf_interval_text(l->residuals[i].residual, residual),
			cf_span_text(l->residuals[i].after, after), i == 0 ? ", " : "", i == 0 ? limit : "",
			i == 0 ? "; minus is behind" : "");
	if (l && l->has_corrected_after)
		say_row(to, "right again", "at RESUME + %s", cf_span_text(l->corrected_after, after));
	if (l && *l->left)
		say_row(to, "left at that", "%s", l->left);
}

void show_guest_carried(FILE *to, const struct cf_receipt *r, bool moved)
{
	const struct cf_landing *l = r->has_landing ? &r->landing : r->has_kept ? &r->kept : NULL;

	say_heading(to, "Guest clock");
	show_before(to, r);
	if (!moved && !l)
		return;

	show_lag(to, r, l);
	say_row(to, "lever", "%s", l ? cf_lever_words[l->lever] : "not known");
	if (l)
		show_steps(to, l);
	show_residuals(to, r, l);
	if (l && l->has_stop)
		say_row(to, "afterwards", "the domain stopped again before this was over");
}
