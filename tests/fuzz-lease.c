/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a destination answers to a reservation, judged: the input is a cf_lease, as for fuzz-messages. */

#include <string.h>

#include "policy/gate.h"
#include "policy/offset.h"
#include "proto/incoming.h"
#include "tests/fuzz-take.h"

static void check(const struct cf_findings *findings)
{
	char text[CF_FINDING_TEXT_ROOM];

	must(findings->n_list <= CF_FINDINGS_MAX);
	for (size_t i = 0; i < findings->n_list; i++)
		must(memchr(cf_finding_text(&findings->list[i], text), '\0', sizeof(text)));
}

/* Neither host may loosen what the other one wants. */
static void check_limits(const struct cf_limits *theirs, const struct cf_both_limits *both)
{
	must(both->limits.max_skew.ns <= theirs->max_skew.ns);
	must(both->limits.max_blackout.ns <= theirs->max_blackout.ns);
	must(both->limits.max_error_bound.ns <= theirs->max_error_bound.ns);
}

static void judge(const struct cf_lease *lease)
{
	struct cf_both_limits *both = malloc(sizeof(*both));
	struct cf_findings *findings = calloc(1, sizeof(*findings));
	struct cf_pair_evidence pair = {
		.source = "a", .destination = lease->host, .source_report = &lease->report,
		.destination_report = &lease->report, .has_host_offset = true,
		.host_offset = lease->n_findings ? lease->findings[0].measured : (struct cf_interval){ { 0 }, { 0 } },
		.now = lease->report.at, .expected_duration = { 900 * CF_S },
	};

	must(both && findings);
	cf_limits_both(&lease->limits, "a", &lease->limits, lease->host, both);
	check_limits(&lease->limits, both);
	cf_gate_pair(&pair, both, findings);
	check(findings);
	cf_gate_source(&pair, both, findings);
	check(findings);
	free(findings);
	free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text;
	size_t n;
	const struct cf_shape *shape = fuzz_named(data, size, &text, &n);
	struct cf_lease *lease = malloc(sizeof(*lease));

	must(lease);
	if (shape == &cf_lease_shape && cf_decode(shape, CF_TOLERANT, text, n, lease, NULL) == 0) {
		judge(lease);
		cf_message_clear(shape, lease);
	}
	free(lease);
	return 0;
}
