/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The receipts that other hosts have of migrations from here and to here, and what of them they have
 * under way: for a ledger that has lost its own.  Blocks: for a thread of one's own.
 */

#include "daemon/host-names.h"
#include "daemon/peer/fleet.h"
#include "daemon/settings.h"
#include "proto/migration.h"
#include "proto/receipt.h"

/* Where the reading is: one peer after the other, and of each from the newest to the oldest. */
struct peers_reading {
	struct fleet *fleet;
	const struct settings *settings;	/* whose peers */
	cf_real since;				/* nothing older */

	/* its own; zeroed to begin with, and peers_reading_end() */
	struct host_names here;			/* what peers may call this host */
	size_t peer;
	bool open;				/* those that have not ended, instead of those that have */
	struct call *call;
	struct cf_migrations *page;		/* NULL: the next one is to be asked for */
	size_t next;
	int pages;				/* of this peer, so far */
	char cursor[CF_CURSOR_ROOM];		/* of that one; "": the first */
	int64_t foreign;			/* so many that it told of were not between it and this host */
	char why[CF_DETAIL_ROOM];		/* the last peer that was not asked to its end, and why; "" none */
};

/*
 * fn for each of the next n receipts, as this host has them.  Returns how many there
 * were, less than n at the end.  A peer that does not answer, or has no end of them, is
 * passed over, and so is each migration that was not between it and this host.
 */
int peers_receipts(struct peers_reading *reading, int n, void (*fn)(void *userdata, const struct cf_receipt *receipt),
		   void *userdata);

/* fn for each that has not ended, as that host has it; call: a connection to its agent. */
void peers_open(struct peers_reading *reading,
		void (*fn)(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs), void *userdata);

/* fn for each of those n that has ended at a peer, as that host has it; who has none of them is no failure. */
void peers_ended(struct peers_reading *reading, const char (*ids)[CF_UUID_ROOM], size_t n,
		 void (*fn)(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs), void *userdata);

void peers_reading_end(struct peers_reading *reading);
