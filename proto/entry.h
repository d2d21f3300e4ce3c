/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an agent writes down of a migration for its own later self: whatever a
 * restarted one needs to finish it, and cannot learn anew.
 *
 * It goes into the ledger beside the migration and its receipt, and to nobody else.
 * CLOCK_MONOTONIC_RAW begins anew with a boot: another one than `boot` cannot
 * use the instants in it.
 */

#include "proto/incoming.h"

struct cf_entry {
	char boot[CF_BOOT_ROOM];
	struct cf_instant entered;		/* its phase */
	bool has_request;
	struct cf_migration_request request;	/* source: as it was asked for, without XML */
	bool has_with_xml;
	bool with_xml;				/* ... which it came with: without it nobody can go on from the request */
	bool has_mark;
	int64_t mark;				/* of the request, XML included: a repeat has the same */
	bool has_reservation;
	struct cf_reservation reservation;	/* source: as sent; destination: as received */
	bool has_lease;
	struct cf_lease lease;
	bool has_record;
	struct cf_record record;		/* source: as captured; destination: the newest that came */
	bool has_at_stop;
	struct cf_interval at_stop;		/* source: destination RAW - source RAW at STOP */
	bool has_expected_downtime;
	cf_span expected_downtime;		/* source: QEMU's last word before STOP */
	bool has_was_defined;
	bool was_defined;			/* destination: before it came libvirt had a definition of it */
	bool has_landing;
	struct cf_landing landing;		/* destination: what was seen so far */
};

extern const struct cf_shape cf_entry_shape;
