/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each edge is in the ledger before its act is handed out; and what happens when it cannot be. */

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/act/lately.h"
#include "daemon/act/migration.h"
#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"
#include "daemon/settings.h"
#include "proto/receipt.h"
#include "tests/parts.h"
#include "tests/tap.h"

static struct parts parts;
static struct cf_error err;

/* What the journal is told. */
static atomic_int n_logged;
static char logged[64];		/* the last one's machine */

void receipt_log(const struct cf_receipt *receipt)
{
	snprintf(logged, sizeof(logged), "%s", receipt->machine);
	n_logged++;
}

static struct migration *start(int n)
{
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };
	struct cf_migration_request request = { .domain = "test", .destination = "no such/host" };
	struct migration *migration = NULL;

	if (migrations_start(parts.all, ledger_made_id(n), &request, &operator, &migration, &err) < 0)
		abort();
	return migration;
}

static struct migration *expect(int n)
{
	const struct cf_limits *limits = &settings_policy(parts.context.settings, "")->limits;
	struct cf_lease lease = { .granted = true, .host = "hA", .limits = *limits };
	struct cf_reservation reservation = { .domain = "guest", .source = "hB", .destination = "hA", .limits = *limits };
	struct migration *migration = NULL;

	snprintf(reservation.uuid, sizeof(reservation.uuid), "%s", ledger_made_id(n));
	if (migrations_expect(parts.all, ledger_made_id(n), &reservation, &lease, "hb", &migration, &err) < 0)
		abort();
	return migration;
}

/* "queued checking refused": the phases of its edges. */
static const char *edges(int n)
{
	static char text[256];
	struct ledger_edge found[16];
	size_t n_found = 0;
	int at = 0;

	text[0] = '\0';
	ledger_edges(parts.made.ledger, ledger_made_id(n), found, CF_COUNT(found), &n_found, &err);
	for (size_t i = 0; i < n_found; i++)
		at += snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "", found[i].phase);
	return text;
}

static bool kept(int n, enum cf_outcome outcome)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	return ledger_find(parts.made.ledger, ledger_made_id(n), &row, &err) == 0 && !*row->fault && row->line.ended &&
	       row->line.view.outcome == outcome && row->line.receipt.migration.outcome == outcome &&
	       strcmp(row->line.receipt.migration.id, ledger_made_id(n)) == 0;
}

static void test_edges(void)
{
	parts_run_to_end(&parts, start(1));
	ok(strcmp(edges(1), "queued checking refused") == 0, "each edge is there: %s", edges(1));
	ok(kept(1, CF_OUTCOME_REFUSED), "and the receipt: %s", err.text);

	parts.context.settings->outgoing = 0;
	ok(migration_abort(start(2), "for a test", &err) == 0, "one is called back from the queue");
	parts.context.settings->outgoing = 2;
}

static void test_from_queue(void)
{
	struct migration *migration = NULL;

	migrations_find(parts.all, ledger_made_id(2), &migration, &err);
	parts_run_to_end(&parts, migration);
	ok(strcmp(edges(2), "queued aborted") == 0 && kept(2, CF_OUTCOME_ABORTED),
	   "its edges and receipt are there, too: %s: %s", edges(2), err.text);
}

static const char *kept_machine(int n)
{
	static char machine[64];
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	if (ledger_find(parts.made.ledger, ledger_made_id(n), &row, &err) < 0 || !row->line.ended)
		return "";
	snprintf(machine, sizeof(machine), "%s", row->line.receipt.machine);
	return machine;
}

/* Is it kept what was said of it? */
static bool keeps_said(int n)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	return ledger_find(parts.made.ledger, ledger_made_id(n), &row, &err) == 0 && row->line.ended &&
	       row->line.entry.has_reservation && row->line.entry.has_lease &&
	       strcmp(row->line.entry.reservation.uuid, ledger_made_id(n)) == 0;
}

static struct cf_receipt *receipt_of(int n, const char *machine)
{
	CF_AUTO(cf_free) struct ledger_line *line = ledger_made_line(n, CF_PHASE_DROPPED, true);
	struct cf_receipt *receipt = malloc(sizeof(*receipt));

	*receipt = line->receipt;
	snprintf(receipt->machine, sizeof(receipt->machine), "%s", machine);
	return receipt;
}

static void turn_for(cf_span span)
{
	cf_mono end = cf_mono_add(kernel_raw(), span);

	while (cf_mono_cmp(kernel_raw(), end) < 0)
		sd_event_run(loop_sd(parts.made.loop), 10 * CF_MS / CF_US);
}

