/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The other hosts this one knows, each measured in the background by one of a few
 * threads: peers that hang never have all of them, and delay each other alone.
 *
 * Every function may be called from any thread.
 */

#include "daemon/peer/call.h"
#include "daemon/settings.h"
#include "policy/offset.h"
#include "policy/ramp.h"
#include "proto/base.h"
#include "proto/error.h"
#include "proto/peer.h"

struct fleet;
struct reporter;

/*
 * changed is called on a peer's thread when the peer came or went, or its gate
 * opened or closed; peer is valid during the call.
 */
struct fleet_listener {
	void (*changed)(void *userdata, const struct cf_peer *peer, bool reachable_before, bool open_before);
	void *userdata;
};

/* Holds the settings. */
int fleet_new(struct fleet **ret, struct settings *settings, struct reporter *reporter,
	      const struct fleet_listener *listener, struct cf_error *err);

/* Waits for the calls that are under way: as long as they may take. */
void fleet_free(struct fleet *fleet);
CF_DEFINE_AUTO(struct fleet *, fleet_free)

/*
 * Other settings: new peers are watched, those that are gone from them no longer,
 * and all are asked at once.
 * Waits for nobody.  On an error the settings are in force all the same, but not
 * every peer is watched.
 */
int fleet_reload(struct fleet *fleet, struct settings *settings, struct cf_error *err);

/* A connection of one's own to the agent of that host, not established yet. */
int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *err);

/*
 * A connection for a check.  One to each known host that answers is kept from check to check,
 * while call_is_good() and until settings and certificates are read again; more are made as
 * they are needed.  To be given back; loan->call is NULL then, and after a failure.
 */
struct fleet_loan {
	struct call *call;
	unsigned generation;		/* of the settings it was made with */
};

int fleet_lend(struct fleet *fleet, const char *host, struct fleet_loan *ret, struct cf_error *err);
void fleet_take_back(struct fleet *fleet, const char *host, struct fleet_loan *loan);

/* What is known of those whose names come after that one ("": all), at most limit of them, as of now.  Cheap. */
void fleet_list(struct fleet *fleet, const char *after, size_t limit, struct cf_peers *ret);

/* The same page by page: the next of all of them; false when there is none.  Zeroed to begin. */
bool fleet_next(struct fleet *fleet, struct cf_peers *page);

/* Measure one host now, known or not.  Blocks: never on the loop. */
int fleet_measure(struct fleet *fleet, const char *host, struct cf_peer *ret, struct cf_error *err);

/*
 * The offset as the background knows it, with the drift that the pair has shown, and
 * the boot id of that host it is good for: to go on from with rounds of one's own.
 * Nothing and "" where the host is not watched.
 */
void fleet_offset(struct fleet *fleet, const char *host, struct cf_offset *ret, char boot[static CF_BOOT_ROOM]);

/*
 * What a migration to that host needed beyond QEMU's own estimate of the blackout (what is known already
 * is not learnt twice), and what by the last ones the next one will; false when nothing is known of that.
 */
void fleet_learn(struct fleet *fleet, const char *host, const struct cf_ramp_past *past);
bool fleet_overhead(struct fleet *fleet, const char *host, cf_span *ret);

/* The names of the known peers that come after that one ("": all), at most n of them; returns how many. */
size_t fleet_names(struct fleet *fleet, const char *after, char (*names)[CF_HOST_ROOM], size_t n, bool *more);
