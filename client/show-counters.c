/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show-receipt.h"

static void show_run(FILE *to, const char *label, const struct cf_counter_run *run)
{
	char vcpus[64];

	if (run->count > 1)
		snprintf(vcpus, sizeof(vcpus), "vCPUs %" PRId64 " to %" PRId64, run->first, run->first + run->count - 1);
	else
		snprintf(vcpus, sizeof(vcpus), "vCPU %" PRId64, run->first);
	say_row(to, label, "%s: %+" PRId64 " ticks before, %+" PRId64 " after%s", vcpus, run->before, run->after,
		!run->has_agrees ? "" : run->agrees ? "; KVM's debugfs shows the same" : "; KVM's debugfs SHOWS ANOTHER");
}

static const char *own(bool own)
{
	return own ? "KVM's own instant" : "an instant read around KVM's call";
}

/* arm64's second counter. */
static void show_physical(FILE *to, const struct cf_counter_report *c)
{
	char text[CF_INTERVAL_TEXT_ROOM];

	if (c->has_physical)
		say_row(to, "", "CNTPCT, read back, is off by %s", cf_interval_text(c->physical, text));
	else if (c->has_physical_set)
		say_row(to, "", c->physical_set ? "CNTPCT was carried, too" : "CNTPCT could not be set, as before Linux 6.4: it jumped");
	if (c->vm_wide)
		say_row(to, "", "both counters have one offset now, for the life of this QEMU");
}

static void show_carried(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	const struct cf_counter_report *c = &l->counters;
	bool judged = cf_landing_residual(l) == &c->residual;
	char elapsed[CF_SPAN_TEXT_ROOM], took[CF_SPAN_TEXT_ROOM], bare[CF_SPAN_TEXT_ROOM], text[CF_INTERVAL_TEXT_ROOM];

	say_row(to, "counters", "%s %s, in a call of %s, of which %s in the kernel%s",
		c->result == CF_COUNTERS_KEPT ? "kept: they went on for" : "carried: on by", cf_span_text(c->elapsed, elapsed),
		cf_span_text(c->took, took), cf_span_text(c->bare, bare),
		c->clamped ? "; by the hosts' clocks it was less than nothing" : "");
	if (c->has_residual)
		say_row(to, "", "read back, they are off by %s%s%s", cf_interval_text(c->residual, text),
			judged ? ": " : "", judged ? verdict(cf_interval_far(c->residual), r->limits.max_residual) : "");
	show_physical(to, c);
	if ((c->n_runs > 0 || c->has_master_clock_before) && !c->master_clock)
		say_row(to, "", "KVM's master clock is off%s", !c->has_master_clock_before ? ": its vCPUs do not agree" :
			c->master_clock_before ? ", and was on before: its vCPUs do not agree any more" : ", as it was before");
	if (c->has_own_instant && c->has_own_instant_before)
		say_row(to, "", "reckoned from %s to %s", own(c->own_instant_before), own(c->own_instant));
	if (c->by_value)
		say_row(to, "", "KVM took no instant with kvmclock: it was set by value, late by the way there");
	if (c->has_routes)
		say_row(to, "", "by the way that Linux documents the TSC would be further by %s", cf_span_text(c->routes, text));
	for (size_t i = 0; i < c->n_runs; i++)
		show_run(to, i == 0 ? "TSC offset" : "", &c->runs[i]);
}

void show_counters(FILE *to, const struct cf_receipt *r, const struct cf_landing *l)
{
	const struct cf_counter_report *c = &l->counters;

	if (!l->has_counters)
		return;
	if (c->has_elapsed)
		show_carried(to, r, l);
	else
		say_row(to, "counters", "left to QEMU: %s", *c->why ? c->why : "nothing more is known");
}
