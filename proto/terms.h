/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * On which terms a migration is judged: a policy by name, limits of the request's
 * own, and findings that an administrator takes upon himself.
 *
 * A request can only tighten what the policies of both hosts say; to loosen it
 * takes an override, in which an administrator names the findings and the reason.
 */

#include "proto/limits.h"

#define CF_POLICY_ROOM   64	/* a policy's name */
#define CF_DIGEST_ROOM   65	/* SHA-256 in hexadecimal */
#define CF_CODE_ROOM     32	/* a finding's code, as a word */
#define CF_OVERRIDES_MAX 16

/* They apply where they are stricter than policy, and do nothing where they are not. */
struct cf_tighten {
	bool has_max_error_bound;
	cf_span max_error_bound;
	bool has_max_skew;
	cf_span max_skew;
	bool has_max_blackout;
	cf_span max_blackout;
	bool has_max_residual;
	cf_span max_residual;
	bool has_require_lever;
	enum cf_lever require_lever;
};

/* Whose word it is stands beside it: struct cf_requester. */
struct cf_override {
	size_t n_findings;
	char findings[CF_OVERRIDES_MAX][CF_CODE_ROOM];	/* cf_finding_words of those that shall not refuse */
	char reason[CF_DETAIL_ROOM];
};

struct cf_terms {
	bool has_policy;
	char policy[CF_POLICY_ROOM];	/* applies beside the domain's or the host's, the stricter of each */
	bool has_tighten;
	struct cf_tighten tighten;
	bool has_override;
	struct cf_override override;
};

/* By which policies a migration was judged. */
struct cf_policy_used {
	char source[CF_POLICY_ROOM];		/* the source's; "" where it is not known */
	char destination[CF_POLICY_ROOM];	/* the destination's, likewise */
	char requested[CF_POLICY_ROOM];		/* the one that the request named; "" for none */
	bool domains_choice;			/* the domain's metadata chose the source's */
	char digest[CF_DIGEST_ROOM];		/* of the limits in force; "" where there are none */
};

extern const struct cf_shape cf_terms_shape;
extern const struct cf_shape cf_override_shape;
extern const struct cf_shape cf_policy_used_shape;
