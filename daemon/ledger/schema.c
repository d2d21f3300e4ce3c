/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The tables, as the steps that made them: what was released is never changed,
 * a new version is a new step.
 *
 * view, entry and receipt are JSON by the codec, written by an agent whose API had
 * that minor version; the columns before them are what is asked for, and what is
 * left of a row whose JSON cannot be read.  Times are CLOCK_REALTIME in nanoseconds.
 */

#include <errno.h>
#include <stdio.h>

#include "daemon/ledger/private.h"

const char *const schema_steps[] = {
	"CREATE TABLE migrations ("
	"	number  INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	id      TEXT NOT NULL UNIQUE,"
	"	side    TEXT NOT NULL,"
	"	domain  TEXT NOT NULL,"
	"	uuid    TEXT NOT NULL,"
	"	peer    TEXT NOT NULL,"
	"	phase   TEXT NOT NULL,"
	"	ended   INTEGER NOT NULL,"	/* the last act is over: the receipt is whole */
	"	owed    INTEGER NOT NULL,"	/* the peer has not had it */
	"	at      INTEGER NOT NULL,"
	"	minor   INTEGER NOT NULL,"
	"	view    TEXT NOT NULL,"
	"	entry   TEXT NOT NULL,"
	"	receipt TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX migrations_open ON migrations (ended, number);"
	"CREATE INDEX migrations_owed ON migrations (number) WHERE owed;"
	"CREATE TABLE edges ("
	"	migration INTEGER NOT NULL REFERENCES migrations (number) ON DELETE CASCADE,"
	"	at        INTEGER NOT NULL,"
	"	phase     TEXT NOT NULL,"
	"	event     TEXT NOT NULL,"
	"	why       TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX edges_of ON edges (migration);",
};

const int schema_version = CF_COUNT(schema_steps);

int schema_check(sqlite3 *db, int newest, struct cf_error *err)
{
	const char *path = sqlite3_db_filename(db, "main");
	int64_t application = 0, version = 0, tables = 0;
	int r;

	r = sql_get_int(db, "PRAGMA application_id", &application, err);
	if (r == 0)
		r = sql_get_int(db, "PRAGMA user_version", &version, err);
	if (r == 0)
		r = sql_get_int(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (r < 0)
		return r;

	if (application != SCHEMA_APPLICATION && tables > 0)
		return cf_fail(err, EEXIST, CF_HOST, "%.120s is another program's database, and stays as it is", path);
	if (version > newest)
		return cf_fail(err, EPROTO, CF_HOST,
			       "%.120s was written by a newer agent (schema %d, ours is %d), and stays as it is", path,
			       (int)version, newest);
	return 0;
}

static int take(sqlite3 *db, const char *step, int version, struct cf_error *err)
{
	char mark[64];
	int r;

	r = sql_run(db, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return r;

	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", version);
	r = sql_run(db, step, err);
	if (r == 0)
		r = sql_run(db, mark, err);
	if (r == 0)
		r = sql_run(db, "COMMIT", err);
	if (r < 0)
		sql_run(db, "ROLLBACK", NULL);
	return r;
}

int schema_upgrade(sqlite3 *db, const char *const *steps, int n_steps, struct cf_error *err)
{
	int64_t version = 0;
	int r;

	r = sql_get_int(db, "PRAGMA user_version", &version, err);
	for (int i = (int)version; r == 0 && i < n_steps; i++)
		r = take(db, steps[i], i + 1, err);
	return r;
}
