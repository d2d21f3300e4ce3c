/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every error over HTTP is one of these: application/problem+json, RFC 9457. */

#include "proto/error.h"
#include "proto/finding.h"

#define CF_PROBLEM_TYPE "application/problem+json"

struct cf_problem {
	char type[96];			/* "about:blank" or "urn:clockferry:error:CODE" */
	char title[64];
	int64_t status;
	char detail[CF_DETAIL_ROOM];
	char code[32];			/* cf_code_name() */
	size_t n_findings;
	struct cf_finding findings[CF_FINDINGS_MAX];
};

extern const struct cf_shape cf_problem_shape;

/* The problem that says what err says, without findings. */
void cf_problem_from(const struct cf_error *err, struct cf_problem *ret);
