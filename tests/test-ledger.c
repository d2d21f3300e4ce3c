/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger while all is well: what is written is there, durable, and found. */

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ledger/private.h"
#include "proto/codec.h"
#include "tests/ledger-made.h"
#include "tests/tap.h"

#define PATIENCE ((cf_span){ 30 * CF_S })

static struct ledger_made made;
static struct cf_error err;

static int write_one(int n, enum cf_phase phase, bool ended)
{
	return ledger_made_write(&made, ledger_made_line(n, phase, ended), PATIENCE, &err);
}

static bool same(const struct cf_shape *shape, const void *one, const void *other)
{
	CF_AUTO(cf_free) char *a = cf_encode(shape, one, CF_MINOR);
	CF_AUTO(cf_free) char *b = cf_encode(shape, other, CF_MINOR);

	return strcmp(a, b) == 0;
}

static void test_new(void)
{
	struct ledger_state state;
	struct stat st;

	ledger_made_begin(&made);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
	ok(state.writable && !*state.fault && !*state.note, "a new ledger is made: %s", state.fault);
	ok(stat(made.options.path, &st) == 0 && (st.st_mode & 0777) == 0600, "nobody else may look into it");
	ok(ledger_made_ask(&made, "PRAGMA user_version") == schema_version && schema_version >= 1,
	   "its schema has a number");
	ok(ledger_made_ask(&made, "SELECT journal_mode = 'wal' FROM pragma_journal_mode") == 1, "it has a WAL");
}

static void test_row(void)
{
	struct ledger_line *line = ledger_made_line(1, CF_PHASE_CHECKING, false);
	CF_AUTO(cf_free) struct ledger_line *kept = malloc(sizeof(*kept));
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	struct ledger_edge edges[4] = { 0 };
	size_t n = 0;

	ok(ledger_find(made.ledger, ledger_made_id(1), &row, &err) == -ENOENT && err.code == CF_NOT_FOUND,
	   "nothing is in it: %s", err.text);

	snprintf(line->entry.boot, sizeof(line->entry.boot), "of now");
	line->entry.has_request = true;
	snprintf(line->entry.request.domain, sizeof(line->entry.request.domain), "guest1");
	ok(ledger_made_write(&made, line, PATIENCE, &err) == 0, "a line is written");

	line = ledger_made_line(1, CF_PHASE_DONE, true);
	line->owed = true;
	snprintf(line->event, sizeof(line->event), "verified");
	*kept = *line;
	ok(ledger_made_write(&made, line, PATIENCE, &err) == 0, "and written again");

	ok(ledger_find(made.ledger, ledger_made_id(1), &row, &err) == 0 && !*row->fault, "it is found: %s", err.text);
	ok(same(&cf_receipt_shape, &row->line.receipt, &kept->receipt) && row->line.receipt.has_blackout,
	   "its receipt is whole, to the last figure");
	ok(same(&cf_migration_shape, &row->line.view, &kept->view) && same(&cf_entry_shape, &row->line.entry, &kept->entry),
	   "so is the rest");
	ok(row->line.ended && row->line.owed && row->line.at.ns == kept->at.ns && strcmp(row->line.peer, "hB") == 0,
	   "and its columns");
	ok(ledger_edges(made.ledger, ledger_made_id(1), edges, CF_COUNT(edges), &n, &err) == 0 && n == 2 &&
	   strcmp(edges[0].phase, "checking") == 0 && strcmp(edges[0].event, "asked") == 0 &&
	   strcmp(edges[1].phase, "done") == 0 && strcmp(edges[1].event, "verified") == 0 &&
	   strcmp(edges[1].why, "because of 1") == 0, "its edges are there, in order, with their reason");
}

/* Under an id that was used nothing begins again; but a receipt may come late. */
static void test_ended(void)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	struct ledger_line *line = ledger_made_line(1, CF_PHASE_DONE, true);

	ok(write_one(1, CF_PHASE_CHECKING, false) == -EEXIST && err.code == CF_CONFLICT, "what has ended does not begin again: %s", err.text);
	snprintf(line->view.reason, sizeof(line->view.reason), "late");
	line->owed = true;
	line->event[0] = '\0';
	ok(ledger_made_write(&made, line, PATIENCE, &err) == 0 && ledger_find(made.ledger, ledger_made_id(1), &row, &err) == 0 &&
	   row->line.ended && strcmp(row->line.view.reason, "late") == 0, "what is known later is taken: %s", err.text);
}

static size_t list(const struct ledger_query *query, struct ledger_page *page)
{
	return ledger_list(made.ledger, query, page, &err) == 0 ? page->migrations.n_list : 1000;
}

