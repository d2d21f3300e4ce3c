/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "daemon/ledger/private.h"

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL: return ENOSPC;
	case SQLITE_READONLY: return EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return EBUSY;
	case SQLITE_NOMEM: return ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH: return EACCES;
	default: return EIO;
	}
}

int sql_fail(sqlite3 *db, int code, const char *path, struct cf_error *err)
{
	if (db) {
		code = sqlite3_extended_errcode(db);
		path = sqlite3_db_filename(db, "main");
	}
	return cf_fail(err, error_of(code), CF_HOST, "%.120s: %s", path && *path ? path : "ledger",
		       db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

int sql_run(sqlite3 *db, const char *sql, struct cf_error *err)
{
	int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_fail(db, code, NULL, err);
}

int sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct cf_error *err)
{
	int code = sqlite3_prepare_v2(db, sql, -1, ret, NULL);

	return code == SQLITE_OK ? 0 : sql_fail(db, code, NULL, err);
}

void sql_bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
	sqlite3_bind_text(statement, sqlite3_bind_parameter_index(statement, name), text, -1, SQLITE_TRANSIENT);
}

void sql_bind_int(sqlite3_stmt *statement, const char *name, int64_t n)
{
	sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, name), n);
}

int sql_step(sqlite3_stmt *statement, struct cf_error *err)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sql_fail(sqlite3_db_handle(statement), code, NULL, err);
}

int sql_get_int(sqlite3 *db, const char *sql, int64_t *ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(db, sql, &statement, err);
	if (r == 0)
		r = sql_step(statement, err);
	if (r < 0)
		return r;
	*ret = r > 0 ? sqlite3_column_int64(statement, 0) : 0;
	return 0;
}
