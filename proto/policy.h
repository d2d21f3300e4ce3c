/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The policies of a host, as they are in force: for programs their limits, for people their rows. */

#include "proto/terms.h"

#define CF_POLICIES_MAX 64

/* One key of a policy. */
struct cf_policy_row {
	char key[32];
	char value[1024];		/* as the settings spell it; the elements of a list with ", " between them */
	char otherwise[1024];		/* what it would be if no file said anything of it */
	char range[128];		/* "1 us to 1 d"; "" where anything goes */
	char meaning[512];
};

/* A policy in short. */
struct cf_policy_head {
	char name[CF_POLICY_ROOM];
	char description[256];
	char origin[256];		/* the file that says something of it; "": as it ships */
	bool in_use;			/* it applies to domains that choose none */
	char digest[CF_DIGEST_ROOM];	/* of its limits */
	struct cf_limits limits;
};

struct cf_policies {
	size_t n_list;
	struct cf_policy_head list[CF_POLICIES_MAX];
};

struct cf_policy {
	struct cf_policy_head policy;
	size_t n_rows;
	struct cf_policy_row rows[32];
};

extern const struct cf_shape cf_policies_shape;
extern const struct cf_shape cf_policy_shape;
