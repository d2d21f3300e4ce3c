/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "daemon/ledger/private.h"
#include "proto/codec.h"

static const char put_sql[] =
	"INSERT INTO migrations (id, side, domain, uuid, peer, phase, ended, owed, at, minor, view, entry, receipt)"
	" VALUES (:id, :side, :domain, :uuid, :peer, :phase, :ended, :owed, :at, :minor, :view, :entry, :receipt)"
	" ON CONFLICT (id) DO UPDATE SET side = excluded.side, domain = excluded.domain, uuid = excluded.uuid,"
	" peer = excluded.peer, phase = excluded.phase, ended = excluded.ended, owed = excluded.owed,"
	" at = excluded.at, minor = excluded.minor, view = excluded.view, entry = excluded.entry,"
	" receipt = excluded.receipt WHERE excluded.ended OR NOT migrations.ended";

/*
 * One of the past goes before the first that ended later: the numbers of those that were lost
 * are free.  The newest of them leaves room for all the others.
 */
static const char found_sql[] =
	"INSERT INTO migrations (number, id, side, domain, uuid, peer, phase, ended, owed, at, minor, view, entry, receipt)"
	" SELECT CASE WHEN n < 1 OR EXISTS (SELECT 1 FROM migrations WHERE number = n) THEN NULL ELSE n END,"
	" :id, :side, :domain, :uuid, :peer, :phase, :ended, :owed, :at, :minor, :view, :entry, :receipt"
	" FROM (SELECT coalesce((SELECT min(number) FROM migrations WHERE ended AND at > :at) - 1,"
	" coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'migrations'), 0) + 1000000) AS n)"
	" WHERE true ON CONFLICT (id) DO NOTHING";

static const char edge_sql[] =
	"INSERT INTO edges (migration, at, phase, event, why)"
	" SELECT number, :at, :phase, :event, :why FROM migrations WHERE id = :id";

/* Below it, ended ones are too many. */
static const char count_sql[] =
	"DELETE FROM migrations WHERE ended AND number <="
	" (SELECT number FROM migrations WHERE ended ORDER BY number DESC LIMIT 1 OFFSET :keep)";
static const char age_sql[] = "DELETE FROM migrations WHERE ended AND at < :before";

static int bind_message(sqlite3_stmt *statement, const char *name, const struct cf_shape *shape, const void *message,
			struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = cf_encode(shape, message, CF_MINOR);

	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	sql_bind_text(statement, name, text);
	return 0;
}

static int put_row(sqlite3 *db, const struct ledger_line *line, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *put = NULL;
	int r;

	r = sql_prepare(db, line->found ? found_sql : put_sql, &put, err);
	if (r == 0)
		r = bind_message(put, ":view", &cf_migration_shape, &line->view, err);
	if (r == 0)
		r = bind_message(put, ":entry", &cf_entry_shape, &line->entry, err);
	if (r == 0)
		r = bind_message(put, ":receipt", &cf_receipt_shape, &line->receipt, err);
	if (r < 0)
		return r;

	sql_bind_text(put, ":id", line->view.id);
	sql_bind_text(put, ":side", cf_side_words[line->view.side]);
	sql_bind_text(put, ":domain", line->view.domain);
	sql_bind_text(put, ":uuid", line->view.uuid);
	sql_bind_text(put, ":peer", line->peer);
	sql_bind_text(put, ":phase", cf_phase_words[line->view.phase]);
	sql_bind_int(put, ":ended", line->ended);
	sql_bind_int(put, ":owed", line->owed);
	sql_bind_int(put, ":at", line->at.ns);
	sql_bind_int(put, ":minor", CF_MINOR);
	r = sql_step(put, err);
	if (r == 0 && sqlite3_changes(db) == 0)
		return cf_fail(err, EEXIST, CF_CONFLICT, "migration %s is there already", line->view.id);
	return r;
}

static int put_edge(sqlite3 *db, const struct ledger_line *line, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *put = NULL;
	int r;

	r = sql_prepare(db, edge_sql, &put, err);
	if (r < 0)
		return r;
	sql_bind_text(put, ":id", line->view.id);
	sql_bind_int(put, ":at", line->at.ns);
	sql_bind_text(put, ":phase", cf_phase_words[line->view.phase]);
	sql_bind_text(put, ":event", line->event);
	sql_bind_text(put, ":why", line->why);
	return sql_step(put, err);
}

int line_put(sqlite3 *db, const struct ledger_line *line, struct cf_error *err)
{
	int r = put_row(db, line, err);

	return r == 0 && *line->event ? put_edge(db, line, err) : r;
}

static int forget(sqlite3 *db, const char *sql, const char *name, int64_t n, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(db, sql, &statement, err);
	if (r < 0)
		return r;
	sql_bind_int(statement, name, n);
	return sql_step(statement, err);
}

int lines_forget(sqlite3 *db, int64_t keep_count, bool by_age, cf_real before, struct cf_error *err)
{
	int r = forget(db, count_sql, ":keep", keep_count, err);

	if (r == 0 && by_age)
		r = forget(db, age_sql, ":before", before.ns, err);
	return r == 0 ? sql_run(db, "PRAGMA incremental_vacuum", err) : r;
}