/* The receipt that the ledger has of it is from that machine, or will be. */
static bool comes_to(int n, const char *machine)
{
	for (int i = 0; i < 600 && strcmp(kept_machine(n), machine) != 0; i++)
		turn_for((cf_span){ 100 * CF_MS });
	return strcmp(kept_machine(n), machine) == 0;
}

/* What the source hears of its receipt: whether it was kept, at the moment when it hears that. */
struct closed {
	struct migration *migration;
	bool told, kept;
};

static void on_closed(void *arg)
{
	struct closed *closed = arg;

	closed->told = true;
	closed->kept = migration_is_kept(closed->migration);
}

/* The source brings it, and waits for so long. */
static struct closed *close_with(struct migration *migration, struct cf_receipt *receipt, cf_span wait)
{
	static struct closed closed;

	closed = (struct closed){ .migration = migration };
	ok(migration_when_closed(migration, wait, on_closed, &closed, &err) == 0, "the source waits for it to be kept");
	migration_take_closing(migration, receipt);
	return &closed;
}

static void until_told(const struct closed *closed)
{
	while (!closed->told)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
}

static void test_accepted(void)
{
	struct migration *migration = expect(19);
	struct closed *closed;

	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	closed = close_with(migration, receipt_of(19, "in time"), (cf_span){ 60 * CF_S });
	ok(!closed->told, "a receipt is not accepted as soon as it is there");
	until_told(closed);
	ok(closed->kept && strcmp(kept_machine(19), "in time") == 0, "but when the ledger has it");
	closed = close_with(migration, receipt_of(19, "late"), (cf_span){ 60 * CF_S });
	ok(!closed->told, "nor is one that comes late");
	until_told(closed);
	ok(closed->kept && strcmp(kept_machine(19), "late") == 0, "... before that is there");
}

static void test_incoming(void)
{
	struct migration *migration = expect(3);
	struct cf_migration view;

	migration_view(migration, &view);
	ok(view.phase == CF_PHASE_UNKNOWN, "a lease is no promise before the ledger has it");
	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	ok(strcmp(edges(3), "leased") == 0, "then it is");

	ok(migration_abort(migration, "for a test", &err) == 0, "it is aborted");
	parts_run_to_phase(&parts, migration, CF_PHASE_DROPPED);
	ok(strcmp(edges(3), "leased dropped") == 0, "nor is it told that it was dropped before that is there");
	migration_take_closing(migration, receipt_of(3, "in time"));
	parts_run_to_end(&parts, migration);
	ok(strcmp(kept_machine(3), "in time") == 0, "the source's receipt goes there");
	ok(!keeps_said(3), "... and it needs nothing more of what it said");
	migration_take_closing(migration, receipt_of(3, "late"));
	ok(comes_to(3, "late"), "and one that comes late in its place");
}

/* What came of it: "" nothing yet. */
static void on_kept(void *arg, const struct cf_error *why)
{
	snprintf(arg, CF_DETAIL_ROOM, "%s", why ? why->text : "kept");
}

static bool keeps_wish(int n)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	return ledger_find(parts.made.ledger, ledger_made_id(n), &row, &err) == 0 && row->line.entry.landing.has_abort_asked &&
	       strcmp(row->line.entry.landing.abort_asked, "for a test") == 0;
}

static void test_wish(void)
{
	struct migration *migration = expect(16);
	const struct cf_record *record;
	char kept[CF_DETAIL_ROOM] = "";

	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	ok(!keeps_wish(16), "nobody has asked for the end of it");
	ok(migration_abort(migration, "for a test", &err) == 0, "somebody does");
	record = migration->work->record;
	migration_take_record(migration, calloc(1, sizeof(struct cf_record)), &err);
	migration_when_kept(migration, on_kept, kept);
	ok(!*kept, "that it was heard is not said at once");
	ok(migration->work->record == record, "and what the thread may be reading is left to it");
	while (!*kept)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(keeps_wish(16) && strcmp(kept, "kept") == 0, "but when the ledger has it: %s", err.text);
	migration_take_closing(migration, receipt_of(16, "in time"));
	parts_run_to_end(&parts, migration);
	kept[0] = '\0';
	migration_when_kept(migration, on_kept, kept);
	ok(strcmp(kept, "kept") == 0, "once it is over there is nothing to wait for");
}

