/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger when something is wrong with its file or its disk: it says so, loses nothing else, and comes back. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/ledger/private.h"
#include "tests/ledger-made.h"
#include "tests/tap.h"

#define PATIENCE ((cf_span){ 30 * CF_S })
#define ROWS     60

static struct ledger_made made;
static struct cf_error err;
static struct ledger_state state;

static int write_one(int n)
{
	return ledger_made_write(&made, ledger_made_line(n, CF_PHASE_DONE, true), PATIENCE, &err);
}

/* A closed ledger with so many rows. */
static void fill(int rows)
{
	ledger_made_begin(&made);
	ledger_made_open(&made);
	for (int n = 0; n < rows; n++)
		write_one(n);
	ledger_made_close(&made);
}

static int readable(int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++) {
		CF_AUTO(cf_free) struct ledger_row *row = NULL;

		n += ledger_find(made.ledger, ledger_made_id(i), &row, NULL) == 0 && !*row->fault;
	}
	return n;
}

static void reopen(void)
{
	ledger_made_close(&made);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
}

/* --- rows --- */

static void test_garbage_rows(void)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL, *half = NULL;
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));

	fill(5);
	ok(!*ledger_made_sql(&made, "UPDATE migrations SET receipt = '{\"garbage\":' WHERE number = 2;"
				    "UPDATE migrations SET view = 'x', entry = '[]', receipt = '' WHERE number = 3;"
				    "UPDATE migrations SET phase = 'nonsense', side = 'inside', at = -5, minor = 99 WHERE number = 4"),
	   "garbage in three rows");
	ledger_made_open(&made);
	ok(ledger_find(made.ledger, ledger_made_id(1), &row, &err) == 0 && strstr(row->fault, made.options.path) &&
	   strstr(row->fault, "row 2") && strstr(row->fault, "receipt"), "is told with file, row and column: %s", row->fault);
	ok(row->line.view.phase == CF_PHASE_DONE && strcmp(row->line.view.domain, "guest1") == 0, "what else is in that row is there");
	ok(ledger_find(made.ledger, ledger_made_id(2), &half, &err) == 0 && strstr(half->fault, "row 3") &&
	   half->line.view.phase == CF_PHASE_DONE && strcmp(half->line.view.id, ledger_made_id(2)) == 0,
	   "and at the least what its columns say: %s", half->fault);
	ok(ledger_list(made.ledger, &(struct ledger_query){ 0 }, page, &err) == 0 && page->migrations.n_list == 5 &&
	   strstr(page->migrations.list[2].reason, "row 3"), "the list has all of them, and says it in their place");
	ok(readable(0, 5) == 3, "the others are whole");
	ok(write_one(2) == 0 && readable(0, 5) == 4, "a row that is written anew is whole again");
	ledger_made_end(&made);
}

/* --- files --- */