static void test_list(void)
{
	static const char labels[2][CF_LABEL_ROOM] = { "even=yes", "who=it's \"six\"" };
	static const struct host_names nobody, hb = { 1, { "hb" } }, hc = { 1, { "hc" } }, both = { 3, { "hx", "hb", "hc" } };
	CF_AUTO(cf_free) struct ledger_page *page = calloc(1, sizeof(*page));
	int64_t before = 0;
	int seen = 0, pages = 0;
	bool sorted = true;

	for (int n = 2; n <= 9; n++)
		write_one(n, n % 4 ? CF_PHASE_ABORTED : CF_PHASE_COPYING, n % 4);
	ok(list(&(struct ledger_query){ 0 }, page) == 9 && !page->more, "all of them are listed");
	ok(strcmp(page->migrations.list[0].id, ledger_made_id(9)) == 0, "the newest first");
	ok(list(&(struct ledger_query){ .phase = "copying" }, page) == 2, "those in a phase");
	ok(list(&(struct ledger_query){ .only_ended = true }, page) == 7 &&
	   list(&(struct ledger_query){ .only_open = true }, page) == 2, "those that have ended, and those that have not");
	ok(list(&(struct ledger_query){ .domain = "guest1" }, page) == 3 &&
	   list(&(struct ledger_query){ .domain = "00000000-1111-4000-8000-00000000000B" }, page) == 3,
	   "those of a domain, by name or uuid");
	ok(list(&(struct ledger_query){ .labels = labels, .n_labels = 1 }, page) == 4 &&
	   list(&(struct ledger_query){ .labels = labels, .n_labels = 2 }, page) == 1, "those with a label, or with all of several");
	ok(list(&(struct ledger_query){ .peers = &hc }, page) == 4, "those with a peer");
	ok(list(&(struct ledger_query){ .peers = &both }, page) == 9, "or with one of several names");
	ok(!*ledger_made_sql(&made, "UPDATE migrations SET peer = '' WHERE peer = 'hC'") &&
	   list(&(struct ledger_query){ .peers = &nobody }, page) == 0, "who has no name is not the peer of those that have none");
	ok(!*ledger_made_sql(&made, "UPDATE migrations SET peer = 'hC' WHERE peer = ''"), "they have one again");
	ok(list(&(struct ledger_query){ .domain = "guest1", .peers = &hb, .only_ended = true }, page) == 2, "and all of that");

	do {
		list(&(struct ledger_query){ .limit = 4, .before = before }, page);
		for (size_t i = 0; i < page->migrations.n_list; i++) {
			sorted = sorted && (before == 0 || page->numbers[i] < before);
			before = page->numbers[i];
			seen++;
		}
		pages++;
	} while (page->more && pages < 10);
	ok(seen == 9 && pages == 3 && sorted, "page by page each is seen once");
}

static int n_open;

static void count_open(void *userdata, struct ledger_row *row)
{
	n_open += !row->line.ended || row->line.owed;
	*(int64_t *)userdata = row->number;
	free(row);
}

static void test_open(void)
{
	int64_t last = 0;

	ok(ledger_each_open(made.ledger, count_open, &last, &err) == 0 && n_open == 3,
	   "what is half open, or owed to a peer, is found at the start");
	ledger_made_close(&made);
	ledger_made_open(&made);
	n_open = 0;
	ok(ledger_each_open(made.ledger, count_open, &last, &err) == 0 && n_open == 3, "of the next agent, too");
}

static void test_keep(void)
{
	ledger_keep(made.ledger, (cf_span){ 90 * CF_DAY }, 4);
	write_one(10, CF_PHASE_ABORTED, true);
	ledger_made_write(&made, ledger_made_line(11, CF_PHASE_CHECKING, false), PATIENCE, NULL);
	ok(ledger_made_ask(&made, "SELECT count(*) FROM migrations WHERE ended") == 4, "the oldest go when there are too many");
	ok(ledger_made_ask(&made, "SELECT count(*) FROM migrations WHERE NOT ended") == 3, "but none that is open");
	ok(ledger_made_ask(&made, "SELECT count(*) FROM edges WHERE migration NOT IN (SELECT number FROM migrations)") == 0 &&
	   ledger_made_ask(&made, "SELECT count(*) FROM edges") == 7, "their edges go with them");

	ledger_tidy(made.ledger, (cf_real){ 1090 * CF_DAY + 9 * CF_S });
	ledger_made_close(&made);
	ok(ledger_made_ask(&made, "SELECT count(*) FROM migrations WHERE ended") == 2, "and the oldest when they are too old");
	ok(ledger_made_ask(&made, "SELECT count(*) FROM migrations WHERE NOT ended") == 3, "but none that is open");
	ledger_made_open(&made);
}

