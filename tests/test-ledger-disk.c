/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger when something is wrong with its disk: it says so, is read, and is written again once it can be. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/ledger-harm.h"
#include "tests/tap.h"

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

	test_disks();
	test_no_folder();
	return done();
}
