/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A policy held against the past: what it would have done to the receipts that a host keeps. */

#include "proto/receipt.h"

struct cf_trial_request {
	char file[256];			/* what faults are told of */
	char text[32 << 10];		/* of a file of policies */
	bool has_policy;
	char policy[CF_POLICY_ROOM];	/* which of them; absent: the only one */
	cf_span since;			/* how far to look back */
};

enum cf_verdict {
	CF_VERDICT_UNKNOWN,
	CF_VERDICT_ALLOWED,
	CF_VERDICT_REFUSED,
	CF_VERDICT_UNCLEAR,		/* nothing that is known refuses it, but not all is known */
	CF_N_VERDICTS,
};

struct cf_trial_entry {
	char id[CF_UUID_ROOM];
	char domain[CF_NAME_ROOM];
	char source[CF_HOST_ROOM];
	char destination[CF_HOST_ROOM];
	cf_real started;
	enum cf_outcome was;		/* how it ended */
	char was_because[CF_DETAIL_ROOM];
	enum cf_verdict verdict;
	bool has_outcome;
	enum cf_outcome outcome;	/* what it would be called, of one whose guest landed */
	char because[CF_DETAIL_ROOM];
	size_t n_findings;
	struct cf_finding findings[16];
	size_t n_unmeasured;
	char unmeasured[8][CF_DETAIL_ROOM];	/* what the receipt does not tell */
};

#define CF_TRIAL_MAX 100
struct cf_trial {
	char policy[CF_POLICY_ROOM];
	char digest[CF_DIGEST_ROOM];
	struct cf_limits limits;
	int64_t receipts;		/* that were looked at */
	int64_t unreadable;		/* among them */
	int64_t allowed, refused, unclear;
	int64_t differ;			/* would have come out otherwise: refused, allowed, or called something else */
	size_t n_list;			/* of these the newest */
	struct cf_trial_entry list[CF_TRIAL_MAX];
};

extern const char *const cf_verdict_words[CF_N_VERDICTS];
extern const struct cf_shape cf_trial_request_shape;
extern const struct cf_shape cf_trial_shape;
