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

/* One row; what does not keep the table's rules is left out. */
static bool copy(sqlite3_stmt *from, sqlite3_stmt *to)
{
	bool taken;

	for (int i = 0; i < sqlite3_column_count(from); i++)
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
	taken = sqlite3_step(to) == SQLITE_DONE && sqlite3_changes(sqlite3_db_handle(to)) > 0;
	sqlite3_reset(to);
	return taken;
}

/* The rows from one end; true when that reached the other. */
static bool take(sqlite3 *from, const char *get_sql, sqlite3_stmt *put, int64_t *n)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *get = NULL;
	int code;

	if (sqlite3_prepare_v2(from, get_sql, -1, &get, NULL) != SQLITE_OK)
		return false;
	while ((code = sqlite3_step(get)) == SQLITE_ROW)
		*n += copy(get, put);
	return code == SQLITE_DONE;
}

static bool take_table(sqlite3 *to, sqlite3 *from, const struct table *table, int64_t *n)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *put = NULL;

	if (sql_prepare(to, table->put, &put, NULL) < 0)
		return false;
	if (take(from, table->forward, put, n))
		return true;
	take(from, table->backward, put, n);
	return false;
}

void salvage(sqlite3 *to, const char *from, struct salvaged *ret)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	struct salvaged got = { 0 };

	if (store_open_aside(from, &db, NULL) < 0 || sql_run(to, "BEGIN IMMEDIATE", NULL) < 0)
		return;

	got.all = take_table(to, db, &tables[0], &got.rows);
	take_table(to, db, &tables[1], &got.edges);
	if (sql_run(to, "COMMIT", NULL) < 0) {
		sql_run(to, "ROLLBACK", NULL);
		return;
	}
	*ret = got;
}
