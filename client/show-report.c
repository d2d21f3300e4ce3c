/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show.h"

const char *report_text(const struct cf_report *report, char ret[static REPORT_TEXT_ROOM])
{
	char bound[CF_SPAN_TEXT_ROOM];

	snprintf(ret, REPORT_TEXT_ROOM, "%s, %s%s%s%s", cf_clock_states[report->state],
		 report->has_bound ? "within " : "error bound not known",
		 report->has_bound ? cf_span_text(report->bound, bound) : "",
		 report->has_bound ? " of UTC" : "", report->stepped ? ", was stepped" : "");
	return ret;
}

const char *source_text(const struct cf_tracking *tracking, char ret[static SOURCE_TEXT_ROOM])
{
	if (!tracking->selected)
		snprintf(ret, SOURCE_TEXT_ROOM, "none selected");
	else
		snprintf(ret, SOURCE_TEXT_ROOM, "%s, stratum %" PRId64,
			 tracking->has_source ? tracking->source : tracking->refid, tracking->stratum);
	return ret;
}

/* In holdover the bound has grown from what chronyd said once, and not from what it says now. */
static void show_bound(FILE *to, const struct cf_report *report)
{
	const struct cf_tracking *t = &report->tracking;
	char a[CF_SPAN_TEXT_ROOM], b[CF_SPAN_TEXT_ROOM], c[CF_SPAN_TEXT_ROOM];

	if (!report->has_bound)
		say_row(to, "error bound", "not known");
	else if (report->has_growth_ppm)
		say_row(to, "error bound", "%s, growing by %.3f ppm (%s an hour)",
			cf_span_text(report->bound, a), report->growth_ppm,
			cf_span_text(cf_span_ppm((cf_span){ 3600 * CF_S }, report->growth_ppm), b));
	else
		say_row(to, "error bound", "%s", cf_span_text(report->bound, a));

	if (report->has_bound && report->has_tracking && report->state == CF_CLOCK_SYNCHRONISED)
		say_row(to, "", "of which |correction| %s + root dispersion %s + root delay / 2 %s",
			cf_span_text(cf_span_abs(t->correction), a), cf_span_text(t->root_dispersion, b),
			cf_span_text((cf_span){ t->root_delay.ns / 2 }, c));
}

/* The last eight polls, newest last, as chronyc's octal figure and in words. */
static void show_source(FILE *to, const struct cf_tracking *t)
{
	char source[SOURCE_TEXT_ROOM], poll[CF_SPAN_TEXT_ROOM];

	say_row(to, "source", "%s, refid %s", source_text(t, source), t->refid);
	if (t->has_reachability)
		say_row(to, "reached", "%d of its last 8 polls were answered (%03o)",
			__builtin_popcountll(t->reachability & 0xff), (unsigned)(t->reachability & 0xff));
	if (t->has_poll_interval)
		say_row(to, "poll interval", "%s", cf_span_text(t->poll_interval, poll));
}

static void show_tracking(FILE *to, const struct cf_tracking *t)
{
	char a[CF_REAL_TEXT_ROOM], b[CF_SPAN_TEXT_ROOM], c[CF_SPAN_TEXT_ROOM], d[CF_SPAN_TEXT_ROOM];

	show_source(to, t);
	say_row(to, "correction", "%s still to be added; last offset %s, RMS offset %s",
		cf_span_text(t->correction, b), cf_span_text(t->last_offset, c),
		cf_span_text(t->rms_offset, d));
	say_row(to, "root", "delay %s, dispersion %s", cf_span_text(t->root_delay, b),
		cf_span_text(t->root_dispersion, c));
	say_row(to, "frequency", "%+.3f ppm, frequency error %.3f ppm", t->frequency_ppm,
		t->frequency_error_ppm);
	say_row(to, "last update", "%s%s%s%s",
		t->has_reference_time ? moment_text(t->reference_time, a) : "none",
		t->has_update_interval ? ", " : "",
		t->has_update_interval ? cf_span_text(t->update_interval, b) : "",
		t->has_update_interval ? " after the one before" : "");
}

/* When and how chronyd was heard. */
static void show_age(FILE *to, const struct cf_report *report)
{
	char age[CF_SPAN_TEXT_ROOM];

	if (report->has_reading_age)
		say_row(to, "chronyd", "heard %s ago%s%s", cf_span_text(report->reading_age, age),
			report->has_via ? ", over " : "", report->has_via ? cf_vias[report->via] : "");
	else
		say_row(to, "chronyd", "not heard");
	if (report->has_good_age)
		say_row(to, "last good", "%s ago", cf_span_text(report->good_age, age));
	if (report->stepped)
		say_row(to, "stepped", "the clock was set%s%s%s, not confirmed since",
			report->has_stepped_ago ? " " : "",
			report->has_stepped_ago ? cf_span_text(report->stepped_ago, age) : "",
			report->has_stepped_ago ? " ago" : "");
}

static void show_leap(FILE *to, const struct cf_report *report)
{
	char at[CF_REAL_TEXT_ROOM];

	if (report->has_leap)
		say_row(to, "leap second", "%s before %s", cf_leaps[report->leap.kind],
			moment_text(report->leap.at, at));
	else
		say_row(to, "leap second", "none announced%s%s",
			report->has_tracking ? "; chronyd says " : "",
			report->has_tracking ? cf_leaps[report->tracking.leap] : "");
	if (report->has_tai_s)
		say_row(to, "TAI - UTC", "%" PRId64 " s", report->tai_s);
	else
		say_row(to, "TAI - UTC", "the kernel was not told");
}

static void show_kernel(FILE *to, const struct cf_report *report)
{
	char text[CF_SPAN_TEXT_ROOM], hertz[HERTZ_TEXT_ROOM];
	const char *scaling = "";

	if (report->has_counter_scaling)
		scaling = report->counter_scaling ? ", can be scaled" : ", cannot be scaled";
	say_row(to, "kernel", "%s%s%s",
		report->kernel_unsync ? "calls its clock unsynchronised (STA_UNSYNC)"
				      : "calls its clock synchronised",
		report->has_kernel_max_error ? ", maximum error " : "",
		report->has_kernel_max_error ? cf_span_text(report->kernel_max_error, text) : "");
	if (*report->clocksource)
		say_row(to, "clocksource", "%s", report->clocksource);
	if (report->counter != CF_COUNTER_UNKNOWN)
		say_row(to, "counter", "%s, %s%s", cf_counters[report->counter],
			report->has_counter_hz ? hertz_text(report->counter_hz, hertz)
					       : "frequency not known", scaling);
}

void show_report(FILE *to, const struct cf_report *report)
{
	char text[REPORT_TEXT_ROOM], at[CF_REAL_TEXT_ROOM];

	say(to, "%s: %s", report->host, report_text(report, text));
	if (*report->why)
		say_row(to, "why", "%s", report->why);
	say_row(to, "at", "%s, by this clock", moment_text(report->at, at));
	show_bound(to, report);
	if (report->has_tracking)
		show_tracking(to, &report->tracking);
	show_age(to, report);
	show_leap(to, report);
	show_kernel(to, report);
}
