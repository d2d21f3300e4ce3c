/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show-receipt.h"

static void show_before(FILE *to, const struct cf_receipt *r)
{
	const struct cf_guest_offset *before = &r->guest_offset_before;
	char text[FIGURE_TEXT_ROOM];

	if (!r->has_guest_offset_before) {
		say_row(to, "before", "%s", absent_text(r, CF_FIGURE_GUEST_BEFORE, text));
		return;
	}
	say_row(to, "before", "%s against %s, best of %" PRId64 " readings",
		cf_interval_text(before->offset, text), r->migration.source, before->rounds);
	if (before->has_rate)
		say_row(to, "", "gaining %+.3f ppm +- %.3f ppm", before->rate.ppm, before->rate.bound_ppm);
}

/* Of a guest that stayed nothing was predicted. */
static void show_lag(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	char text[FIGURE_TEXT_ROOM];

	if (l != &r->kept)
		say_row(to, "lag, predicted", "%s%s%s",
			figure_text(r, CF_FIGURE_PREDICTED_LAG, r->predicted_lag, text),
			*r->predicted_lag_why ? ": " : "", r->predicted_lag_why);
	say_row(to, "lag, measured", "%s",
		l && l->has_lag ? cf_interval_text(l->lag, text) : absent_text(r, CF_FIGURE_LAG, text));
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

/* Under each other; the last of them is judged, unless the clock was stepped since. */
static void show_residuals(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	char text[FIGURE_TEXT_ROOM], after[CF_SPAN_TEXT_ROOM];
	size_t n = l ? l->n_residuals : 0;
	int widest = 0;

	for (size_t i = 0; i < n; i++) {
		int width = strlen(cf_interval_text(l->residuals[i].residual, text));

		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < n; i++) {
		const struct cf_residual *one = &l->residuals[i];
		bool last = &one->residual == cf_landing_residual(l);

		say_row(to, i == 0 ? "residual" : "", "%-*s  at RESUME + %s%s%s", widest,
			cf_interval_text(one->residual, text), cf_span_text(one->after, after), last ? ": " : "",
			last ? verdict(cf_interval_far(one->residual), r->limits.max_residual) : "");
	}
	if (!cf_figure_there(r, CF_FIGURE_RESIDUAL))
		say_row(to, n == 0 ? "residual" : "", "%s", absent_text(r, CF_FIGURE_RESIDUAL, text));
}

static void show_rates(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	if (l->has_drift)
		say_row(to, "drift since", "%+.3f ppm +- %.3f ppm, by the readings above", l->drift.ppm, l->drift.bound_ppm);
	if (r->has_frequency_step && l == &r->landing)
		say_row(to, "frequency step", "%+.3f ppm +- %.3f ppm", r->frequency_step.ppm, r->frequency_step.bound_ppm);
}

/* How it came right, or why it was left as it is. */
static void show_rest(FILE *to, const struct cf_landing *l)
{
	char after[CF_SPAN_TEXT_ROOM];

	if (l->has_notice)
		say_row(to, "notice", "by %s at RESUME + %s%s%s", cf_notice_words[l->notice.how],
			cf_span_text(l->notice.after, after), *l->notice.why ? ", which failed: " : "", l->notice.why);

	if (l->has_corrected_after)
		say_row(to, "right again", "at RESUME + %s", cf_span_text(l->corrected_after, after));
	if (*l->left)
		say_row(to, "left at that", "%s", l->left);
	if (l->torn)
		say_row(to, "afterwards", "its post-copy failed, and it lacks memory");
	if (l->stepped)
		say_row(to, "afterwards", "its host's clock was stepped: it is held against RAW alone since");
	if (l->has_stop)
		say_row(to, "afterwards", "the domain stopped again before this was over");
}

static void show_disruption(FILE *to, const struct cf_disruption *d)
{
	if (d->before == d->after)
		say_row(to, "vmclock", "its disruption marker did not move: the guest was not told by it");
	else
		say_row(to, "vmclock", "its disruption marker moved, from %" PRIu64 " to %" PRIu64, (uint64_t)d->before,
			(uint64_t)d->after);
}

void show_guest_carried(FILE *to, const struct cf_receipt *r, bool moved)
{
	const struct cf_landing *l = cf_receipt_ran_on(r);
	char limit[LIMIT_TEXT_ROOM], marker[ABSENT_TEXT_ROOM];

	if (!moved && !r->has_stop && !r->has_guest_offset_before)
		return;
	say_heading(to, "Guest clock (minus is behind), %s",
		    limit_text(r->limits.max_residual, r->limit_owners.max_residual, limit));
	show_before(to, r);
	if (!moved && !r->has_stop && !r->has_kept)
		return;

	show_lag(to, r, l);
	say_row(to, "lever", "%s", l ? cf_lever_words[l->lever] : "not known");
	if (l) {
		show_counters(to, r, l);
		show_steps(to, l);
	}
	show_residuals(to, r, l);
	if (l) {
		show_rates(to, r, l);
		show_rest(to, l);
	}
	if (cf_figure_due(r, CF_FIGURE_DISRUPTION) && !cf_figure_there(r, CF_FIGURE_DISRUPTION))
		say_row(to, "vmclock", "its disruption marker: %s", absent_text(r, CF_FIGURE_DISRUPTION, marker));
	else if (cf_figure_due(r, CF_FIGURE_DISRUPTION))
		show_disruption(to, &l->disruption);
}
