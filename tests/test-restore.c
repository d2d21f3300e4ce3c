/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger that has lost its receipts has them again from the journal.  The journal is
 * that of a real journald, in a mount namespace of our own: where one cannot be had, only
 * what needs none is tried.
 */

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/act/migration.h"
#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "proto/codec.h"
#include "tests/parts.h"
#include "tests/tap.h"

#define JOURNALD "/usr/lib/systemd/systemd-journald"
#define N	 20	/* receipts: more than are read at once */

static struct parts parts;
static struct cf_error err;
static pid_t journald;

/* --- a journald --- */

static bool have_namespace(void)
{
	return geteuid() == 0 && access(JOURNALD, X_OK) == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("none", "/run", "tmpfs", 0, NULL) == 0 &&
	       mount("none", "/var/log", "tmpfs", 0, NULL) == 0 && mkdir("/run/systemd", 0755) == 0 &&
	       mkdir("/run/systemd/journal", 0755) == 0 && mkdir("/run/log", 0755) == 0 && mkdir("/run/log/journal", 0755) == 0;
}

/* Without cgroups Debian 13's journald goes away again, and not every machine has them. */
static void have_cgroups(void)
{
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0)
		mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

/* Its sockets are there before it knows whether it can stay; its journal is not. */
static bool has_journal(void)
{
	glob_t found;
	bool has = glob("/run/log/journal/*/system.journal", 0, NULL, &found) == 0;

	globfree(&found);
	return has;
}

static void be_journald(pid_t parent)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (getppid() == parent)
		execl(JOURNALD, JOURNALD, (char *)NULL);
	_exit(1);
}

/* Our stderr is said to lead there: that is when the log goes there. */
static bool start_journald(void)
{
	pid_t parent = getpid();
	char stream[64];
	struct stat st;

	if (!have_namespace() || fstat(STDERR_FILENO, &st) < 0)
		return false;
	have_cgroups();
	journald = fork();
	if (journald == 0)
		be_journald(parent);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	for (int i = 0; i < 200; i++) {
		if (has_journal())
			return true;
		if (waitpid(journald, NULL, WNOHANG) == journald)
			return false;
		usleep(50000);
	}
	return false;
}

static void stop_journald(void)
{
	kill(journald, SIGTERM);
	waitpid(journald, NULL, 0);
}

static void count(void *userdata, const char *json, size_t size)
{
	(void)json, (void)size;
	++*(int *)userdata;
}

/* How many there are in the journal since then, read `at_once` at a time. */
static int in_journal(cf_real since, int at_once)
{
	struct journal_reading reading = { .since = since };
	int n = 0, r;

	do {
		r = journal_receipts(&reading, at_once, count, &n, &err);
	} while (r == at_once);
	free(reading.cursor);
	return r < 0 ? r : n;
}

static bool until_in_journal(int n)
{
	for (int i = 0; i < 400 && in_journal((cf_real){ 0 }, 100) < n; i++)
		usleep(50000);
	return in_journal((cf_real){ 0 }, 100) == n;
}

/* --- receipts --- */

static cf_real began;

static struct ledger_line *line_of(int n)
{
	struct ledger_line *line = ledger_made_line(n, CF_PHASE_DONE, true);

	line->at = line->view.ended = cf_real_add(began, (cf_span){ n * CF_S });
	line->view.started = line->at;
	line->view.has_ended = true;
	line->receipt.migration = line->view;
	return line;
}

/* As an agent does it: the ledger has it, and the journal is told. */
static void lived(int n)
{
	struct ledger_line *line = line_of(n);

	receipt_log(&line->receipt);
	ledger_made_write(&parts.made, line, PATIENCE, &err);	/* takes it over */
}

/* In words: the ids, newest first. */
static const char *listed(void)
{
	static char text[N * 2 * CF_UUID_ROOM];
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));

	text[0] = '\0';
	ledger_list(parts.made.ledger, &(struct ledger_query){ 0 }, page, &err);
	for (size_t i = 0; i < page->migrations.n_list; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", page->migrations.list[i].id);
	return text;
}

