/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ledger/private.h"
#include "proto/grow.h"
#include "proto/percent.h"

#define BUSY_MS     2000	/* for a person who looks into the file with sqlite3(1) */
#define MANY_FRAMES 256		/* of 4 KiB */

bool store_is_damage(int result)
{
	return result == -EBADMSG;
}

/* --- opening --- */

/* SQLite makes what stands beside the file with the file's own mode: it has to be right before. */
static int make_private(const char *path, struct cf_error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EROFS && errno != EACCES)
		return cf_fail(err, errno, CF_HOST, "%.120s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int connect_to(const char *name, int flags, sqlite3 **ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	int code = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (code != SQLITE_OK)
		return sql_fail(db, code, name, err);
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);

	*ret = CF_TAKE(db);
	return 0;
}

static int use_wal(sqlite3 *db, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(db, "PRAGMA journal_mode = WAL", &statement, err);
	if (r == 0)
		r = sql_step(statement, err);
	if (r < 0)
		return r;
	if (r == 0 || strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
		return cf_fail(err, EIO, CF_HOST, "%.120s: SQLite can keep no WAL there", sqlite3_db_filename(db, "main"));
	return 0;
}

/* Before the first table: later it is too late for auto_vacuum. */
static int prepare(sqlite3 *db, struct cf_error *err)
{
	static const char *const pragmas[] = {
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON",
		"PRAGMA journal_size_limit = 4194304",
		"PRAGMA wal_autocheckpoint = 0",	/* it would be a part of a commit that is waited for */
	};
	int64_t application = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < CF_COUNT(pragmas); i++)
		r = sql_run(db, pragmas[i], err);
	if (r == 0)
		r = use_wal(db, err);
	if (r == 0)
		r = sql_get_int(db, "PRAGMA application_id", &application, err);
	if (r == 0 && application != SCHEMA_APPLICATION) {
		char mark[64];

		snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", SCHEMA_APPLICATION);
		r = sql_run(db, mark, err);
	}
	return r;
}

/* What SQLite finds wrong with the file, all of it looked at; its first words are enough. */
static int check_integrity(sqlite3 *db, struct cf_error *err)
{
	CF_AUTO(sqlite3_finalize) sqlite3_stmt *statement = NULL;
	const char *word;
	int r;

	r = sql_prepare(db, "PRAGMA integrity_check(1)", &statement, err);
	if (r == 0)
		r = sql_step(statement, err);
	if (r < 0)
		return r;
	word = r > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (word && strcmp(word, "ok") == 0)
		return 0;
	return cf_fail(err, EBADMSG, CF_HOST, "%.120s: %.100s", sqlite3_db_filename(db, "main"),
		       word ? word : "no answer to the integrity check");
}

static int note_frames(void *userdata, sqlite3 *db, const char *name, int frames)
{
	struct store *store = userdata;

	(void)db, (void)name;
	store->frames = frames;
	return SQLITE_OK;
}

int store_open_as_it_is(struct store *store, struct store_loss *loss, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	int64_t version = 0;
	int r;

	r = make_private(store->path, err);
	if (r == 0)
		r = connect_to(store->path, SQLITE_OPEN_READWRITE, &db, err);
	if (r == 0)
		r = schema_check(db, schema_version, err);
	if (r == 0)
		r = prepare(db, err);
	if (r == 0)
		r = check_integrity(db, err);
	if (r == 0)
		r = sql_get_int(db, "PRAGMA user_version", &version, err);
	if (r == 0 && loss && version == 0)
		r = begun_put(store->path, "", err);
	if (r == 0)
		r = schema_upgrade(db, schema_steps, schema_version, err);
	if (r < 0)
		return r;

	if (loss)
		begun_get(store->path, loss);
	store->frames = 0;
	sqlite3_wal_hook(db, note_frames, store);
	store->db = CF_TAKE(db);
	return 0;
}

int store_open(struct store *store, struct store_loss *loss, struct cf_error *err)
{
	struct cf_error why;
	int r;

	r = store_replace_finish(store->path, err);
	if (r == 0)
		r = store_open_as_it_is(store, loss, err);
	if (!store_is_damage(r))
		return r;

	why = *err;
	r = store_replace(store->path, why.text, err);
	return r == 0 ? store_open_as_it_is(store, loss, err) : r;
}

void store_close(struct store *store)
{
	sqlite3_close_v2(store->db);
	store->db = NULL;
}

/* --- while it is open --- */

bool store_is_there(struct store *store)
{
	int moved = 0;

	return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved;
}

void store_checkpoint(struct store *store)
{
	if (!store->db || store->frames < MANY_FRAMES)
		return;
	sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	store->frames = 0;
}

/* --- reading --- */

/* On a file system that nobody can write, SQLite reads a closed file only when told that nobody does. */
static bool is_at_rest(const char *path)
{
	char wal[LEDGER_PATH_ROOM + 8];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return stat(wal, &st) < 0 || st.st_size == 0;
}

static int connect_at_rest(const char *path, sqlite3 **ret, struct cf_error *err)
{
	CF_AUTO(cf_free) char *name = NULL;
	struct cf_grow uri = { 0 };

	cf_grow_printf(&uri, "file:");
	cf_percent_encode(&uri, path);
	cf_grow_printf(&uri, "?immutable=1");
	name = cf_grow_take(&uri);
	if (!name)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return connect_to(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret, err);
}

int store_open_aside(const char *path, sqlite3 **ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	int r = is_at_rest(path) ? connect_at_rest(path, &db, err) : connect_to(path, SQLITE_OPEN_READONLY, &db, err);

	/* Only then does SQLite read on where a file is shorter than its head says. */
	if (r == 0)
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (r == 0)
		r = sql_run(db, "PRAGMA writable_schema = ON", err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(db);
	return 0;
}

int store_open_to_read(const char *path, sqlite3 **ret, struct cf_error *err)
{
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	int r;

	if (access(path, F_OK) < 0)
		return cf_fail(err, EIO, CF_HOST, "%.120s: %s", path, strerror(errno));
	r = connect_to(path, SQLITE_OPEN_READONLY, &db, err);
	if (r == 0)
		r = schema_check(db, schema_version, err);
	if ((r == -EIO || r == -EROFS) && is_at_rest(path)) {
		sqlite3_close_v2(CF_TAKE(db));
		r = connect_at_rest(path, &db, err);
		if (r == 0)
			r = schema_check(db, schema_version, err);
	}
	if (r < 0)
		return r;

	*ret = CF_TAKE(db);
	return 0;
}
