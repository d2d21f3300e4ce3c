/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger when its file is damaged, gone, or none of ours: it says so, loses nothing else, and goes on where it may. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger/private.h"
#include "tests/ledger-harm.h"
#include "tests/tap.h"

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

int main(void)
{
	test_garbage_rows();
	test_damaged_files();
	test_damaged_while_open();
	test_gone();
	test_no_damage();
	try_foreign("a newer schema", "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (7); PRAGMA user_version = 1000", "newer");
	try_foreign("another program's file", "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (7)", "another program");
	return done();
}
