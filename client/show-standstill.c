/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show-receipt.h"

/* Of a stop and a run that were both seen, how far the guest's own may lie outside. */
static void show_assumed(FILE *to, cf_span before, bool has_after, cf_span after)
{
	char slack[CF_SPAN_TEXT_ROOM];

	say_row(to, "assumed", "the guest stood still for at most %s before STOP was seen",
		cf_span_text(before, slack));
	if (has_after)
		say_row(to, "", "and for at most %s after RESUME was seen", cf_span_text(after, slack));
}

/*
 * What libvirt's own figure is worth: it is one host's wall clock minus the other's,
 * and not even that where it would be negative.
 */
static void show_libvirt_downtime(FILE *to, const struct cf_receipt *r)
{
	char downtime[CF_SPAN_TEXT_ROOM], offset[CF_INTERVAL_TEXT_ROOM], absent[ABSENT_TEXT_ROOM];

	if (!r->has_libvirt_downtime) {
		say_row(to, "libvirt says", "%s", absent_text(r, CF_FIGURE_LIBVIRT_DOWNTIME, absent));
		return;
	}
	say_row(to, "libvirt says", "%s, in whole milliseconds", cf_span_text(r->libvirt_downtime, downtime));
	if (r->has_blackout && !r->has_libvirt_downtime_offset)
		say_row(to, "", "but it is QEMU's count at the source: by the hosts' clocks the guest ran before it stopped");
	else
		say_row(to, "", "of which the difference of the hosts' clocks is %s",
			interval_or_absent(r->has_libvirt_downtime_offset, r->libvirt_downtime_offset, offset));
}

static void show_aim(FILE *to, const struct cf_ramp_used *ramp)
{
	char last[CF_SPAN_TEXT_ROOM];

	if (ramp->raises == 0)
		say_row(to, "aimed at", "%s, from first to last", cf_span_text(ramp->last, last));
	else
		say_row(to, "aimed at", "%s at last, raised %" PRId64 " times%s", cf_span_text(ramp->last, last), ramp->raises,
			cf_span_cmp(ramp->last, ramp->most) < 0 ? "" : ", as far as it may be");
}

/* How it came out against what was aimed at, and what was predicted. */
static void show_ramp(FILE *to, const struct cf_ramp_used *ramp)
{
	char above[CF_SPAN_TEXT_ROOM], error[CF_INTERVAL_TEXT_ROOM];

	if (ramp->has_error)
		say_row(to, "", "which differs from the prediction by %s", cf_interval_text(ramp->error, error));
	if (ramp->has_above)
		say_row(to, "", "of which at most %s were for more than memory", cf_span_text(ramp->above, above));
}

void show_blackout(FILE *to, const struct cf_receipt *r)
{
	const struct cf_progress *p = &r->migration.progress;
	char text[FIGURE_TEXT_ROOM], limit[LIMIT_TEXT_ROOM];

	say_heading(to, "Blackout, %s", limit_text(r->limits.max_blackout, r->limit_owners.max_blackout, limit));
	if (r->has_ramp)
		show_aim(to, &r->ramp);
	if (r->migration.has_progress && p->has_predicted_blackout)
		say_row(to, "predicted", "~%s, by the last look at the copy", cf_span_text(p->predicted_blackout, text));
	say_row(to, "measured", "%s%s%s", figure_text(r, CF_FIGURE_BLACKOUT, r->blackout, text),
		r->has_blackout ? ": " : "",
		r->has_blackout ? verdict(r->blackout.high, r->limits.max_blackout) : "");
	if (r->has_ramp)
		show_ramp(to, &r->ramp);
	if (r->has_blackout)
		show_assumed(to, r->stop_slack, r->has_landing && r->landing.has_resume, r->landing.resume_slack);
	show_libvirt_downtime(to, r);
}

void show_standstill(FILE *to, const struct cf_receipt *r)
{
	char text[FIGURE_TEXT_ROOM], limit[LIMIT_TEXT_ROOM];

	if (!r->has_stop) {
		say_heading(to, "Standstill");
		say_row(to, "on the source", "none: the guest was not seen to stop");
		return;
	}
	say_heading(to, "Standstill, %s", limit_text(r->limits.max_blackout, r->limit_owners.max_blackout, limit));
	say_row(to, "on the source", "%s%s%s", figure_text(r, CF_FIGURE_SOURCE_LOST, r->source_lost, text),
		r->has_source_lost ? ": " : "", r->has_source_lost ? verdict(r->source_lost.high, r->limits.max_blackout) : "");
	if (r->has_source_lost)
		show_assumed(to, r->stop_slack, false, (cf_span){ 0 });
}
