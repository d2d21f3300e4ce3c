/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Marks: one word for each migration, where there is no time for the ledger.
 *
 * A file of fixed places in shared memory.  Two agents need two of them:
 *
 *	the page	/run/clockferry: the source's decision.  A store into memory: it survives
 *			the agent, not the host, and costs nothing while a guest stands still.
 *	the promises	beside the ledger: what the destination obeyed, or closed.  Durable
 *			before mark_set() returns: one fdatasync of a place that exists.
 *
 * A mark that is not there, or is damaged, is MARK_NONE or an error, never another word: each
 * has a checksum, and names its migration.
 *
 * Any thread, but one at a time for one migration.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/version.h"

struct marks;

#define MARKS_PATH_ROOM 280

struct marks_options {
	char path[MARKS_PATH_ROOM];
	bool durable;
};

/*
 * Opens the file, or makes it, with all its places (64 KiB), so that a disk that gets full has
 * them still.  A file that is none of ours is not touched: an error.
 */
int marks_new(struct marks **ret, const struct marks_options *options, struct cf_error *err);
struct marks *marks_free(struct marks *marks);

/* What marks say: the caller's words.  0 is none. */
typedef uint32_t mark_word;
#define MARK_NONE 0U

/*
 * Give the migration its place, or another word in the one it has.  What is durable is so when
 * this returns 0; when it fails the old word holds, or the new one.  ENOSPC: all 128 places
 * are taken.
 */
int mark_set(struct marks *marks, const char *id, mark_word word, struct cf_error *err);

/* MARK_NONE when there is no place of that migration.  EBADMSG: places are damaged, and it may have been in one. */
int mark_get(struct marks *marks, const char *id, mark_word *ret, struct cf_error *err);

/* Its place is another's from now on; nothing happens without one.  Not durable: an old mark harms nobody. */
void mark_forget(struct marks *marks, const char *id);

/* Damaged places are free again: for who knows that none of them is needed. */
void marks_mend(struct marks *marks);

/* The ids of all that have a place, for who finds out which of them are over. */
void marks_each(struct marks *marks, void (*fn)(void *userdata, const char *id), void *userdata);