/* The source ends it while it still waits here: whose limits they were is as the source has it, which knew of the request. */
static void test_given_up(void)
{
	struct migration *migration = expect(18);
	struct cf_receipt *receipt = receipt_of(18, "given up");
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	snprintf(receipt->limit_owners.max_blackout, sizeof(receipt->limit_owners.max_blackout), "the request");
	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	migration_take_closing(migration, receipt);
	parts_run_to_end(&parts, migration);
	ok(strcmp(edges(18), "leased dropped") == 0 && ledger_find(parts.made.ledger, ledger_made_id(18), &row, &err) == 0 &&
	   strcmp(row->line.receipt.machine, "given up") == 0, "one that its source ends is dropped, and has its receipt: %s", edges(18));
	ok(strcmp(row->line.receipt.limit_owners.max_blackout, "the request") == 0, "... word for word: %s",
	   row->line.receipt.limit_owners.max_blackout);
}

/* The source fell silent, and may have lost what it said. */
static void test_alone(void)
{
	cf_span lease = parts.context.settings->lease;
	struct migration *migration = expect(14);

	parts.context.settings->lease = (cf_span){ 100 * CF_MS };
	parts_run_to_end(&parts, migration);
	parts.context.settings->lease = lease;
	ok(kept(14, CF_OUTCOME_ABORTED) && keeps_said(14), "without the source's receipt it is kept what was said: %s", err.text);
	n_logged = 0;
	migration_take_closing(migration, receipt_of(14, "late"));
	ok(comes_to(14, "late") && !keeps_said(14), "until that comes");
	ok(n_logged == 1 && strcmp(logged, "late") == 0, "the journal has it then, too");
	migration_take_closing(migration, receipt_of(14, "late"));
	ok(n_logged == 1, "and once, however often it comes");
}

/* --- a ledger that cannot be written --- */

static sqlite3 *holder;

/* The ledger may be at its last write. */
static void hold(void)
{
	ok(sqlite3_open(parts.made.options.path, &holder) == SQLITE_OK &&
	   sqlite3_busy_timeout(holder, 60000) == SQLITE_OK &&
	   sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, "somebody else writes to it");
}

