/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One peer, measured: the rounds, its clock report, and what the gate makes of
 * the two clocks.  Blocks; a sighting belongs to one thread at a time.
 */

#include "daemon/peer/call.h"
#include "daemon/settings.h"
#include "policy/offset.h"
#include "proto/peer.h"

struct reporter;

struct sighting {
	struct cf_peer peer;		/* without what depends on the moment */
	struct cf_offset offset;
	char boot[CF_BOOT_ROOM];
	cf_mono heard;			/* 0: not yet, to the end */
	enum cf_finding_code failure;	/* what speaks against it while it is not reachable */
};

/* A connection to that host's agent, not established yet; address and port by settings. */
int sight_call(const struct settings *settings, const char *host, struct call **ret, struct cf_error *err);

/* Begin with nothing known. */
void sight_begin(const struct settings *settings, const char *host, struct sighting *ret);

/*
 * Measure over *call, which is made when it is NULL; what fails is said in peer.why.
 * After a failure *call is NULL: the next connection may show another certificate.
 */
void sight(const struct settings *settings, struct call **call, struct sighting *sighting);

/* The peer as it is to be shown now: ages, bounds and the gate as of this moment. */
void sight_now(const struct settings *settings, struct reporter *reporter, const struct sighting *sighting,
	       struct cf_peer *ret);
