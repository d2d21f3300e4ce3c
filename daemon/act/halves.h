/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ledger was lost.  The agents of the other hosts have their halves of what was under way with this one: found here, with how the
 * domain of each stands on this host.  Blocks: for a thread of one's own.
 */

#include "daemon/act/context.h"
#include "daemon/act/restore-peers.h"
#include "policy/recover.h"
#include "proto/incoming.h"

#define HALVES_MOST 32

/* What another host's agent has of a migration, and the ledger here has not. */
struct half {
	char peer[CF_HOST_ROOM];
	struct cf_migration theirs;
	struct cf_left left;
	struct cf_said *said;		/* what had been said of it; NULL where that is not kept there */
	struct cf_persistence persistence;	/* of its domain, as libvirt has it here */
};

struct halves {
	const struct act_context *context;
	const struct settings *settings;	/* whose peers */

	/* what is found */
	struct half list[HALVES_MOST];
	size_t n;
	bool unsettled;			/* this host's page has some of which the ledger has nothing: it was lost */
	char why[CF_DETAIL_ROOM];	/* the last peer that was not asked to its end, and why; "" none */
};

/* Begins anew; halves_clear() when it is done with. */
void halves_find(struct halves *halves);
void halves_clear(struct halves *halves);
