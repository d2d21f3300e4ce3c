/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ledger/private.h"
#include "daemon/log.h"
#include "proto/codec.h"

#define HEAD "number, id, side, domain, uuid, peer, phase, ended, owed, at, view"
#define ROW  HEAD ", entry, receipt"

enum { NUMBER, ID, SIDE, DOMAIN, UUID, PEER, PHASE, ENDED, OWED, AT, VIEW, ENTRY, RECEIPT };

/* --- one row --- */

static const char *text_at(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

static unsigned word_at(sqlite3_stmt *row, int column, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(words[i], text_at(row, column)) == 0)
			return i;

	return 0;
}

/* What the columns say, for a view that cannot be read. */
static void take_columns(sqlite3_stmt *row, const char *fault, struct cf_migration *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", text_at(row, ID));
	snprintf(ret->domain, sizeof(ret->domain), "%s", text_at(row, DOMAIN));
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", text_at(row, UUID));
	ret->side = word_at(row, SIDE, cf_side_words, CF_N_SIDES);
	ret->phase = word_at(row, PHASE, cf_phase_words, CF_N_PHASES);
	ret->started.ns = sqlite3_column_int64(row, AT);
	snprintf(ret->reason, sizeof(ret->reason), "%s", fault);
}

/* One column's message; where it cannot be read, *fault says so, and the first one stays. */
static bool take_message(sqlite3_stmt *row, int column, const struct cf_shape *shape, void *ret,
			 char fault[static CF_DETAIL_ROOM])
{
	const char *text = text_at(row, column);
	struct cf_error why;

	if (cf_decode(shape, CF_TOLERANT, text, strlen(text), ret, &why) == 0)
		return true;
	if (!*fault)
		snprintf(fault, CF_DETAIL_ROOM, "%.90s: row %lld of migrations: %s: %.80s",
			 sqlite3_db_filename(sqlite3_db_handle(row), "main"), (long long)sqlite3_column_int64(row, NUMBER),
			 sqlite3_column_name(row, column), why.text);
	return false;
}

static bool take_view(sqlite3_stmt *row, struct cf_migration *ret, char fault[static CF_DETAIL_ROOM])
{
	if (!take_message(row, VIEW, &cf_migration_shape, ret, fault)) {
		memset(ret, 0, sizeof(*ret));
		take_columns(row, fault, ret);
	}
	return !*fault;
}

static void take_row(sqlite3_stmt *row, struct ledger_row *ret)
{
	struct ledger_line *line = &ret->line;

	ret->number = sqlite3_column_int64(row, NUMBER);
	take_view(row, &line->view, ret->fault);
	take_message(row, ENTRY, &cf_entry_shape, &line->entry, ret->fault);
	take_message(row, RECEIPT, &cf_receipt_shape, &line->receipt, ret->fault);
	snprintf(line->peer, sizeof(line->peer), "%s", text_at(row, PEER));
	line->at.ns = sqlite3_column_int64(row, AT);
	line->ended = sqlite3_column_int(row, ENDED);
	line->owed = sqlite3_column_int(row, OWED);
	if (*ret->fault)
		log_error("%s", ret->fault);
}

static int new_row(sqlite3_stmt *row, struct ledger_row **ret, struct cf_error *err)
{
	struct ledger_row *new = calloc(1, sizeof(*new));

	if (!new)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	take_row(row, new);
	*ret = new;
	return 0;
}

/* A question, by a connection of its own; both are the caller's. */
static int ask(struct ledger *ledger, const char *sql, sqlite3 **db, sqlite3_stmt **row, struct cf_error *err)
{
	int r = store_open_to_read(ledger_path(ledger), db, err);

	return r < 0 ? r : sql_prepare(*db, sql, row, err);
}

int ledger_find(struct ledger *ledger, const char *id, struct ledger_row **ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *row = NULL;
	int r;

	r = ask(ledger, "SELECT " ROW " FROM migrations WHERE id = :id", &db, &row, err);
	if (r < 0)
		return r;
	sql_bind_text(row, ":id", id);
	r = sql_step(row, err);
	if (r == 0)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "no migration %.64s is known here; `clockferry list` shows which are", id);
	return r < 0 ? r : new_row(row, ret, err);
}

int ledger_each_open(struct ledger *ledger, void (*fn)(void *userdata, struct ledger_row *row), void *userdata,
		     struct cf_error *err)
{
	static const char sql[] = "SELECT " ROW " FROM migrations WHERE NOT ended OR owed ORDER BY number";
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *row = NULL;
	int r;

	r = ask(ledger, sql, &db, &row, err);
	while (r == 0 && (r = sql_step(row, err)) > 0) {
		struct ledger_row *one = NULL;

		r = new_row(row, &one, err);
		if (r == 0)
			fn(userdata, one);
	}
	return r;
}

