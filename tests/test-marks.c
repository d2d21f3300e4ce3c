/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Marks: a word is the last one set or nobody's, whoever dies while it is written and whatever becomes of the file. */

#include "daemon/ledger/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/tap.h"

#define PLACE  512
#define PLACES 128

static char folder[64] = "/tmp/test-marks-XXXXXX";
static struct marks_options options;
static struct marks *marks;
static struct cf_error err;

static const char *id_of(int n)
{
	static char id[CF_UUID_ROOM];
	unsigned small = (unsigned)n % 100000000;	/* and gcc knows */

	snprintf(id, sizeof(id), "%08u-0000-4000-8000-0000%08u", small, small);
	return id;
}

/* --- the disk, seen by whoever waits for it --- */

static int syncs, sync_error;
static bool was_written;	/* when it was last asked for, the file had the word */
static mark_word awaited;

/* Instead of libc's: what is asked of the disk is counted, looked at, and may fail. */
int fdatasync(int fd)
{
	mark_word word = 0;

	syncs++;
	was_written = pread(fd, &word, sizeof(word), sizeof(uint32_t)) == sizeof(word) && word == awaited;
	errno = sync_error;
	return sync_error ? -1 : 0;
}

static int begin(const char *name, bool durable)
{
	err = (struct cf_error){ 0 };
	options.durable = durable;
	snprintf(options.path, sizeof(options.path), "%s/%s", folder, name);
	return marks_new(&marks, &options, &err);
}

static int again(void)
{
	marks = marks_free(marks);
	return marks_new(&marks, &options, &err);
}

static void end(void)
{
	marks = marks_free(marks);
	unlink(options.path);
}

/* What it says; -errno when it does not. */
static int64_t said(int n)
{
	mark_word word = 77;
	int r = mark_get(marks, id_of(n), &word, &err);

	return r < 0 ? r : (int64_t)word;
}

static int set(int n, mark_word word)
{
	return mark_set(marks, id_of(n), word, &err);
}

static void count(void *userdata, const char *id)
{
	int *n = userdata;

	*n += strlen(id) == CF_UUID_ROOM - 1;
}