/* Somebody else has the file: nobody waits for longer than he said. */
static void test_patience(void)
{
	sqlite3 *other = NULL;

	sqlite3_open(made.options.path, &other);
	sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	ok(ledger_made_write(&made, ledger_made_line(20, CF_PHASE_CHECKING, false), (cf_span){ 20 * CF_MS }, &err) == -ETIMEDOUT,
	   "a write that takes its time is not waited for: %s", err.text);
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	ok(write_one(21, CF_PHASE_CHECKING, false) == 0 && ledger_made_until(&made, true), "later ones go well");
	ok(ledger_made_ask(&made, "SELECT max(id) FROM migrations WHERE id IN"
				  " ('00000020-0000-4000-8000-000000000000')") == 20, "and it is written when the file is free");
}

static void test_schema(void)
{
	static const char *const steps[] = {
		"CREATE TABLE one (a); INSERT INTO one VALUES (1)",
		"ALTER TABLE one ADD COLUMN b; UPDATE one SET b = a + 1",
		"CREATE TABLE two (c); INSERT INTO nowhere VALUES (1)",
	};
	CF_AUTO(sqlite3_close_v2) sqlite3 *db = NULL;
	int64_t n = 0;

	sqlite3_open(":memory:", &db);
	ok(schema_upgrade(db, steps, 1, &err) == 0 && sql_get_int(db, "PRAGMA user_version", &n, &err) == 0 && n == 1,
	   "a schema of one step");
	ok(schema_upgrade(db, steps, 2, &err) == 0 && sql_get_int(db, "SELECT b FROM one", &n, &err) == 0 && n == 2,
	   "is brought to the second, with what is in it");
	ok(schema_upgrade(db, steps, 2, &err) == 0 && sql_get_int(db, "SELECT count(*) FROM one", &n, &err) == 0 && n == 1,
	   "once");
	ok(schema_upgrade(db, steps, 3, &err) < 0, "a step that fails says so: %s", err.text);
	ok(sql_get_int(db, "PRAGMA user_version", &n, &err) == 0 && n == 2 &&
	   sql_get_int(db, "SELECT count(*) FROM sqlite_schema", &n, &err) == 0 && n == 1, "and leaves nothing of itself");
}

/* --- killed while it writes --- */

static int to_parent;
static int next;

static void on_durable(void *arg, int result, const struct cf_error *why)
{
	int n = (int)(intptr_t)arg;

	(void)why;
	if (result == 0 && write(to_parent, &n, sizeof(n)) != sizeof(n))
		_exit(1);
	next++;
	ledger_write(made.ledger, ledger_made_line(next, CF_PHASE_COPYING, false), PATIENCE, on_durable, (void *)(intptr_t)next);
}

static void write_for_ever(void)
{
	loop_new(&made.loop, NULL);	/* the parent's is of no use after fork() */
	ledger_made_open(&made);
	for (int i = 0; i < 4; i++)
		on_durable((void *)0, 1, NULL);
	sd_event_loop(loop_sd(made.loop));
}

/* The numbers it had been told were durable, into an array; how many. */
static int kill_it(int after_ms, int *told, int room)
{
	const struct timespec wait = { .tv_nsec = after_ms * CF_MS };
	int pipes[2], n = 0;
	pid_t child;

	if (pipe(pipes) < 0)
		return 0;
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		to_parent = pipes[1];
		write_for_ever();
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &told[0], sizeof(int)) == sizeof(int)) {	/* it has begun */
		n = 1;
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		while (n < room && read(pipes[0], &told[n], sizeof(int)) == sizeof(int))
			n++;
	}
	waitpid(child, NULL, 0);
	close(pipes[0]);
	return n;
}

static void test_killed(void)
{
	static int told[100000];
	int rounds = 0, lost = 0, broken = 0, all = 0;

	for (; rounds < 12; rounds++) {
		struct ledger_state state;
		int n;

		ledger_made_begin(&made);
		next = 0;
		n = kill_it(1 + rounds * 7, told, CF_COUNT(told));
		all += n;

		ledger_made_open(&made);
		ledger_state(made.ledger, &state);
		broken += !state.writable || *state.note;
		for (int i = 0; i < n; i += n > 64 ? n / 64 : 1) {
			CF_AUTO(cf_free) struct ledger_row *row = NULL;

			lost += ledger_find(made.ledger, ledger_made_id(told[i]), &row, &err) < 0 || *row->fault;
		}
		ledger_made_end(&made);
	}
	ok(all > rounds, "killed %d times while it wrote, after %d lines in all", rounds, all);
	ok(broken == 0, "the ledger opens each time, and is whole");
	ok(lost == 0, "and has every line that was called durable");
}

int main(void)
{
	test_new();
	test_row();
	test_ended();
	test_list();
	test_open();
	test_keep();
	test_patience();
	ledger_made_end(&made);
	test_schema();
	test_killed();
	return done();
}