static void let_go(void)
{
	sqlite3_exec(holder, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(holder);
}

static void test_slow(void)
{
	struct migration *migration;
	struct cf_migration view;

	hold();
	migration = start(4);
	turn_for((cf_span){ 300 * CF_MS });
	migration_view(migration, &view);
	ok(view.phase == CF_PHASE_QUEUED, "while the ledger is not written nothing is checked");
	let_go();
	parts_run_to_end(&parts, migration);
	ok(strcmp(edges(4), "queued checking refused") == 0 && kept(4, CF_OUTCOME_REFUSED), "and then it is");
}

static void test_wish_unkept(void)
{
	struct migration *migration = expect(17);
	char kept[CF_DETAIL_ROOM] = "";

	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	hold();
	ok(migration_abort(migration, "for a test", &err) == 0, "the end of one is asked for, which the ledger does not take");
	migration_when_kept(migration, on_kept, kept);
	while (!*kept)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(strcmp(kept, "kept") != 0, "that it is not kept is said: %s", kept);
	let_go();
	parts_run_to_phase(&parts, migration, CF_PHASE_DROPPED);
	ok(true, "it ends all the same");
	migration_take_closing(migration, receipt_of(17, "in time"));
	parts_run_to_end(&parts, migration);
}

static void test_unaccepted(void)
{
	struct migration *migration = expect(20);
	struct closed *closed;

	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
	hold();
	closed = close_with(migration, receipt_of(20, "in time"), (cf_span){ 300 * CF_MS });
	until_told(closed);
	ok(!closed->kept, "a receipt that the ledger does not take is not accepted");
	let_go();
	ok(comes_to(20, "in time"), "it gets there all the same");
	parts_run_to_end(&parts, migration);
}

static bool says_missed(const struct cf_receipt *receipt, const char *phase)
{
	for (size_t i = 0; i < receipt->n_unmeasured; i++)
		if (strstr(receipt->unmeasured[i], "not in the ledger") && strstr(receipt->unmeasured[i], phase))
			return true;

	return false;
}

static bool unrecorded(int n)
{
	CF_AUTO(cf_free) struct cf_migrations *list = calloc(1, sizeof(*list));

	migrations_unrecorded(parts.all, &(struct cf_migrations_query){ 0 }, INT64_MAX, list);
	for (size_t i = 0; i < list->n_list; i++)
		if (strcmp(list->list[i].id, ledger_made_id(n)) == 0)
			return true;

	return false;
}

static void test_refused(void)
{
	struct ledger_state state;
	struct migration *there, *here;

	hold();
	there = expect(5);
	here = start(6);
	parts_run_to_phase(&parts, there, CF_PHASE_DROPPED);
	ok(true, "nothing is promised that is not written down");
	ledger_made_until(&parts.made, false);
	ledger_state(parts.made.ledger, &state);
	ok(!state.writable, "the ledger says why: %s", state.fault);
	parts_run_to_end(&parts, here);
	ok(migration_receipt(here)->migration.outcome == CF_OUTCOME_REFUSED, "nothing begins");
	ok(says_missed(migration_receipt(here), "checking"), "the receipt says what was not written down");
	ok(unrecorded(6), "it is listed all the same");
	let_go();

	ok(ledger_made_until(&parts.made, true), "the ledger comes back");
	for (int i = 0; i < 300 && !kept(6, CF_OUTCOME_REFUSED); i++)
		turn_for((cf_span){ 100 * CF_MS });
	ok(kept(6, CF_OUTCOME_REFUSED), "and the receipt goes there by itself");
	for (int i = 0; i < 300 && unrecorded(6); i++)	/* it is written once more if that came late */
		turn_for((cf_span){ 100 * CF_MS });
	ok(!unrecorded(6), "from where it is listed then");
}

enum cost { NOTHING, STOOD, CUT };

/* One more attempt of the same guest: how long ago it ended, and what it had cost the guest. */
static const char *lately(int n, enum cf_phase phase, cf_span ago, enum cost cost)
{
	struct ledger_line *line = ledger_made_line(3 * n, phase, true);
	static char why[CF_DETAIL_ROOM];
	char uuid[CF_UUID_ROOM];

	memcpy(uuid, line->view.uuid, sizeof(uuid));
	line->view.has_ended = true;
	line->view.ended = cf_real_add(kernel_instant().real, (cf_span){ -ago.ns });
	snprintf(line->view.reason, sizeof(line->view.reason), "because of %d", n);
	line->receipt.migration = line->view;
	line->receipt.has_source_lost = cost == STOOD;
	line->receipt.has_cut_late = cost == CUT;
	line->receipt.has_gated = false;
	ledger_made_write(&parts.made, line, PATIENCE, &err);
	lately_rolled_back(&parts.context, uuid, why);
	return why;
}

static void test_lately(void)
{
	const cf_span now = { CF_S }, long_ago = { 4000 * CF_S }, before = { 3000 * CF_S };
	const char *why = "";

	ok(strcmp(lately(20, CF_PHASE_DONE, now, NOTHING), "") == 0, "a guest that moved was not rolled back");
	ok(strcmp(lately(21, CF_PHASE_ABORTED, now, NOTHING), "") == 0, "nor one that an attempt cost nothing");
	ok(strcmp(lately(22, CF_PHASE_ABORTED, long_ago, STOOD), "") == 0, "nor lately, when that is long ago");
	ok(strcmp(lately(23, CF_PHASE_ABORTED, before, CUT), "because of 23") == 0, "one that was cut in the copy is said to be");
	ok(strcmp(lately(24, CF_PHASE_ABORTED, before, STOOD), "because of 24") == 0, "so is one that had stood still, for an hour");
	for (int n = 25; n < 25 + CF_PAGE_MAX; n++)
		why = lately(n, CF_PHASE_ABORTED, now, NOTHING);
	ok(strcmp(why, "because of 24") == 0, "no attempt that cost nothing takes that back, nor do many: %s", why);
	ok(strcmp(lately(25 + CF_PAGE_MAX, CF_PHASE_ABORTED, long_ago, STOOD), "because of 24") == 0, "nor one that ended before it");
	ok(strcmp(lately(26 + CF_PAGE_MAX, CF_PHASE_ABORTED, now, STOOD), "because of 126") == 0, "the newest of them is the one");
}

int main(void)
{
	ok(parts_begin(&parts, &err) == 0, "all parts are there: %s", err.text);
	test_edges();
	test_from_queue();
	test_incoming();
	test_given_up();
	test_accepted();
	test_alone();
	test_wish();
	test_slow();
	test_wish_unkept();
	test_unaccepted();
	test_refused();
	test_lately();
	parts_end(&parts);
	return done();
}