static int the_same(void)
{
	int n = 0;

	for (int i = 0; i < N; i++) {
		CF_AUTO(cf_free) struct ledger_line *line = line_of(i);
		CF_AUTO(cf_free) struct ledger_row *row = NULL;
		CF_AUTO(cf_free) char *was = cf_encode(&cf_receipt_shape, &line->receipt, CF_MINOR), *is = NULL;

		if (ledger_find(parts.made.ledger, line->view.id, &row, &err) == 0)
			is = cf_encode(&cf_receipt_shape, &row->line.receipt, CF_MINOR);
		n += is && strcmp(was, is) == 0 && row->line.ended && !*row->fault && strcmp(row->line.peer, "hB") == 0;
	}
	return n;
}

static void restore(void)
{
	migrations_restore(parts.all);
	while (parts.all->restoring)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
}

/* As if its file had been lost while the agent was dead. */
static void lose(void)
{
	char command[LEDGER_PATH_ROOM + 16];

	snprintf(command, sizeof(command), "rm -f %s*", parts.made.options.path);
	ok(system(command) == 0 && parts_again(&parts, &err) == 0 && !*listed(), "the ledger is lost");
}

static void forge(int n)
{
	pid_t child = fork();
	int status = 1;

	if (child == 0) {
		if (setuid(65534) < 0)
			_exit(1);
		receipt_log(&line_of(n)->receipt);
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(status == 0, "another user writes something like it");
}

static void test_restore(void)
{
	const struct log_field fields[] = { { "CLOCKFERRY_RECEIPT", "{\"migration\": 7}" } };
	struct ledger_state state;
	char before[N * 2 * CF_UUID_ROOM];

	began = kernel_instant().real;
	for (int n = 0; n < N; n++)
		lived(n);
	forge(N);
	log_write(LOG_NOTICE, LOG_ABOUT(.id = LOG_ID_MIGRATION_CLEAN, .fields = fields, .n_fields = 1), "not a receipt");
	snprintf(before, sizeof(before), "%s", listed());
	ok(until_in_journal(N + 1), "the journal has %d entries of ours: %d", N + 1, in_journal((cf_real){ 0 }, 100));
	ok(in_journal((cf_real){ 0 }, 3) == N + 1 && in_journal((cf_real){ 0 }, 1) == N + 1, "... however many are read at once");
	ok(in_journal(cf_real_add(kernel_instant().real, (cf_span){ CF_DAY }), 100) == 0, "... and none since tomorrow");

	lose();
	restore();
	ok(strcmp(listed(), before) == 0, "they are there again, in the order they had");
	ok(the_same() == N, "... as they were: %d", the_same());

	ok(!*ledger_made_sql(&parts.made, "DELETE FROM migrations WHERE id IN (SELECT id FROM migrations"
					  " ORDER BY number LIMIT 5 OFFSET 7)"), "some in the middle are lost");
	ok(strcmp(listed(), before) != 0, "... and not in the list");
	restore();
	ok(strcmp(listed(), before) == 0 && the_same() == N, "they are there again, in their places");

	ledger_state(parts.made.ledger, &state);
	ok(state.begun == 1 && !state.lost, "nobody is told of a damage that was none");

	lose();
	lived(0);
	ok(!*ledger_made_sql(&parts.made, "UPDATE migrations SET peer = 'hZ'"), "one is there, and differs");
	restore();
	ok(ledger_made_ask(&parts.made, "SELECT count(*) FROM migrations WHERE peer = 'hZ'") == 1, "it stays as it is");

	lose();
	parts.context.settings->ledger.keep_count = 5;
	restore();
	ok(ledger_made_ask(&parts.made, "SELECT count(*) FROM migrations") == 4,
	   "no more entries than may be kept are read, one of which is no receipt");
	ok(strncmp(listed(), before, 3 * CF_UUID_ROOM) == 0, "... and they are the newest");
}

static void test_nothing(void)
{
	struct journal_reading nowhere = { .directory = "/nonexistent" }, empty = { .directory = parts.made.folder };
	int n = 0;

	ok(journal_receipts(&nowhere, 5, count, &n, &err) < 0 && strstr(err.text, "journal"), "no journal: %s", err.text);
	ok(journal_receipts(&empty, 5, count, &n, &err) == 0 && n == 0 && !empty.cursor, "an empty one has no receipts");
}

int main(void)
{
	bool has_journald = start_journald();

	ok(parts_begin(&parts, &err) == 0, "an agent %s", err.text);
	test_nothing();
	if (has_journald)
		test_restore();
	else
		ok(true, "receipts come back # SKIP needs root and a %s that runs here", JOURNALD);
	parts_end(&parts);
	if (has_journald)
		stop_journald();
	return done();
}