static int how_many(void)
{
	int n = 0;

	marks_each(marks, count, &n);
	return n;
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Bytes into the file, past the marks; the file of a closed one stays as it is. */
static void scribble(off_t at, const void *bytes, size_t n)
{
	int fd = open(options.path, O_WRONLY);

	if (fd < 0 || pwrite(fd, bytes, n, at) != (ssize_t)n)
		abort();
	close(fd);
}

/* --- what they are for --- */

static void test_words(bool durable)
{
	int before;

	printf("# %s\n", durable ? "durable" : "in memory");
	ok(begin("words", durable) == 0, "a file is made: %s", err.text);
	ok(size_of(options.path) == (off_t)PLACES * PLACE, "with all its places");
	ok(said(1) == MARK_NONE && how_many() == 0, "nothing is marked");
	before = syncs;
	awaited = 5;
	ok(set(1, 5) == 0 && said(1) == 5, "a word is set");
	ok(durable ? syncs == before + 1 && was_written : syncs == before,
	   durable ? "with one wait for the disk, once the word is in the file" : "without a wait for any disk");
	ok(set(1, 6) == 0 && said(1) == 6 && how_many() == 1, "another one takes its place");
	ok(set(2, 7) == 0 && said(2) == 7 && said(1) == 6 && how_many() == 2, "another migration has its own");
	ok(again() == 0 && said(1) == 6 && said(2) == 7, "they are there for who comes later: %s", err.text);
	mark_forget(marks, id_of(1));
	ok(said(1) == MARK_NONE && said(2) == 7 && how_many() == 1, "what is forgotten is none");
	mark_forget(marks, id_of(9));
	ok(how_many() == 1, "to forget what was never there does nothing");
	ok(again() == 0 && said(1) == MARK_NONE && said(2) == 7, "it stays forgotten");
	ok(mark_set(marks, "00000000-0000-4000-8000-0000000000000", 1, &err) == -EINVAL, "what is too long for an id is none: %s", err.text);
	end();
}

static void test_sync_fails(void)
{
	begin("sync", true);
	sync_error = EIO;
	ok(set(1, 5) == -EIO && strstr(err.text, options.path), "a disk that fails is told of: %s", err.text);
	sync_error = 0;
	ok(said(1) == 5 || said(1) == MARK_NONE, "... and the word is the new one, or the old one");
	end();
}

static void test_full(void)
{
	int n = 0;

	begin("full", false);
	while (n < 2 * PLACES && set(n, 3) == 0)
		n++;
	ok(n == PLACES, "there are %d places", n);
	ok(set(n, 3) == -ENOSPC, "and then no more: %s", err.text);
	ok(set(17, 4) == 0 && said(17) == 4, "who has one may still change it");
	ok(said(n) == MARK_NONE, "who has none is not marked");
	mark_forget(marks, id_of(40));
	ok(set(n, 9) == 0 && said(n) == 9 && said(40) == MARK_NONE && how_many() == PLACES, "a forgotten one's place is taken");
	end();
}

/* --- two processes --- */

static void test_two(void)
{
	pid_t child;
	int status;

	begin("two", false);
	set(1, 5);
	child = fork();
	if (child == 0) {
		again();
		set(1, 6);
		set(2, 8);
		_exit(said(1) == 6 ? 0 : 1);	/* nothing is closed, nothing flushed */
	}
	waitpid(child, &status, 0);
	ok(status == 0 && said(1) == 6 && said(2) == 8, "what another process set before it ended is seen by who has the file open");
	ok(again() == 0 && said(1) == 6 && said(2) == 8, "... and by who opens it");
	end();
}

/* Sets 1, 2, 3, ... for one migration and says each that is done, until it is killed. */
static void write_on(int fd)
{
	for (mark_word word = 1;; word++)
		if (set(1, word) == 0 && write(fd, &word, sizeof(word)) != sizeof(word))
			_exit(1);
}

/* The last word the dead one had done with. */
static mark_word last_of(int fd)
{
	mark_word words[4096], last = MARK_NONE;
	ssize_t n;

	while ((n = read(fd, words, sizeof(words))) > 0)
		last = words[(size_t)n / sizeof(*words) - 1];
	return last;
}

static void test_killed(void)
{
	int lost = 0, invented = 0, damaged = 0, others = 0, runs = 200, unusable = 0;
	mark_word most = 0;

	for (int i = 0; i < runs; i++) {
		int pipes[2];
		mark_word done;
		int64_t is;
		pid_t child;

		if (begin("killed", false) < 0 || pipe(pipes) < 0)
			abort();
		set(2, 1234);
		child = fork();
		if (child == 0)
			write_on(pipes[1]);
		close(pipes[1]);
		nanosleep(&(struct timespec){ .tv_nsec = 100000 + i * 7001 % 3000000 }, NULL);
		kill(child, SIGKILL);
		done = last_of(pipes[0]);
		close(pipes[0]);
		waitpid(child, NULL, 0);

		unusable += again() < 0;
		is = said(1);
		damaged += is == -EBADMSG;
		lost += is >= 0 && is < done;
		invented += is > (int64_t)done + 1;
		others += said(2) != 1234;
		most = done > most ? done : most;
		end();
	}
	printf("# %d writers killed, the last one's longest run %u words, %d places found torn\n", runs, most, damaged);
	ok(most > 100 && unusable == 0, "writers are killed in the middle of their work");
	ok(lost == 0, "no word that was done with is ever lost");
	ok(invented == 0, "none is found that nobody set");
	ok(others == 0, "another migration's is as it was");
}

/* --- a file that is not as it was --- */

static void test_torn(void)
{
	unsigned char old[PLACE], new[PLACE];
	int wrong = 0, torn = 0, fd;

	begin("torn", false);
	set(1, 5);
	fd = open(options.path, O_RDONLY);
	if (pread(fd, old, PLACE, 0) != PLACE)
		abort();
	set(1, 6);
	if (pread(fd, new, PLACE, 0) != PLACE)
		abort();
	close(fd);

	for (int cut = 0; cut <= PLACE; cut++) {
		int64_t is;

		marks = marks_free(marks);
		scribble(0, new, (size_t)cut);
		scribble(cut, old + cut, (size_t)(PLACE - cut));
		if (marks_new(&marks, &options, &err) < 0)
			abort();
		is = said(1);
		torn += is == -EBADMSG;
		wrong += is != -EBADMSG && is != (memcmp(old, new, (size_t)cut) == 0 ? 5 : 6);
		wrong += is == 6 && memcmp(old + cut, new + cut, (size_t)(PLACE - cut)) != 0;
	}
	ok(wrong == 0 && torn > 0, "a place written in part is the old word, the new one or damaged, and never another (%d torn)", torn);
	end();
}

static void test_damaged(void)
{
	int wrong = 0, silent = 0;

	begin("damaged", false);
	set(1, 5);
	set(2, 6);
	for (int bit = 0; bit < PLACE * 8; bit += 3) {
		unsigned char byte;
		int fd;
		int64_t is;

		marks = marks_free(marks);
		fd = open(options.path, O_RDWR);
		if (pread(fd, &byte, 1, bit / 8) != 1)
			abort();
		byte ^= (unsigned char)(1U << bit % 8);
		if (pwrite(fd, &byte, 1, bit / 8) != 1)
			abort();
		if (marks_new(&marks, &options, &err) < 0)
			abort();
		is = said(1);
		wrong += is != -EBADMSG && is != 5;
		silent += is == MARK_NONE;
		wrong += said(2) != 6;
		byte ^= (unsigned char)(1U << bit % 8);
		if (pwrite(fd, &byte, 1, bit / 8) != 1)
			abort();
		close(fd);
	}
	ok(wrong == 0 && silent == 0, "whichever bit of a place turns, its word is never taken for none nor for another");
	ok(again() == 0 && said(1) == 5, "with the bit turned back it is as it was");

	scribble(0, "garbage", 7);
	ok(said(1) == -EBADMSG, "damage is said: %s", err.text);
	ok(said(3) == -EBADMSG, "also of one that may have been in that place");
	ok(said(2) == 6, "not of one that is found");
	ok(set(4, 8) == 0 && said(4) == 8 && again() == 0 && said(4) == 8, "there is room for others");
	marks_mend(marks);
	ok(said(1) == MARK_NONE && said(2) == 6 && said(4) == 8, "once nobody needs what is damaged its place is free, and no other");
	end();
}

static void try_foreign(const char *what, const void *bytes, size_t n)
{
	unsigned char *after = malloc(n);
	int fd;

	begin("foreign", true);
	marks = marks_free(marks);
	if (truncate(options.path, 0) < 0)
		abort();
	scribble(0, bytes, n);
	ok(marks_new(&marks, &options, &err) == -EBADMSG && !marks, "%s is refused: %s", what, err.text);
	fd = open(options.path, O_RDONLY);
	ok(size_of(options.path) == (off_t)n && read(fd, after, n) == (ssize_t)n && memcmp(after, bytes, n) == 0, "... and left as it is");
	close(fd);
	free(after);
	end();
}

static void test_foreign(void)
{
	static char file[PLACES * PLACE];

	memset(file, 'x', sizeof(file));
	try_foreign("a file of another program, as large as ours", file, sizeof(file));
	try_foreign("a file that is too short", file, 1000);
	try_foreign("one cut by a place", file, sizeof(file) - PLACE);

	begin("link", true);
	marks = marks_free(marks);
	snprintf(file, sizeof(file), "%s/other", folder);
	ok(rename(options.path, file) == 0 && symlink(file, options.path) == 0 && marks_new(&marks, &options, &err) < 0,
	   "a link is not followed: %s", err.text);
	unlink(file);
	end();
	snprintf(options.path, sizeof(options.path), "%s/nowhere/marks", folder);
	ok(marks_new(&marks, &options, &err) == -ENOENT && strstr(err.text, "nowhere"), "a folder that is not there is told of: %s", err.text);
}

/* --- disks --- */

static void fill_disk(void)
{
	char path[PATH_MAX], block[4096] = { 0 };
	int fd;

	snprintf(path, sizeof(path), "%s/other", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void test_disks(void)
{
	if (mount("none", folder, "tmpfs", 0, "size=256k") < 0) {
		ok(true, "a disk of its own # SKIP %s", strerror(errno));
		return;
	}
	begin("marks", true);
	fill_disk();
	ok(set(1, 5) == 0 && set(2, 6) == 0 && said(1) == 5, "on a disk that got full there is room for all that had it: %s", err.text);
	ok(again() == 0 && said(2) == 6, "... also for who opens it then: %s", err.text);
	marks = marks_free(marks);
	ok(begin("more", true) == -ENOSPC && !marks, "on a full disk none is made: %s", err.text);
	unlink(options.path);

	ok(mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0, "the disk is read-only");
	ok(begin("marks", true) == -EROFS && !marks, "nobody believes that it will hold a word: %s", err.text);
	ok(begin("more", true) == -EROFS && !marks, "nor is another made: %s", err.text);
	umount2(folder, MNT_DETACH);
}

int main(void)
{
	/* Mounts of our own. */
	if (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (!mkdtemp(folder))
		return 99;

	test_words(true);
	test_words(false);
	test_sync_fails();
	test_full();
	test_two();
	test_killed();
	test_torn();
	test_damaged();
	test_foreign();
	test_disks();
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done();
}