static void scribble(const char *path, off_t at, size_t n)
{
	char garbage[8192];
	int fd = open(path, O_WRONLY);

	memset(garbage, 0xa5, sizeof(garbage));
	if (pwrite(fd, garbage, n, at) != (ssize_t)n)
		abort();
	close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* How many files were set aside, the name of the last. */
static size_t aside(char name[static PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found;
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s.damaged-*Z", made.options.path);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	if (n)
		snprintf(name, PATH_MAX, "%s", found.gl_pathv[0]);
	globfree(&found);
	return n;
}

/* What holds whatever the damage is. */
static void try_damaged(const char *what, off_t size, int least)
{
	char name[PATH_MAX] = "", note[sizeof(state.note)];
	int n;

	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(state.writable && state.lost && strstr(state.note, "damaged"), "%s: there is a ledger: %s", what, state.note);
	ok(aside(name) == 1 && size_of(name) == size && strstr(state.note, name),
	   "... the old file is kept as it was, and named");
	n = readable(0, ROWS);
	ok(n >= least && n <= ROWS, "... %d rows of %d were saved", n, ROWS);
	ok(write_one(ROWS) == 0 && readable(ROWS, ROWS + 1) == 1, "... and it can be written");
	snprintf(note, sizeof(note), "%s", state.note);
	reopen();
	ok(state.writable && state.lost && state.begun == 1 && strcmp(state.note, note) == 0 && readable(0, ROWS + 1) == n + 1,
	   "... and opened again, of which the next agent is told as well");
	ledger_settled(made.ledger);
	reopen();
	ok(state.writable && !state.lost && !*state.note && state.begun == 0 && readable(0, ROWS + 1) == n + 1,
	   "... until what it lacks has been looked for");
	ledger_made_end(&made);
}

static void test_damaged_files(void)
{
	off_t size;

	fill(ROWS);
	size = size_of(made.options.path);
	ok(size > 30 * 4096, "a ledger of %lld pages", (long long)size / 4096);
	scribble(made.options.path, 0, 100);
	try_damaged("its head is gone", size, 0);

	fill(ROWS);
	scribble(made.options.path, size / 2, 8192);
	try_damaged("two pages in the middle are gone", size, ROWS / 2);

	fill(ROWS);
	if (truncate(made.options.path, size / 2 / 4096 * 4096) < 0)
		abort();
	try_damaged("half of it is gone", size / 2 / 4096 * 4096, ROWS / 4);
}

static void test_damaged_while_open(void)
{
	fill(ROWS);
	ledger_made_open(&made);
	scribble(made.options.path, 0, 4096);
	for (int n = ROWS; n < ROWS + 3; n++)
		write_one(n);
	reopen();
	ok(state.writable && readable(ROWS, ROWS + 3) == 3, "damaged while it is open: what is written later is there");
	ledger_made_end(&made);
}

static void test_gone(void)
{
	fill(3);
	ledger_made_open(&made);
	unlink(made.options.path);
	ok(write_one(3) == 0 && readable(0, 4) == 1, "a ledger that was deleted is begun anew");
	ledger_state(made.ledger, &state);
	ok(state.writable && state.lost && strstr(state.note, "gone"), "and that is said: %s", state.note);
	unlink(made.options.path);
	ledger_write(made.ledger, ledger_made_line(4, CF_PHASE_DONE, true), PATIENCE, NULL, NULL);
	for (int begun = state.begun; state.begun == begun; usleep(1000))
		ledger_state(made.ledger, &state);
	ledger_settled(made.ledger);
	write_one(5);
	reopen();
	ok(state.begun == 1 && state.lost && strstr(state.note, "gone"), "what settles one settles none that nobody has heard of yet");
	ledger_made_end(&made);

	fill(0);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(state.begun == 1 && !state.lost, "one whose first agent has ended early is still one that was begun");
	ledger_made_end(&made);
}

/* --- that it cannot be read is not always damage --- */

static int salvage_into(const char *name)
{
	struct store to = { 0 };
	struct salvaged got = { 0 };
	int r;

	err = (struct cf_error){ 0 };
	snprintf(to.path, sizeof(to.path), "%s/%s", made.folder, name);
	r = store_open_as_it_is(&to, NULL, &err);
	if (r == 0)
		r = salvage(to.db, made.options.path, &got, &err);
	store_close(&to);
	return r < 0 ? r : (int)got.rows;
}

static void test_no_damage(void)
{
	sqlite3 *other = NULL;

	fill(3);
	ok(salvage_into("all") == 3, "all is saved of what is whole: %s", err.text);
	if (sqlite3_open(made.options.path, &other) != SQLITE_OK ||
	    sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; UPDATE migrations SET minor = minor + 1", NULL, NULL, NULL) != SQLITE_OK)
		abort();
	ok(salvage_into("busy") == -EBUSY, "one that somebody has locked is not taken for empty: %s", err.text);
	sqlite3_close(other);
	ok(!*ledger_made_sql(&made, "DROP TABLE edges") && salvage_into("less") == 3, "one that lacks a table is: %s", err.text);
	unlink(made.options.path);
	ok(salvage_into("none") < 0, "nor one that cannot be opened: %s", err.text);
	ledger_made_end(&made);
}

/* --- killed meanwhile --- */

static int steps_left = -1;	/* until the process ends as if it was killed; -1: it does not */

static void step(void)
{
	if (steps_left == 0)
		_exit(9);
	if (steps_left > 0)
		steps_left--;
}

static int reading = -1;		/* the shared memory of who reads a damaged file while it is replaced; -1: nobody does */
static bool reads, stays;		/* somebody is to; it cannot be replaced */

static void read_beside(const char *path)
{
	char shm[PATH_MAX];

	snprintf(shm, sizeof(shm), "%s-shm", path);
	reading = open(shm, O_RDWR | O_CREAT, 0600);
	snprintf(shm, sizeof(shm), "%s-wal", path);
	close(open(shm, O_RDWR | O_CREAT, 0600));
}

/* What makes a difference on a disk, SQLite's as well as ours. */
int rename(const char *from, const char *to)
{
	bool replaces = strcmp(to, made.options.path) == 0;

	step();
	if (replaces && reads)
		read_beside(to);
	if (replaces && stays) {
		errno = EIO;
		return -1;
	}
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int link(const char *from, const char *to)
{
	step();
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fsync(int fd)
{
	step();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	step();
	return (int)syscall(SYS_fdatasync, fd);
}

static void command(const char *what)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "cd '%s' && %s", made.folder, what);
	if (system(text) != 0)
		abort();
}

/* As an agent leaves it that was killed: with a WAL. */
static void keep_damaged(void)
{
	ledger_made_begin(&made);
	ledger_made_open(&made);
	for (int n = 0; n < ROWS; n++)
		write_one(n);
	command("mkdir was && cp ledger.db ledger.db-wal was");
	ledger_made_close(&made);
	snprintf(made.options.path, sizeof(made.options.path), "%s/was/ledger.db", made.folder);
	scribble(made.options.path, size_of(made.options.path) / 2, 8192);
	snprintf(made.options.path, sizeof(made.options.path), "%s/ledger.db", made.folder);
}

/* How many names of that kind there are beside it. */
static size_t beside(const char *what)
{
	char pattern[PATH_MAX];
	glob_t found;
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s%s", made.options.path, what);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void test_stays(void)
{
	char name[PATH_MAX] = "", wal[PATH_MAX + 8];

	keep_damaged();
	command("rm -f ledger.db* && cp was/* .");
	stays = true;
	for (int i = 0; i < 3; i++) {
		struct store store = { 0 };

		snprintf(store.path, sizeof(store.path), "%s", made.options.path);
		ok(store_open(&store, &(struct store_loss){ 0 }, &err) == -EIO, "it was saved, and stays in its place: %s", err.text);
		usleep(600000);
		command(i == 0 ? "printf its >ledger.db-wal" : ": >ledger.db-wal");	/* then somebody reads it */
	}
	stays = false;
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(aside(name) == 1 && beside(".damaged-*") == 1 + beside(".damaged-*-wal") + beside(".damaged-*-shm") && strstr(state.note, name),
	   "... it has one other name, however often that was tried, which is told");
	snprintf(wal, sizeof(wal), "%s-wal", name);
	ok(size_of(wal) == 3, "... and its own WAL with it");
	ok(state.writable && readable(0, ROWS) >= ROWS / 2, "... in whose place the other is at last");
	ledger_made_end(&made);
}

/* It opens the damaged one as it is about to be replaced. */
static void test_read_meanwhile(void)
{
	struct stat st = { 0 };

	keep_damaged();
	command("rm -f ledger.db* && cp was/* .");
	reads = true;
	ledger_made_open(&made);
	reads = false;
	ok(reading >= 0 && fstat(reading, &st) == 0 && st.st_nlink == 0, "who reads a damaged file shares no memory with who writes the next");
	ok(readable(0, ROWS) >= ROWS / 2, "... which is there");
	close(reading);
	ledger_made_end(&made);
}

/* Opens it, and is killed after so many steps; false: there are no more of them. */
static bool killed_after(int steps)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct store store = { 0 };
		struct store_loss loss = { 0 };

		snprintf(store.path, sizeof(store.path), "%s", made.options.path);
		steps_left = steps;
		_exit(store_open(&store, &loss, &err) < 0);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status) == 9;
}

static void test_killed(void)
{
	int steps = 0, poor = 0, silent = 0, least = ROWS;
	bool killed;

	keep_damaged();
	do {
		int n;

		command("rm -f ledger.db* && cp was/* .");
		killed = killed_after(steps++);
		ledger_made_open(&made);
		ledger_state(made.ledger, &state);
		n = readable(0, ROWS);
		least = n < least ? n : least;
		poor += !state.writable || n < ROWS / 2;
		silent += !state.lost;
		ledger_made_close(&made);
	} while (killed);
	ok(steps > 10, "killed at each of %d steps while a damaged ledger is opened", steps);
	ok(poor == 0, "... what can be read of it is there whenever that was: %d rows", least);
	ok(silent == 0, "... and it is said");
	ledger_made_end(&made);
}

/* Killed with all of it saved, which is not in its place yet. */
static void keep_saved(void)
{
	glob_t found;
	char pattern[PATH_MAX];
	int steps = 0, n;

	keep_damaged();
	snprintf(pattern, sizeof(pattern), "%s.saved*", made.options.path);
	do {
		command("rm -f ledger.db* && cp was/* .");
		if (!killed_after(steps++))
			abort();
		n = glob(pattern, 0, NULL, &found);
		globfree(&found);
	} while (n != 0);
}

/* A backup of one row more, which somebody has put there meanwhile. */
static void try_put_there(const char *how)
{
	char name[PATH_MAX];

	keep_saved();
	command("mkdir backup");
	snprintf(made.options.path, sizeof(made.options.path), "%s/backup/ledger.db", made.folder);
	ledger_made_open(&made);
	write_one(ROWS);
	ledger_made_close(&made);
	snprintf(made.options.path, sizeof(made.options.path), "%s/ledger.db", made.folder);
	command("rm -f ledger.db-*");
	command(how);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(state.writable && aside(name) == 0 && readable(ROWS, ROWS + 1) == 1 && readable(0, ROWS) == 0,
	   "what was saved replaces nothing else that is there: %s", how);
	ledger_made_close(&made);
	command("ls ledger.db.saved* >/dev/null");
	ledger_made_end(&made);
}

/* --- files that are none of ours --- */

static void try_foreign(const char *what, const char *sql, const char *word)
{
	off_t size;

	ledger_made_begin(&made);
	if (strstr(word, "newer")) {
		ledger_made_open(&made);
		write_one(1);
		ledger_made_close(&made);
	}
	ok(!*ledger_made_sql(&made, sql), "%s", what);
	size = size_of(made.options.path);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(!state.writable && !state.lost && strstr(state.fault, word), "... is refused: %s", state.fault);
	ok(write_one(2) < 0, "... not written: %s", err.text);
	ok(readable(1, 2) == 0 && ledger_find(made.ledger, ledger_made_id(1), &(struct ledger_row *){ NULL }, &err) < 0 &&
	   err.code != CF_NOT_FOUND, "... nor read: %s", err.text);
	ledger_made_close(&made);
	ok(size_of(made.options.path) == size && ledger_made_ask(&made, "SELECT a FROM theirs") == 7, "... and left as it is");
	ledger_made_end(&made);
}

/* --- disks --- */

/* A small disk of our own at the folder; false where we may not have one. */
static bool mount_disk(void)
{
	ledger_made_begin(&made);
	return mount("none", made.folder, "tmpfs", 0, "size=8m") == 0;
}

static void unmount_disk(void)
{
	ledger_made_close(&made);
	umount2(made.folder, MNT_DETACH);
	ledger_made_end(&made);
}

/* The rest of the disk is somebody else's. */
static void fill_disk(const char *name, bool whole)
{
	char path[PATH_MAX], block[4096] = { 0 };
	int fd;

	snprintf(path, sizeof(path), "%s/%s", made.folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (whole && write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	if (!whole)
		unlink(path);
}

static void test_full(void)
{
	int n = 0;

	ledger_made_open(&made);
	write_one(n++);
	fill_disk("other", true);
	while (n < 100 && write_one(n) == 0)
		n++;
	ledger_state(made.ledger, &state);
	ok(n < 100 && !state.writable && strstr(state.fault, "full"), "the disk is full: %s", err.text);
	ok(readable(0, n) == n, "what was written is there, %d rows", n);
	ok(made.changes == 1, "whoever listens is told, once");
	fill_disk("other", false);
	ok(ledger_made_until(&made, true), "there is room again, and that is noticed");
	ok(write_one(n) == 0 && readable(0, n + 1) == n + 1, "and used");
}

static void test_read_only(void)
{
	ledger_made_close(&made);
	ok(mount(NULL, made.folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0, "the disk is read-only");
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(!state.writable && *state.fault && !state.lost, "the ledger says so: %s", state.fault);
	ok(write_one(50) < 0, "it is not written");
	ok(readable(0, 1) == 1, "but read");
	mount(NULL, made.folder, NULL, MS_REMOUNT, NULL);
	ok(ledger_made_until(&made, true) && write_one(50) == 0, "until it is no longer read-only");
}

/* What can be read of a damaged one has no room. */
static void test_full_and_damaged(void)
{
	char name[PATH_MAX];
	off_t size;
	int n;

	for (n = 0; n < ROWS; n++)
		write_one(n);
	ledger_made_close(&made);
	size = size_of(made.options.path);
	scribble(made.options.path, size / 2, 8192);
	fill_disk("other", true);
	command("truncate -s -200K other");	/* for what SQLite has to have beside a file that it opens */
	reopen();
	ok(!state.writable && strstr(state.fault, "full") && !state.lost, "damaged on a full disk: %s", state.fault);
	ok(aside(name) == 0 && size_of(made.options.path) == size, "... it stays where it is");
	reopen();
	ok(!state.writable && size_of(made.options.path) == size, "... for the next agent, too");
	fill_disk("other", false);
	ok(ledger_made_until(&made, true), "... until there is room");
	ledger_state(made.ledger, &state);
	n = readable(0, ROWS);
	ok(state.lost && aside(name) == 1 && strstr(state.note, name) && n >= ROWS / 2, "... then %d rows are saved: %s", n, state.note);
}

static void test_disks(void)
{
	if (!mount_disk()) {
		ok(true, "full and read-only disks # SKIP may not mount one");
		ledger_made_end(&made);
		return;
	}
	test_full();
	test_read_only();
	test_full_and_damaged();
	unmount_disk();
}

static void test_no_folder(void)
{
	ledger_made_begin(&made);
	snprintf(made.options.path, sizeof(made.options.path), "%s/none/ledger.db", made.folder);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(!state.writable && strstr(state.fault, made.options.path), "a folder that is not there is no end: %s", state.fault);
	ok(write_one(1) < 0, "... nothing is written: %s", err.text);
	ledger_made_end(&made);
}

int main(void)
{
	/* Mounts of our own, before there is a thread. */
	if (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

	test_garbage_rows();
	test_damaged_files();
	test_damaged_while_open();
	test_no_damage();
	test_killed();
	test_stays();
	test_read_meanwhile();
	try_put_there("mv backup/ledger.db ledger.db");
	try_put_there("cp backup/ledger.db ledger.db");
	test_gone();
	try_foreign("a newer schema", "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (7); PRAGMA user_version = 1000", "newer");
	try_foreign("another program's file", "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (7)", "another program");
	test_disks();
	test_no_folder();
	return done();
}
