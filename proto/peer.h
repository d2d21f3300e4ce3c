/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The other hosts, as this one sees them. */

#include "proto/report.h"
#include "proto/finding.h"
#include "proto/page.h"

struct cf_peer {
	char host[CF_HOST_ROOM];	/* as it is named here */
	char address[CF_HOST_ROOM];	/* host or address and port that is called */
	bool reachable;
	char why[CF_DETAIL_ROOM];	/* the last error when not */
	bool has_agent;
	char agent[32];			/* its version */
	bool has_host_offset;
	struct cf_interval host_offset;	/* peer's REALTIME - ours, now */
	bool has_half_width;
	cf_span half_width;
	bool has_age;
	cf_span age;			/* of the last round that was answered */
	int64_t rounds;			/* that the offset rests on */
	bool has_report;
	struct cf_report report;	/* its own clock report, as last heard */
	bool gate_open;			/* as far as the two clocks decide it */
	bool has_gate_since;
	cf_real gate_since;
	size_t n_findings;
	struct cf_finding findings[16];
};

#define CF_PEERS_KNOWN_MAX 1024	/* by a host's settings */
#define CF_PEERS_MAX	   256	/* of a page of them */
struct cf_peers {
	size_t n_list;
	struct cf_peer list[CF_PEERS_MAX];	/* by name */
	bool has_next;
	char next[CF_CURSOR_ROOM];
};

extern const struct cf_shape cf_peer_shape;
extern const struct cf_shape cf_peers_shape;
