/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A damaged file: most of its pages are as they were.  Rows are read from the
 * first one on until the damage, and then from the last one back until it; what
 * lies between is lost.  What a row says is looked at by whoever reads it later.
 */

#include "daemon/ledger/private.h"

#define ROW "id, side, domain, uuid, peer, phase, ended, owed, at, minor, view, entry, receipt"

/* The key first, so that what was had from one end is not taken again from the other. */
static const struct table {
	const char *forward, *backward, *put;
} tables[] = {
	{
		"SELECT number, " ROW " FROM migrations NOT INDEXED ORDER BY number",
		"SELECT number, " ROW " FROM migrations NOT INDEXED ORDER BY number DESC",
		"INSERT OR IGNORE INTO migrations (number, " ROW ")"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	},
	{
		"SELECT rowid, migration, at, phase, event, why FROM edges NOT INDEXED ORDER BY rowid",
		"SELECT rowid, migration, at, phase, event, why FROM edges NOT INDEXED ORDER BY rowid DESC",
		"INSERT OR IGNORE INTO edges (rowid, migration, at, phase, event, why)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM migrations WHERE number = ?2)",
	},
};

/* What does not keep the table's rules. */
static bool is_odd(int code)
{
	return (code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH || (code & 0xff) == SQLITE_TOOBIG;
}

/* One row; an odd one is left out. */
static int copy(sqlite3_stmt *from, sqlite3_stmt *to, int64_t *n, struct cf_error *err)
{
	sqlite3 *db = sqlite3_db_handle(to);
	int code, r = 0;

	for (int i = 0; i < sqlite3_column_count(from); i++)
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
	code = sqlite3_step(to);
	if (code == SQLITE_DONE)
		*n += sqlite3_changes(db) > 0;
	else if (!is_odd(code))
		r = sql_fail(db, code, NULL, err);
	sqlite3_reset(to);
	return r;
}

/* What comes of damage, and will be the same the next time: nothing more can be read from there on. */
static bool is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG:	/* a length that is none */
	case SQLITE_ERROR:	/* a table that the file does not know of any more */
		return true;
	default:
		return code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS;
	}
}

/* The rows from one end; 1 when that reached the other. */
static int take(sqlite3 *from, const char *get_sql, sqlite3_stmt *put, int64_t *n, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *get = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(from, get_sql, -1, &get, NULL);
	while (r == 0 && (code == SQLITE_OK || code == SQLITE_ROW)) {
		code = sqlite3_step(get);
		if (code == SQLITE_ROW)
			r = copy(get, put, n, err);
	}
	if (r == 0 && code != SQLITE_DONE && !is_damage(code))
		r = sql_fail(from, code, NULL, err);
	return r == 0 ? code == SQLITE_DONE : r;
}

/* The same of a table, from both ends. */
static int take_table(sqlite3 *to, sqlite3 *from, const struct table *table, int64_t *n, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *put = NULL;
	int r;

	r = sql_prepare(to, table->put, &put, err);
	if (r == 0)
		r = take(from, table->forward, put, n, err);
	if (r != 0)
		return r;
	r = take(from, table->backward, put, n, err);
	return r < 0 ? r : 0;
}

int salvage(sqlite3 *to, const char *from, struct salvaged *ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	struct salvaged got = { 0 };
	int r;

	r = store_open_aside(from, &db, err);
	if (r == 0)
		r = sql_run(to, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = take_table(to, db, &tables[0], &got.rows, err);
	got.all = r > 0;
	if (r >= 0)
		r = take_table(to, db, &tables[1], &got.edges, err);
	if (r >= 0)
		r = sql_run(to, "COMMIT", err);
	if (r < 0)
		return r;

	*ret = got;
	return 0;
}
