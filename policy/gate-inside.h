/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the gate share; nobody else includes this. */

#include "policy/gate.h"

/* One side of the pair, as it stands at the moment of judging. */
struct cf_judged {
	const char *name;
	const struct cf_report *report;	/* NULL: none */
	cf_real now;			/* on its own clock, the latest it may be */
	bool has_bound;
	cf_span bound;			/* the report's, grown until now */
};

/* One judgement while it is made. */
struct cf_judge {
	const struct cf_pair_evidence *pair;
	const struct cf_limits *limits;
	const struct cf_both_limits *owners;
	struct cf_findings *findings;
	struct cf_judged hosts[2];
	char both[CF_HOST_ROOM];	/* "hA -> hB", the subject of what concerns the pair */
};

void cf_judge_begin(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		    struct cf_findings *findings, struct cf_judge *ret);

/* cf_findings_add(), but not below a severity; `off` stays off. */
struct cf_finding *cf_judge_add(const struct cf_judge *judge, enum cf_finding_code code, const char *subject,
				enum cf_severity at_least);

/* Add one with a detail and nothing else. */
void cf_judge_say(const struct cf_judge *judge, enum cf_finding_code code, const char *subject,
		  const char *detail);

/* The same of what refuses nothing here, whatever policy makes of it. */
void cf_judge_warn(const struct cf_judge *judge, enum cf_finding_code code, const char *subject, const char *detail);

/* Fill in a finding that may be NULL; details are appended. */
void cf_finding_detail(struct cf_finding *finding, const char *detail);
void cf_finding_number(struct cf_finding *finding, int64_t number);
void cf_finding_measured(struct cf_finding *finding, struct cf_interval measured);
void cf_finding_limit(struct cf_finding *finding, cf_span limit, const char *owner);
void cf_finding_owner(struct cf_finding *finding, const char *owner);

/* How it is to be carried. */
void cf_judge_options(const struct cf_judge *judge, const struct cf_domain_evidence *domain);

/* All that is judged of one host alone, and of the pair's TAI offsets. */
void cf_judge_host(const struct cf_judge *judge, const struct cf_judged *host);
void cf_judge_tai(const struct cf_judge *judge);

/* Judgements that hold before the copy and during it. */
void cf_judge_state(const struct cf_judge *judge, const struct cf_judged *host);
void cf_judge_stepped(const struct cf_judge *judge, const struct cf_judged *host);
void cf_judge_contradiction(const struct cf_judge *judge);
void cf_judge_skew(const struct cf_judge *judge, const char *detail);
void cf_judge_offset_unknown(const struct cf_judge *judge);
