/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ledger: what this host's agent must not forget, in SQLite.
 *
 * A migration has one row: how it stands, what a restarted agent needs to
 * finish it, and its receipt, each as its JSON.  Its edges have rows of their
 * own.  What is written is durable (WAL, synchronous=FULL) when that is told.
 *
 * One thread writes, so that the loop never waits for a disk.  Reading blocks,
 * for a thread of one's own, and goes on beside it.
 *
 * A ledger that cannot be opened or written is still a struct ledger: writing
 * fails at once with the reason, ledger_state() tells it, and it is tried
 * again until it works.  What can be read of a damaged file is taken over into a
 * new one, for which it is set aside, and state.note says so until the agent ends.  A
 * file of a newer schema, or of another program, is left as it is.
 */

#include "daemon/host-names.h"
#include "proto/entry.h"
#include "proto/error.h"

struct ledger;
struct loop;

#define LEDGER_PATH_ROOM 256

struct ledger_options {
	char path[LEDGER_PATH_ROOM];
	cf_span keep_for;	/* how long the ended ones are kept */
	int64_t keep_count;	/* and how many of them */
};

struct ledger_state {
	bool writable;
	char fault[CF_DETAIL_ROOM];	/* why not; "" when it is */
	int begun;			/* how often a file was begun, with nothing in it or what was saved of another; or found so, not settled */
	bool lost;			/* since the agent started, or since that, a file was set aside or gone: old ids may be unknown */
	char note[CF_DETAIL_ROOM];	/* then: which, and what became of it; "" otherwise */
};

/* On the loop's thread, when `writable`, `begun` or `note` has changed. */
struct ledger_listener {
	void (*changed)(void *userdata, const struct ledger_state *state);
	void *userdata;
};

/*
 * Opens the file before it returns, which may take a while; that this fails is no
 * failure, but a state.  Fails for want of memory or threads alone.
 */
int ledger_new(struct ledger **ret, struct loop *loop, const struct ledger_options *options,
	       const struct ledger_listener *listener, struct cf_error *err);

/* Writes what it was given, then closes.  What has not been answered by then never is. */
void ledger_free(struct ledger *ledger);
CF_DEFINE_AUTO(struct ledger *, ledger_free)

/* Any thread. */
void ledger_state(struct ledger *ledger, struct ledger_state *ret);

/*
 * What a file that was begun lacks has been looked for, and what was found written.  Until then it is one that was just begun,
 * with its note, for each agent that opens it.  A peer that did not answer for as long as it was asked is not waited for.  On the
 * loop's thread.
 */
void ledger_settled(struct ledger *ledger);

/* One more word for state.note, where a file was lost.  On the loop's thread. */
void ledger_note(struct ledger *ledger, const char *note);
const char *ledger_path(const struct ledger *ledger);

/* Other limits on what is kept; the path stays what it was. */
void ledger_keep(struct ledger *ledger, cf_span keep_for, int64_t keep_count);

/*
 * Forget what is older than keep_for by `now`.  Only for who trusts this host's clock:
 * one that was set wrong would forget everything.  On the loop's thread.
 */
void ledger_tidy(struct ledger *ledger, cf_real now);

/* Writing */

/* A migration as it stands, and the edge that led there. */
struct ledger_line {
	cf_real at;
	struct cf_migration view;
	char peer[CF_HOST_ROOM];	/* the other host's agent: who may ask of it */
	struct cf_entry entry;
	struct cf_receipt receipt;	/* as far as it goes; whole once it has ended */
	bool ended;			/* the last act is over */
	bool owed;			/* the peer has not had our receipt yet */
	bool found;			/* elsewhere, of the past: it is put among the others by its time, if it is not there */
	char event[16];			/* what led to its phase; "": nothing, only the rest has changed */
	char why[CF_DETAIL_ROOM];
};

/*
 * Have the line written, which is taken over.  done(arg, 0, NULL) is called on the
 * loop's thread when it is durable, done(arg, -errno, err) when it could not be
 * written, or not within patience: then it may still be.  EEXIST: there is one of that id
 * which has ended, and this one has not, or was found.  Always called, once, and
 * never by this function itself, unless the ledger or the loop ends first.  Lines are
 * written in the order in which they come.  done may be NULL.  On the loop's thread.
 */
void ledger_write(struct ledger *ledger, struct ledger_line *line, cf_span patience,
		  void (*done)(void *arg, int result, const struct cf_error *err), void *arg);

/* Reading: each of these blocks, and any thread may call but the loop's once it runs. */

/* A line as it was read.  What cannot be understood of it is zeroed, and fault names file, row and column. */
struct ledger_row {
	int64_t number;		/* later ones are larger */
	struct ledger_line line;
	char fault[CF_DETAIL_ROOM];
};

/* ENOENT, CF_NOT_FOUND when there is no such migration.  *ret is the caller's. */
int ledger_find(struct ledger *ledger, const char *id, struct ledger_row **ret, struct cf_error *err);

/* fn for each one that has not ended or whose receipt is owed, the oldest first; it takes the row over. */
int ledger_each_open(struct ledger *ledger, void (*fn)(void *userdata, struct ledger_row *row), void *userdata,
		     struct cf_error *err);

/*
 * fn for the receipt of each one that has ended since then, the newest first; NULL for one
 * that cannot be understood.
 */
int ledger_each_receipt(struct ledger *ledger, cf_real since, void (*fn)(void *userdata, const struct cf_receipt *receipt),
			void *userdata, struct cf_error *err);

/* What of the migrations is asked for; a member that is NULL or 0 asks for all. */
struct ledger_query {
	const char *phase;	/* the word of a phase */
	bool only_ended, only_open;
	const char *domain;	/* name or uuid */
	const struct host_names *peers;	/* one of these */
	const char (*labels)[CF_LABEL_ROOM];	/* each of these n */
	size_t n_labels;
	int64_t before;		/* only numbers below this one */
	size_t limit;		/* at most CF_PAGE_MAX, which is also what 0 means */
};

/* The newest first.  A row with a fault in it has what its columns say, and the fault as its reason. */
struct ledger_page {
	struct cf_migrations migrations;
	int64_t numbers[CF_PAGE_MAX];
	bool more;		/* there are older ones */
};
int ledger_list(struct ledger *ledger, const struct ledger_query *query, struct ledger_page *ret,
		struct cf_error *err);

/* The edges of one migration, the oldest first, in their own words. */
struct ledger_edge {
	cf_real at;
	char phase[16];
	char event[16];
	char why[CF_DETAIL_ROOM];
};
int ledger_edges(struct ledger *ledger, const char *id, struct ledger_edge *edges, size_t room, size_t *ret_n,
		 struct cf_error *err);
