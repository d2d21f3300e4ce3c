/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Would a migration be allowed?  A check has no side effect anywhere and lists
 * every finding, per destination, those of severity `warn` included.
 */

#include "proto/options.h"
#include "proto/page.h"
#include "proto/report.h"
#include "proto/terms.h"

#define CF_DESTINATIONS_MAX 64

struct cf_check_request {
	char domain[CF_NAME_ROOM];	/* name or uuid */
	size_t n_destinations;		/* none: every peer the agent knows */
	char destinations[CF_DESTINATIONS_MAX][CF_HOST_ROOM];
	bool has_terms;
	struct cf_terms terms;
	bool has_options;
	struct cf_options options;	/* it would be asked for with */
};

struct cf_check {
	char destination[CF_HOST_ROOM];
	bool allowed;
	bool has_host_offset;
	struct cf_interval host_offset;	/* destination - source, now */
	bool has_offset_half_width;
	cf_span offset_half_width;
	bool has_predicted_blackout;
	cf_span predicted_blackout;
	cf_span max_blackout;
	bool has_lever;
	enum cf_lever lever;		/* by which the guest's clock would be made right */
	bool has_policy;
	struct cf_policy_used policy;
	bool has_would_refuse;
	bool would_refuse;		/* it is allowed only because policy does no more than observe */
	size_t n_findings;
	struct cf_finding findings[CF_FINDINGS_MAX];
};

struct cf_checks {
	char domain[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	size_t n_list;
	struct cf_check list[CF_DESTINATIONS_MAX];
	bool has_next;			/* when all known peers were asked for: there are more */
	char next[CF_CURSOR_ROOM];
};

extern const struct cf_shape cf_check_request_shape;
extern const struct cf_shape cf_check_shape;
extern const struct cf_shape cf_checks_shape;
