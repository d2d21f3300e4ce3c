/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * While what can be read of a damaged ledger is put in its place: killed at any step, hindered, read by
 * somebody, or when a backup is there first.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/ledger/private.h"
#include "tests/ledger-harm.h"
#include "tests/tap.h"

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

int main(void)
{
	test_killed();
	test_stays();
	test_read_meanwhile();
	try_put_there("mv backup/ledger.db ledger.db");
	try_put_there("cp backup/ledger.db ledger.db");
	return done();
}
