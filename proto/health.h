/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How an agent is, and which one it is. */

#include "proto/report.h"

struct cf_version {
	char agent[32];
	int64_t major;
	int64_t minor;
	char host[CF_HOST_ROOM];
};

struct cf_health {
	char host[CF_HOST_ROOM];
	bool healthy;			/* everything below is as it should be */
	enum cf_clock_state clock;
	bool libvirt_connected;
	char libvirt[32];		/* its version, "" when not connected */
	char libvirt_why[CF_DETAIL_ROOM];	/* why not */
	char settings[CF_DETAIL_ROOM];	/* the fault in the settings file, "" when there is none */
	bool tls_listening;		/* reachable for peers */
	char tls_why[CF_DETAIL_ROOM];	/* why not */
	bool has_ledger;
	char ledger[CF_DETAIL_ROOM];	/* why the ledger cannot be written, "" when it can */
	bool has_ledger_note;
	char ledger_note[CF_DETAIL_ROOM];	/* since the agent started: what became of one that was damaged or gone */
	int64_t migrations;		/* under way now, both directions */
	bool has_queued;
	int64_t queued;			/* that wait for their turn */
	bool has_quiescing;
	bool quiescing;			/* it takes no new migrations */
	int64_t hung_calls;		/* into libvirt, given up and not returned yet */
};

/* Take no new migrations from now on, or take them again. */
struct cf_quiesce {
	bool on;
};

/* What is left then. */
struct cf_quiesced {
	char host[CF_HOST_ROOM];
	bool quiescing;
	int64_t migrations;		/* under way, both directions */
	int64_t queued;
};

extern const struct cf_shape cf_version_shape;
extern const struct cf_shape cf_health_shape;
extern const struct cf_shape cf_quiesce_shape;
extern const struct cf_shape cf_quiesced_shape;
