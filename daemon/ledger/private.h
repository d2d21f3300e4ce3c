/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What only this folder sees: SQLite, and the file as it is opened, checked,
 * written and read.  Nothing here knows of the loop or of threads: a connection
 * belongs to whoever opened it.
 */

#include <sqlite3.h>

#include "daemon/ledger/ledger.h"

CF_DEFINE_AUTO(sqlite3 *, sqlite3_close_v2)
CF_DEFINE_AUTO(sqlite3_stmt *, sqlite3_finalize)

/* store.c: the file */

#define STORE_PATH_ROOM (LEDGER_PATH_ROOM + 128)	/* with what stands beside it */

struct store {
	char path[STORE_PATH_ROOM];
	sqlite3 *db;		/* NULL: closed */
	int frames;		/* in the WAL, after the last commit */
};

/* What became of a file that could not be used any more. */
struct store_loss {
	bool begun;		/* this one was, and what it lacks has not been looked for; with or without another one having been lost */
	bool happened;
	char note[CF_DETAIL_ROOM];
};

/*
 * Open to write, made if it is not there, checked, and brought to our schema.  A damaged one is
 * set aside once what can be read of it has been taken over into another: *loss then says so.
 * Where that fails it stays in its place, to be tried again.
 */
int store_open(struct store *store, struct store_loss *loss, struct cf_error *err);

/* Or not at all, if it is damaged.  loss: NULL for one that is not the ledger itself yet. */
int store_open_as_it_is(struct store *store, struct store_loss *loss, struct cf_error *err);
void store_close(struct store *store);

/* Is the file that is open still the one at the path? */
bool store_is_there(struct store *store);

/* Is that what a damaged file looks like? */
bool store_is_damage(int result);

/* Have pages of the WAL brought home when there are many; not while anybody waits. */
void store_checkpoint(struct store *store);

/* A connection that only reads. */
int store_open_to_read(const char *path, sqlite3 **ret, struct cf_error *err);

/* The same to one that stays as it was found, whatever is damaged in it. */
int store_open_aside(const char *path, sqlite3 **ret, struct cf_error *err);

/* sql.c: SQLite with our errors; all name the file */

/* -errno for what SQLite says of db, or of code where db is NULL. */
int sql_fail(sqlite3 *db, int code, const char *path, struct cf_error *err);
int sql_run(sqlite3 *db, const char *sql, struct cf_error *err);
int sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct cf_error *err);

/* By the parameter's name, ":id"; a text is copied, NULL is NULL. */
void sql_bind_text(sqlite3_stmt *statement, const char *name, const char *text);
void sql_bind_int(sqlite3_stmt *statement, const char *name, int64_t n);

/* 1: there is a row; 0: there is none, any more. */
int sql_step(sqlite3_stmt *statement, struct cf_error *err);

/* The first column of the first row; 0 without one. */
int sql_get_int(sqlite3 *db, const char *sql, int64_t *ret, struct cf_error *err);

/* schema.c */

/* Each step brings the tables from one version to the next; the number of steps taken is user_version. */
extern const char *const schema_steps[];
extern const int schema_version;

/* Marks the file as ours. */
#define SCHEMA_APPLICATION 0x636c6b66	/* "clkf" */

/* Is the file ours, and not from the future? */
int schema_check(sqlite3 *db, int newest, struct cf_error *err);

/* All steps from the version it has, each whole or not at all. */
int schema_upgrade(sqlite3 *db, const char *const *steps, int n_steps, struct cf_error *err);

/* write.c, read.c: the lines */

int line_put(sqlite3 *db, const struct ledger_line *line, struct cf_error *err);
int lines_forget(sqlite3 *db, int64_t keep_count, bool by_age, cf_real before, struct cf_error *err);

/* replace.c */

/* Another one in the place of a damaged file, with what can be read of it; why it is one is for the note. */
int store_replace(const char *path, const char *why, struct cf_error *err);

/*
 * What an agent had saved of the file that is there, and ended before it was in its place; nothing happens without.  What was
 * saved of another one stays beside it.
 */
int store_replace_finish(const char *path, struct cf_error *err);

/* The name of what stands beside it; and have the names of its folder kept as they are now, whatever happens to the host. */
void store_name_beside(const char *path, const char *what, char ret[static STORE_PATH_ROOM]);
int store_keep_names(const char *path, struct cf_error *err);

/* begun.c: the mark of a ledger that was begun */

/* Durable when this returns 0.  note: what was lost, "" for nothing that is known; a note that is there stays then. */
int begun_put(const char *path, const char *note, struct cf_error *err);

/* Nothing happens without a mark. */
void begun_get(const char *path, struct store_loss *ret);
void begun_forget(const char *path);

/* salvage.c */

/*
 * Take over what can be read of the file at `from`, which may be nothing; how much that is.  Fails where it cannot be
 * written, and where it is not for its damage that it cannot be read.
 */
struct salvaged {
	int64_t rows, edges;
	bool all;		/* it was read to its end */
};
int salvage(sqlite3 *to, const char *from, struct salvaged *ret, struct cf_error *err);
