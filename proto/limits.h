/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a host's policy allows.  It travels: both hosts' limits apply to a
 * migration, and of each the stricter one.
 */

#include "proto/finding.h"

enum cf_lever { CF_LEVER_UNKNOWN, CF_LEVER_NONE, CF_LEVER_GUEST_AGENT, CF_LEVER_KVM, CF_N_LEVERS };

/* What may be done to a guest's clock after the landing. */
enum cf_correction {
	CF_CORRECTION_UNKNOWN,
	CF_CORRECTION_STEP_FORWARD,	/* never back */
	CF_CORRECTION_STEP,		/* either way */
	CF_CORRECTION_REPORT,		/* measure, change nothing */
	CF_N_CORRECTIONS,
};

/* What becomes of a refusal: stands, or is only told.  What always refuses does so in either. */
enum cf_policy_mode { CF_POLICY_MODE_UNKNOWN, CF_ENFORCE, CF_OBSERVE, CF_N_POLICY_MODES };

/* How a guest that has moved is told of it. */
enum cf_notice { CF_NOTICE_UNKNOWN, CF_NOTICE_NONE, CF_NOTICE_FILE, CF_NOTICE_EXEC, CF_N_NOTICES };

/* What is done for a guest's clock once it is corrected. */
struct cf_aftercare {
	cf_span verify_until;		/* after RESUME: it is read at 1, 10 and 60 s, as far as that */
	bool correct_again;		/* and corrected then, too: nobody else keeps it */
	enum cf_notice notice;
};

struct cf_limits {
	bool has_mode;
	enum cf_policy_mode mode;	/* absent: enforce */
	cf_span max_error_bound;	/* of each host's clock */
	cf_span max_skew;		/* largest |destination - source| */
	cf_span max_blackout;
	cf_span max_residual;		/* guest clock error after correction */
	cf_span gate_grace;		/* how long the gate may stay closed during the copy */
	cf_span holdover_max;		/* how long a host may run on without its source */
	int64_t max_stratum;
	enum cf_lever require_lever;	/* none: no lever is required */
	enum cf_correction correction;
	cf_span correction_floor;	/* a lag below it is left alone */

	bool has_aftercare;
	struct cf_aftercare aftercare;	/* absent: until 10 s, not again, no notice */

	/* Severities that differ from cf_finding_default(). */
	size_t n_severities;
	struct cf_severity_of {
		enum cf_finding_code code;
		enum cf_severity severity;
	} severities[CF_N_FINDING_CODES];
};

extern const char *const cf_lever_words[CF_N_LEVERS];
extern const char *const cf_correction_words[CF_N_CORRECTIONS];
extern const char *const cf_notice_words[CF_N_NOTICES];
extern const char *const cf_policy_mode_words[CF_N_POLICY_MODES];
extern const struct cf_shape cf_limits_shape;

/* What is done by these limits, with what stands in for it where they say nothing. */
struct cf_aftercare cf_limits_aftercare(const struct cf_limits *limits);

/* How these limits treat a finding. */
enum cf_severity cf_limits_severity(const struct cf_limits *limits, enum cf_finding_code code);
