/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What two agents say to each other where they drive libvirt's phases between them (a driver
 * with a gate).
 *
 *	POST /v1/incoming/{id}/prepare   cf_offer  -> cf_prepared
 *	POST /v1/incoming/{id}/commit    cf_commit -> cf_answer
 *
 * Both may be repeated: the answer to a repeat is that to the first.  Domain XML and
 * libvirt's cookies hold secrets: they are in no ledger, log, receipt or error text, and
 * are wiped before their memory is given back.
 */

#include "proto/counters.h"
#include "proto/migration.h"
#include "proto/probe.h"

/*
 * In base64 they have to fit into one message of 4 MiB.  The cookie that the source has at its gate has the XML of the
 * next start in it: what was let begin is not to fail there for its size.
 */
#define CF_OFFER_XML_MAX     ((size_t)2 << 20)
#define CF_OFFER_COOKIE_MAX  ((size_t)512 << 10)
#define CF_COMMIT_COOKIE_MAX ((size_t)2560 << 10)
#define CF_COOKIE_MAX        ((size_t)1 << 20)	/* the destination's */
#define CF_URI_ROOM   512

/* What libvirt's Begin made at the source, from which the destination's Prepare makes a domain. */
struct cf_offer {
	struct cf_options options;	/* as they are used */
	bool persistent;		/* it is to be one there */
	bool paused;			/* somebody has paused the guest: it is to stay so */
	char migrate_uri[CF_URI_ROOM];	/* how the source's QEMU is to reach the destination's; "": as that has it */
	struct cf_blob xml;
	bool has_cookie;
	struct cf_blob cookie;
};

/* What Prepare made of it: the destination waits for the memory, and is armed. */
struct cf_prepared {
	char uri[CF_URI_ROOM];		/* where the source's QEMU sends it */
	bool has_cookie;
	struct cf_blob cookie;
};

/*
 * Valid until nothing at all: the source does not know any more what it has said, or whether that arrived, and wants nothing of it
 * obeyed.  A destination that has not obeyed by then never will.
 */
#define CF_WITHDRAWN ((cf_mono){ 0 })

/* Let it run: the source's decision, which the destination judges once more. */
struct cf_commit {
	int64_t attempt;		/* a repeat has the number of the first */
	cf_mono valid_until;		/* by the destination's CLOCK_MONOTONIC_RAW: after that it must not be obeyed; or CF_WITHDRAWN */
	char boot[CF_BOOT_ROOM];	/* of the destination, for which that holds */
	bool paused;			/* the guest is to stay paused there */
	bool has_cookie;
	struct cf_blob cookie;		/* of Perform */
	bool has_point;
	struct cf_counter_point point;	/* the library's last of the guest that stands: its clock is the value that travelled */
};

/* The destination's word: the one thing a source in doubt may rely on. */
enum cf_word {
	CF_WORD_UNKNOWN,	/* it cannot say: its ledger is damaged, or it obeyed and saw no more of it */
	CF_WORD_WAITING,	/* it does not run yet; it may */
	CF_WORD_NEVER_RAN,	/* it never did, and never will: a commit that still comes is refused */
	CF_WORD_RAN,		/* it runs, or did */
	CF_N_WORDS,
};

struct cf_answer {
	enum cf_word word;
	char reason[CF_DETAIL_ROOM];	/* why it did not run; "" when it did */
	bool has_obeyed_took;
	cf_span obeyed_took;		/* the one durable write between STOP and RESUME */
	bool has_finish_took;
	cf_span finish_took;		/* libvirt's Finish */
	bool has_spare;
	cf_span spare;			/* how much longer the commit was valid when libvirt was told to let it run */
	bool has_cookie;
	struct cf_blob cookie;		/* of Finish, for Confirm */
};

/* What the operator says of a migration in doubt, having looked. */
enum cf_resolution { CF_RESOLUTION_UNKNOWN, CF_RUNS_HERE, CF_RUNS_THERE, CF_N_RESOLUTIONS };

struct cf_resolve {
	enum cf_resolution resolution;
	char reason[CF_DETAIL_ROOM];
};

/* Wipes and frees what may be secret. */
void cf_blob_wipe(struct cf_blob *blob);

extern const char *const cf_word_words[CF_N_WORDS];
extern const char *const cf_resolution_words[CF_N_RESOLUTIONS];

extern const struct cf_shape cf_offer_shape;
extern const struct cf_shape cf_prepared_shape;
extern const struct cf_shape cf_commit_shape;
extern const struct cf_shape cf_answer_shape;
extern const struct cf_shape cf_resolve_shape;
