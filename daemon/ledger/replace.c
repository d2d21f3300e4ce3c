/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Another file in the place of a damaged one, with what can be read of that.  It is
 * written beside it, under a name that says that it is not all there; once it is, it has
 * another name, by which whoever opens the damaged one next finds it, and then that of the
 * damaged one.  Whenever an agent ends, that one is where it was, or the other is whole.
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ledger/private.h"

#define SAVING ".saving"

void store_name_beside(const char *path, const char *what, char ret[static STORE_PATH_ROOM])
{
	snprintf(ret, STORE_PATH_ROOM, "%.300s%s", path, what);
}

/* Of the very file that is there, as it is: what is put there later, or written into it, is not to be replaced by that. */
static int name_saved(const char *path, char ret[static STORE_PATH_ROOM], struct cf_error *err)
{
	char what[80];
	struct stat st;

	if (stat(path, &st) < 0)
		return cf_fail(err, errno, CF_HOST, "%.120s: %s", path, strerror(errno));
	snprintf(what, sizeof(what), ".saved-%llx-%llx-%llx.%09ld", (long long)st.st_ino, (long long)st.st_size,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	store_name_beside(path, what, ret);
	return 0;
}

/* WAL and shared memory are a part of a file, and none of another one. */
static const char *const parts[] = { "-wal", "-shm" };

static void discard_parts(const char *path)
{
	char beside[STORE_PATH_ROOM];

	for (size_t i = 0; i < CF_COUNT(parts); i++) {
		store_name_beside(path, parts[i], beside);
		unlink(beside);
	}
}

static void discard(const char *path)
{
	discard_parts(path);
	unlink(path);
}

static int move(const char *from, const char *to, struct cf_error *err)
{
	return rename(from, to) == 0 ? 0 : cf_fail(err, errno, CF_HOST, "%.100s cannot be renamed: %s", from, strerror(errno));
}

int store_keep_names(const char *path, struct cf_error *err)
{
	char folder[STORE_PATH_ROOM];
	int fd, r = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = cf_fail(err, errno, CF_HOST, "the folder of %.120s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static void say_saved(const struct salvaged *got, const char *why, char ret[static CF_DETAIL_ROOM])
{
	if (got->rows > 0)
		snprintf(ret, CF_DETAIL_ROOM, "%s%lld migrations in it were saved", got->all ? "all " : "", (long long)got->rows);
	else
		snprintf(ret, CF_DETAIL_ROOM, "nothing in it was saved: %.90s", why);
}

/* All of it into the one file, and to the disk. */
static int bring_home(sqlite3 *db, struct cf_error *err)
{
	int code = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_fail(db, code, NULL, err);
}

static int write_saved(struct store *saving, const char *from, struct salvaged *got, struct cf_error *err)
{
	int r;

	discard(saving->path);
	r = store_open_as_it_is(saving, NULL, err);
	if (r == 0)
		r = salvage(saving->db, from, got, err);
	if (r == 0)
		r = bring_home(saving->db, err);
	store_close(saving);
	return r;
}

/* Says what of it could be saved; nothing has changed when it fails. */
static int save(const char *path, const char *saved, const char *why, char ret[static CF_DETAIL_ROOM], struct cf_error *err)
{
	struct store saving = { 0 };
	struct salvaged got = { 0 };
	int r;

	store_name_beside(path, SAVING, saving.path);
	r = write_saved(&saving, path, &got, err);
	if (r == 0)
		r = move(saving.path, saved, err);
	if (r < 0) {
		discard(saving.path);
		return r;
	}
	say_saved(&got, why, ret);
	return store_keep_names(path, err);
}

static bool is_same(const struct stat *a, const char *path)
{
	struct stat b;

	return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/*
 * By when it was last written: whoever tries again, as it could not be replaced, finds the name that it has by then.
 * Two of one second must not overwrite each other.
 */
static int name_aside(const char *path, char ret[static STORE_PATH_ROOM], struct cf_error *err)
{
	char stamp[40];
	struct stat st;
	struct tm tm;

	if (stat(path, &st) < 0)
		return cf_fail(err, errno, CF_HOST, "%.120s: %s", path, strerror(errno));
	for (int i = 0;; i++) {
		size_t n = strftime(stamp, sizeof(stamp), ".damaged-%Y%m%dT%H%M%SZ", gmtime_r(&st.st_mtime, &tm));

		if (i > 0)
			snprintf(stamp + n, sizeof(stamp) - n, "-%d", i);
		store_name_beside(path, stamp, ret);
		if (access(ret, F_OK) < 0 || is_same(&st, ret))
			return 0;
	}
}

/* With a second name, as the first one is never to be without a file.  What is there of it already is from an earlier try. */
static int set_aside(const char *path, const char *aside, struct cf_error *err)
{
	char from[STORE_PATH_ROOM], to[STORE_PATH_ROOM];
	int r = 0;

	for (size_t i = 0; r == 0 && i < CF_COUNT(parts); i++) {
		store_name_beside(path, parts[i], from);
		store_name_beside(aside, parts[i], to);
		if (access(from, F_OK) == 0 && access(to, F_OK) < 0)
			r = move(from, to, err);
	}
	if (r == 0 && link(path, aside) < 0 && errno != EEXIST)
		r = cf_fail(err, errno, CF_HOST, "%.100s cannot be set aside: %s", path, strerror(errno));
	return r;
}

/* Whoever opens it then is told, by its mark, whatever comes after that. */
static int put_in_place(const char *path, const char *saved, const char *what, struct cf_error *err)
{
	char aside[STORE_PATH_ROOM], note[CF_DETAIL_ROOM];
	int r;

	r = name_aside(path, aside, err);
	if (r < 0)
		return r;
	snprintf(note, sizeof(note), "it was damaged; the file is now %.80s, and %.120s", aside, what);
	r = set_aside(path, aside, err);
	if (r == 0)
		r = begun_put(path, note, err);
	if (r == 0)
		r = move(saved, path, err);
	if (r < 0)
		return r;
	discard_parts(path);	/* of the damaged one, by who has opened it meanwhile to read */
	return store_keep_names(path, err);
}

int store_replace(const char *path, const char *why, struct cf_error *err)
{
	char saved[STORE_PATH_ROOM], what[CF_DETAIL_ROOM];
	int r;

	r = name_saved(path, saved, err);
	if (r == 0)
		r = save(path, saved, why, what, err);
	return r == 0 ? put_in_place(path, saved, what, err) : r;
}

int store_replace_finish(const char *path, struct cf_error *err)
{
	char saved[STORE_PATH_ROOM];

	if (name_saved(path, saved, NULL) < 0 || access(saved, F_OK) < 0)
		return 0;
	return put_in_place(path, saved, "what could be read of it was saved", err);
}