int ledger_each_receipt(struct ledger *ledger, cf_real since, void (*fn)(void *userdata, const struct cf_receipt *receipt),
			void *userdata, struct cf_error *err)
{
	static const char sql[] = "SELECT " ROW " FROM migrations WHERE ended AND at >= :since ORDER BY number DESC";
	CF_AUTO(cf_free) struct cf_receipt *receipt = calloc(1, sizeof(*receipt));
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *row = NULL;
	int r;

	if (!receipt)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = ask(ledger, sql, &db, &row, err);
	if (r < 0)
		return r;
	sql_bind_int(row, ":since", since.ns);
	while ((r = sql_step(row, err)) > 0) {
		char fault[CF_DETAIL_ROOM] = "";

		fn(userdata, take_message(row, RECEIPT, &cf_receipt_shape, receipt, fault) ? receipt : NULL);
	}
	return r;
}

/* --- many --- */

static const char list_sql[] =
	"SELECT " HEAD " FROM migrations WHERE (:before = 0 OR number < :before)"
	" AND (:phase IS NULL OR phase = :phase) AND (NOT :only_ended OR ended) AND (NOT :only_open OR NOT ended)"
	" AND (:domain IS NULL OR domain = :domain OR uuid = :domain COLLATE NOCASE)"
	" AND (:any_peer OR peer COLLATE NOCASE IN (:peer0, :peer1, :peer2, :peer3, :peer4, :peer5, :peer6, :peer7))"
	" AND (:labels IS NULL OR CASE WHEN json_valid(view) THEN NOT EXISTS (SELECT 1 FROM json_each(:labels) AS wanted"
	" WHERE wanted.value NOT IN (SELECT value FROM json_each(view, '$.labels'))) ELSE 0 END)"
	" ORDER BY number DESC LIMIT :limit";

/* None of them is "", which the ledger has where there was no peer; what stands for no name is like none. */
static void bind_peers(sqlite3_stmt *row, const struct host_names *peers)
{
	char name[] = ":peer0";

	_Static_assert(HOST_NAMES_MAX == 8, "list_sql has a place for each");
	sql_bind_int(row, ":any_peer", !peers);
	for (size_t i = 0; peers && i < peers->n; i++) {
		name[strlen(name) - 1] = (char)('0' + i);
		sql_bind_text(row, name, peers->list[i]);
	}
}

/* As a JSON list; NULL for none. */
static int bind_labels(sqlite3_stmt *row, const struct ledger_query *query, struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = NULL;
	struct cf_migration labelled = { .n_labels = query->n_labels };
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *list = NULL;
	int r;

	if (query->n_labels == 0)
		return 0;
	memcpy(labelled.labels, query->labels, query->n_labels * sizeof(*query->labels));
	text = cf_encode(&cf_migration_shape, &labelled, CF_MINOR);
	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = sql_prepare(sqlite3_db_handle(row), "SELECT json_extract(:text, '$.labels')", &list, err);
	if (r < 0)
		return r;
	sql_bind_text(list, ":text", text);
	r = sql_step(list, err);
	if (r > 0)
		sql_bind_text(row, ":labels", text_at(list, 0));
	return r < 0 ? r : 0;
}

static void list_one(sqlite3_stmt *row, struct ledger_page *ret)
{
	size_t n = ret->migrations.n_list++;
	char fault[CF_DETAIL_ROOM] = "";

	ret->numbers[n] = sqlite3_column_int64(row, NUMBER);
	if (!take_view(row, &ret->migrations.list[n], fault))
		log_error("%s", fault);
}

int ledger_list(struct ledger *ledger, const struct ledger_query *query, struct ledger_page *ret,
		struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *row = NULL;
	size_t limit = query->limit > 0 && query->limit < CF_PAGE_MAX ? query->limit : CF_PAGE_MAX;
	int r;

	r = ask(ledger, list_sql, &db, &row, err);
	if (r < 0)
		return r;

	sql_bind_int(row, ":before", query->before);
	sql_bind_text(row, ":phase", query->phase);
	sql_bind_int(row, ":only_ended", query->only_ended);
	sql_bind_int(row, ":only_open", query->only_open);
	sql_bind_text(row, ":domain", query->domain);
	bind_peers(row, query->peers);
	r = bind_labels(row, query, err);
	if (r < 0)
		return r;
	sql_bind_int(row, ":limit", (int64_t)limit + 1);

	ret->migrations.n_list = 0;
	ret->more = false;
	while ((r = sql_step(row, err)) > 0) {
		ret->more = ret->migrations.n_list == limit;
		if (!ret->more)
			list_one(row, ret);
	}
	return r;
}

int ledger_edges(struct ledger *ledger, const char *id, struct ledger_edge *edges, size_t room, size_t *ret_n,
		 struct cf_error *err)
{
	static const char sql[] = "SELECT edges.at, edges.phase, event, why FROM edges"
				  " JOIN migrations ON number = migration WHERE id = :id ORDER BY edges.rowid";
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *row = NULL;
	size_t n = 0;
	int r;

	r = ask(ledger, sql, &db, &row, err);
	if (r < 0)
		return r;
	sql_bind_text(row, ":id", id);
	while (n < room && (r = sql_step(row, err)) > 0) {
		struct ledger_edge *edge = &edges[n++];

		edge->at.ns = sqlite3_column_int64(row, 0);
		snprintf(edge->phase, sizeof(edge->phase), "%s", text_at(row, 1));
		snprintf(edge->event, sizeof(edge->event), "%s", text_at(row, 2));
		snprintf(edge->why, sizeof(edge->why), "%s", text_at(row, 3));
	}
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}
