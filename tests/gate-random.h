/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Scenes that nobody made up, for laws of the gate and of policies. */

#include <stdio.h>

#include "tests/gate.h"
#include "tests/sim.h"

static struct sim sim = { .random = 20261120 };

static int64_t pick(const int64_t *from, size_t n)
{
	return from[sim_between(&sim, 0, n - 1)];
}
#define PICK(...) pick((const int64_t[]){ __VA_ARGS__ }, CF_COUNT(((const int64_t[]){ __VA_ARGS__ })))

/* From scenes in which much is wrong to those in which hardly anything is. */
static int64_t odds;

static bool likely(void)
{
	return !sim_chance(&sim, odds);
}

static void random_report(struct cf_report *r)
{
	r->state = PICK(CF_CLOCK_SYNCHRONISED, CF_CLOCK_SYNCHRONISED, CF_CLOCK_HOLDOVER,
			CF_CLOCK_UNSYNCHRONISED,
			CF_CLOCK_UNTRUSTED, CF_CLOCK_UNKNOWN);
	r->has_bound = likely();
	r->bound.ns = PICK(0, CF_US, CF_MS, 20 * CF_MS, 99 * CF_MS, 100 * CF_MS, CF_S, INT64_MAX);
	r->at.ns = NOW - PICK(-CF_S, 0, CF_S, 3600 * CF_S);
	r->has_growth_ppm = likely();
	r->growth_ppm = (double)PICK(0, 1, 50, 100000);
	r->has_good_age = likely();
	r->good_age.ns = PICK(0, 60 * CF_S, 3600 * CF_S, CF_DAY);
	r->has_tracking = likely();
	r->tracking.stratum = PICK(1, 3, 9, 10, 15);
	r->stepped = !likely();
	r->kernel_unsync = !likely();
	r->has_tai_s = likely();
	r->tai_s = PICK(0, 36, 37, 37, 37);
	r->has_leap = !likely();
	r->leap.at.ns = NOW + PICK(-3600 * CF_S, 10 * CF_S, 30 * CF_S, 36000 * CF_S);
	r->counter = PICK(CF_COUNTER_UNKNOWN, CF_COUNTER_TSC, CF_COUNTER_TSC, CF_COUNTER_TSC, CF_COUNTER_CNTVCT);
	r->has_counter_hz = likely();
	r->counter_hz = PICK(0, 1000000000, 2400000000, 2400000000, INT64_MAX);
	r->has_counter_scaling = likely();
	r->counter_scaling = !likely();
}

static void random_limits(struct cf_limits *l)
{
	l->max_error_bound.ns = PICK(CF_MS, 100 * CF_MS, CF_S);
	l->max_skew.ns = PICK(CF_MS / 2, 25 * CF_MS, 250 * CF_MS);
	l->max_blackout.ns = PICK(CF_MS, CF_S, 5 * CF_S);
	l->holdover_max.ns = PICK(0, 60 * CF_S, 3600 * CF_S);
	l->max_stratum = PICK(2, 9, 15);
	l->has_mode = likely();
	l->mode = PICK(CF_ENFORCE, CF_ENFORCE, CF_OBSERVE, CF_POLICY_MODE_UNKNOWN);
	l->has_aftercare = likely();
	l->aftercare = (struct cf_aftercare){ { PICK(CF_S, 10 * CF_S, 60 * CF_S) }, likely(),
					      PICK(CF_NOTICE_NONE, CF_NOTICE_FILE, CF_NOTICE_EXEC, CF_NOTICE_UNKNOWN) };
	l->require_lever = PICK(CF_LEVER_NONE, CF_LEVER_NONE, CF_LEVER_GUEST_AGENT, CF_LEVER_KVM,
				CF_LEVER_UNKNOWN);
	for (int i = 0; i < 4; i++)
		set_severity(l, sim_between(&sim, 1, CF_N_FINDING_CODES - 1),
			     sim_between(&sim, 0, CF_N_SEVERITIES - 1));
}

static void random_offset(struct cf_interval *offset)
{
	cf_span middle = { PICK(-CF_S, -20 * CF_MS, 0, CF_MS, 3 * CF_S, -CF_YEAR) };

	*offset = cf_interval_around(middle, (cf_span){ PICK(0, CF_US, 5 * CF_MS, 30 * CF_MS, CF_S / 2) });
}

static void random_scene(struct scene *s)
{
	scene_begin(s);
	odds = PICK(3, 10, 30, 300);
	if (sim_chance(&sim, odds / 10 + 1))
		random_report(&s->a);
	if (sim_chance(&sim, odds / 10 + 1))
		random_report(&s->b);
	if (sim_chance(&sim, odds / 10 + 1))
		random_limits(&s->a_limits);
	if (sim_chance(&sim, odds / 10 + 1))
		random_limits(&s->b_limits);
	s->pair.has_host_offset = likely();
	if (sim_chance(&sim, odds / 10 + 1))
		random_offset(&s->pair.host_offset);
	if (!likely())
		s->pair.source_report = NULL;
	if (!likely())
		s->pair.destination_report = NULL;
	s->domain.known = likely();
	s->domain.state = likely() ? CF_DOMAIN_RUNNING : sim_between(&sim, 0, CF_N_DOMAIN_STATES - 1);
	s->domain.job_active = !likely();
	s->domain.n_blockers = likely() ? 0 : PICK(1, 8);
	s->domain.has_predicted_blackout = likely();
	s->domain.predicted_blackout.ns = likely() ? CF_MS : PICK(0, CF_S, CF_S + 1, INT64_MAX);
	if (!likely())
		s->domain.guest = NULL;
	strcpy(s->guest.type, likely() ? "kvm" : "qemu");
	s->guest.has_counter_hz = !likely();
	s->guest.counter_hz = PICK(1000000000, 2400000000);
	s->guest.counter_promised = !likely();
	s->guest.agent_configured = likely();
	s->guest.agent_connected = likely();
	s->guest.has_guest_offset = likely();
	s->guest.lever = likely() ? CF_LEVER_KVM : sim_between(&sim, 0, CF_N_LEVERS - 1);
	s->guest.self_correcting = !likely();
	s->pair.has_destination_kvm = likely();
	s->pair.destination_kvm.handed_on = likely();
	s->pair.passthrough_denied = !likely();
}

/* Does every finding of `less` stand in `more` too, as severe or more? */
static inline bool all_in(const struct cf_findings *less, const struct cf_findings *more)
{
	for (size_t i = 0; i < less->n_list; i++) {
		const struct cf_finding *f = find(more, less->list[i].code, less->list[i].subject);

		if (!f || f->severity < less->list[i].severity) {
			printf("# lost: %s of %s\n", cf_finding_words[less->list[i].code],
			       less->list[i].subject);
			return false;
		}
	}
	return true;
}
