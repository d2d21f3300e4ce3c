/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A scene to judge: two hosts, a domain, both hosts' limits.  As it begins nothing speaks against it. */

#include <string.h>

#include "policy/gate.h"
#include "proto/base.h"

#define NOW (INT64_C(1795000000) * CF_S)

struct scene {
	struct cf_report a, b;
	struct cf_limits a_limits, b_limits;
	struct cf_pair_evidence pair;
	struct cf_guest_clock guest;
	struct cf_options options;
	struct cf_domain_evidence domain;
};

static inline struct cf_report scene_report(const char *host)
{
	struct cf_report report = {
		.at = { NOW }, .state = CF_CLOCK_SYNCHRONISED, .has_bound = true, .bound = { CF_MS },
		.has_growth_ppm = true, .growth_ppm = 10, .has_good_age = true, .good_age = { CF_S },
		.has_tracking = true, .tracking = { .stratum = 3 }, .has_tai_s = true, .tai_s = 37,
		.counter = CF_COUNTER_TSC, .has_counter_hz = true, .counter_hz = 2400000000,
		.has_counter_scaling = true,
	};

	strcpy(report.host, host);
	return report;
}

static inline struct cf_limits scene_limits(void)
{
	return (struct cf_limits){
		.max_error_bound = { 100 * CF_MS }, .max_skew = { 25 * CF_MS }, .max_blackout = { CF_S },
		.max_residual = { 20 * CF_MS }, .gate_grace = { 30 * CF_S }, .holdover_max = { 3600 * CF_S },
		.max_stratum = 9, .require_lever = CF_LEVER_NONE, .correction = CF_CORRECTION_STEP_FORWARD,
		.correction_floor = { 2 * CF_MS },
	};
}

/* The scene holds pointers into itself: begin where it stays, and point again after copying. */
static inline void scene_point(struct scene *s)
{
	s->pair.source_report = &s->a;
	s->pair.destination_report = &s->b;
	if (s->domain.guest)
		s->domain.guest = &s->guest;
	if (s->domain.options)
		s->domain.options = &s->options;
}

static inline void scene_begin(struct scene *s)
{
	*s = (struct scene){
		.a = scene_report("hA"), .b = scene_report("hB"),
		.a_limits = scene_limits(), .b_limits = scene_limits(),
		.pair = { .source = "hA", .destination = "hB", .has_host_offset = true,
			  .host_offset = { { -CF_MS },
					  { CF_MS } }, .has_destination_kvm = true,
			  .destination_kvm = { .handed_on = true, .version = 1 }, .now = { NOW }, .expected_duration = { 60 * CF_S } },
		.guest = { .type = "kvm", .has_clocksource = true, .clocksource = "kvm-clock",
			  .agent_configured = true,
			   .agent_connected = true, .has_guest_offset = true, .lever = CF_LEVER_GUEST_AGENT,
			   .has_kvm_version = true, .kvm_version = 1 },
		.options = { .compression = CF_COMPRESSION_NONE, .storage = CF_STORAGE_SHARED },
		.domain = { .domain = "vm1", .known = true, .state = CF_DOMAIN_RUNNING,
			   .has_predicted_blackout = true,
			    .predicted_blackout = { 100 * CF_MS } },
	};
	s->domain.guest = &s->guest;
	s->domain.options = &s->options;
	scene_point(s);
}

static inline void two_disks(struct scene *s)
{
	s->domain.has_disks = true;
	s->domain.n_disks = 2;
	s->domain.disks[0] = (struct cf_disk){ .target = "vda" };
	s->domain.disks[1] = (struct cf_disk){ .target = "vdb" };
}

static inline void scene_both(const struct scene *s, struct cf_both_limits *both)
{
	cf_limits_both(&s->a_limits, s->pair.source, &s->b_limits, s->pair.destination, both);
}

static inline void scene_judge(const struct scene *s, struct cf_findings *ret)
{
	struct cf_both_limits both;

	scene_both(s, &both);
	ret->n_list = 0;
	cf_gate_pair(&s->pair, &both, ret);
	cf_gate_domain(&s->pair, &s->domain, &both, ret);
}

static inline void set_severity(struct cf_limits *limits, enum cf_finding_code code,
				enum cf_severity severity)
{
	limits->severities[limits->n_severities++] = (struct cf_severity_of){ code, severity };
}

static inline const struct cf_finding *find(const struct cf_findings *findings, enum cf_finding_code code,
					    const char *subject)
{
	for (size_t i = 0; i < findings->n_list; i++)
		if (findings->list[i].code == code &&
		    (!subject || strcmp(findings->list[i].subject, subject) == 0))
			return &findings->list[i];
	return NULL;
}
