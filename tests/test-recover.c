/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An agent that ends, and begins again over one ledger: what it makes of what it finds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/act/errand.h"
#include "daemon/act/migration.h"
#include "daemon/clock/kernel.h"
#include "daemon/ledger/marks.h"
#include "daemon/settings.h"
#include "policy/recover.h"
#include "proto/receipt.h"
#include "tests/parts.h"
#include "tests/tap.h"

#define DOMAIN "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* libvirt's test driver has it, and it runs */

static struct parts parts;
static struct cf_error err;

static struct migration *find(int n)
{
	struct migration *migration = NULL;

	migrations_find(parts.all, ledger_made_id(n), &migration, &err);
	return migration;
}

static void write_line(struct ledger_line *line)
{
	if (ledger_made_write(&parts.made, line, PATIENCE, &err) < 0)
		printf("# %s\n", err.text);
}

/* Of a domain of its own: one that is being moved is refused a second time. */
static void start(int n, int64_t priority, const char *xml)
{
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };
	struct cf_migration_request request = { .destination = "no such/host", .has_priority = true, .priority = priority };
	struct migration *migration = NULL;

	snprintf(request.domain, sizeof(request.domain), "guest%d", n);
	request.has_xml = xml;
	if (xml)
		request.xml = (struct cf_blob){ (uint8_t *)strdup(xml), strlen(xml) };
	if (migrations_start(parts.all, ledger_made_id(n), &request, &operator, &migration, &err) < 0)
		abort();
}

static void expect(int n)
{
	const struct cf_limits *limits = &settings_policy(parts.context.settings, "")->limits;
	struct cf_lease lease = { .granted = true, .host = "hA", .limits = *limits };
	struct cf_reservation reservation = { .domain = "guest", .source = "hB", .destination = "hA", .limits = *limits };
	struct migration *migration = NULL;

	snprintf(reservation.uuid, sizeof(reservation.uuid), "%s", ledger_made_id(n));
	if (migrations_expect(parts.all, ledger_made_id(n), &reservation, &lease, "hb", &migration, &err) < 0)
		abort();
	parts_run_to_phase(&parts, migration, CF_PHASE_LEASED);
}

/* One that an agent has left in that phase; the rest of it is what it wrote at the least. */
static void leave(int n, enum cf_side side, enum cf_phase phase)
{
	struct ledger_line *line = ledger_made_line(n, phase, false);

	line->view.side = side;
	line->receipt.migration = (struct cf_migration){ 0 };	/* none has come, and none is made yet */
	snprintf(line->view.uuid, sizeof(line->view.uuid), "%s", side == CF_SOURCE ? DOMAIN : ledger_made_id(n));
	snprintf(line->view.destination, sizeof(line->view.destination), "no such/host");
	line->entry.has_reservation = true;
	snprintf(line->entry.reservation.uuid, sizeof(line->entry.reservation.uuid), "%s", line->view.uuid);
	line->entry.reservation.limits = line->receipt.limits;
	line->entry.has_record = side == CF_SOURCE;
	snprintf(line->entry.record.guest.uuid, sizeof(line->entry.record.guest.uuid), "%s", line->view.uuid);
	write_line(line);
}

static bool says(const struct cf_receipt *receipt, const char *words)
{
	for (size_t i = 0; receipt && i < receipt->n_unmeasured; i++)
		if (strstr(receipt->unmeasured[i], words))
			return true;
	for (size_t i = 0; receipt && i < receipt->landing.n_unmeasured; i++)
		if (strstr(receipt->landing.unmeasured[i], words))
			return true;

	return false;
}

static const struct cf_receipt *last(int n)
{
	struct migration *migration = find(n);

	if (!migration)
		return NULL;
	parts_run_to_end(&parts, migration);
	return migration_receipt(migration);
}

/* One that was to wait a second, and was asked for long ago. */
static void leave_waiting(int n)
{
	struct ledger_line *line = ledger_made_line(n, CF_PHASE_QUEUED, false);

	line->view.started = cf_real_add(kernel_instant().real, (cf_span){ -CF_DAY });
	line->receipt.migration = (struct cf_migration){ 0 };
	line->entry.has_request = line->entry.has_with_xml = true;
	line->entry.request = (struct cf_migration_request){ .domain = "late", .destination = "no such/host",
							     .has_wait = true, .wait = { CF_S } };
	write_line(line);
}

/* The phase, and how many go first. */
static const char *place(int n)
{
	static char text[4][64];
	static int i;
	struct migration *migration = find(n);
	struct cf_migration view = { 0 };

	if (migration)
		migration_view(migration, &view);
	snprintf(text[++i % 4], sizeof(text[0]), "%s %lld", cf_phase_words[view.phase],
		 view.has_ahead ? (long long)view.ahead : -1);
	return text[i % 4];
}

static void test_queue(void)
{
	const struct cf_receipt *receipt;
	struct cf_migration view;

	parts.nobody_leaves = true;
	ok(parts_again(&parts, &err) == 0, "an agent from which nobody may leave: %s", err.text);
	start(20, 0, NULL);
	start(21, 0, NULL);
	start(22, 5, NULL);
	start(23, 9, "<domain/>");
	leave_waiting(24);
	ok(parts_again(&parts, &err) == 0, "it begins again: %s", err.text);

	ok(strcmp(place(22), "queued 0") == 0 && strcmp(place(20), "queued 1") == 0 && strcmp(place(21), "queued 2") == 0,
	   "who waited waits on, in the same order: %s, %s, %s", place(22), place(20), place(21));
	migration_view(find(20), &view);
	ok(strcmp(view.requester.name, "uid 1000 (ada)") == 0 && strcmp(view.domain, "guest20") == 0, "as it was asked for");
	receipt = last(23);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strstr(receipt->migration.reason, "XML"),
	   "but for the one whose XML stood in memory alone: %s", receipt ? receipt->migration.reason : "nothing");
	receipt = last(24);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strstr(receipt->migration.reason, "did not come within 1 s"),
	   "and the one whose time was over meanwhile: %s", receipt ? receipt->migration.reason : "nothing");

	parts.context.settings->outgoing = 1;
	migrations_reload(parts.all);
	parts_run_to_phase(&parts, find(22), CF_PHASE_CHECKING);
	ok(migration_abort(find(22), "for a test", &err) == 0, "the first one's turn comes, and it can be aborted");
	receipt = last(22);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && !says(receipt, "restarted"),
	   "to it the restart was nothing: %s", receipt ? receipt->migration.reason : "nothing");
	ok(migration_abort(find(20), "for a test", &err) == 0 && migration_abort(find(21), "for a test", &err) == 0,
	   "so can the others");
	last(20);
	last(21);
	parts.nobody_leaves = false;
}

static void test_source(void)
{
	const struct cf_receipt *receipt;

	leave(2, CF_SOURCE, CF_PHASE_CAPTURING);
	leave(3, CF_SOURCE, CF_PHASE_REFUSED);
	ok(parts_again(&parts, &err) == 0, "the agent begins again: %s", err.text);

	receipt = last(2);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strstr(receipt->migration.reason, "before the copy"),
	   "what had only been reserved is called off: %s", receipt ? receipt->migration.reason : "nothing");
	ok(says(receipt, "restarted while capturing"), "the receipt says when it happened");
	receipt = last(3);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_REFUSED, "what had been refused gets its receipt");
}

static void test_destination(void)
{
	const struct cf_receipt *receipt;
	static const struct host_names hb = { 1, { "hb" } };
	struct migration *migration = NULL;

	expect(4);
	leave(5, CF_DESTINATION, CF_PHASE_VERIFYING);
	leave(6, CF_DESTINATION, CF_PHASE_PREPARED);
	ok(parts_again(&parts, &err) == 0, "the agent begins again: %s", err.text);
	ok(migrations_find_incoming(parts.all, ledger_made_id(4), &hb, &migration, &err) == 0, "a lease still holds");
	ok(migration_take_record(migration, calloc(1, sizeof(struct cf_record)), &err) == 0, "and its record is taken");
	parts.context.settings->lease = (cf_span){ 200 * CF_MS };

	receipt = last(4);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strstr(receipt->migration.reason, "lease"),
	   "for as long as leases do: %s", receipt ? receipt->migration.reason : "nothing");
	receipt = last(5);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_UNVERIFIED && says(receipt, "restarted while verifying"),
	   "what had landed is brought to its end");
	receipt = last(6);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strstr(receipt->migration.reason, "gone"),
	   "what had come and is gone, too: %s", receipt ? receipt->migration.reason : "nothing");
}

/* Somebody had asked this host for the end of it, and its agent ended before it. */
static void test_wish(void)
{
	const struct cf_limits *limits = &settings_policy(parts.context.settings, "")->limits;
	struct ledger_line *line = ledger_made_line(11, CF_PHASE_LEASED, false);
	const struct cf_receipt *receipt;
	struct cf_landing landing;

	line->view.side = CF_DESTINATION;
	line->receipt.migration = (struct cf_migration){ 0 };
	line->entry.has_reservation = line->entry.has_landing = true;
	snprintf(line->entry.reservation.uuid, sizeof(line->entry.reservation.uuid), "%s", ledger_made_id(11));
	line->entry.reservation.limits = *limits;
	line->entry.landing = (struct cf_landing){ .phase = CF_PHASE_LEASED, .lever = CF_LEVER_NONE, .has_abort_asked = true,
						   .abort_asked = "aborted by ada" };
	write_line(line);
	ok(parts_again(&parts, &err) == 0 && find(11), "the agent begins again: %s", err.text);
	migration_landing(find(11), &landing);
	ok(landing.has_abort_asked && strcmp(landing.abort_asked, "aborted by ada") == 0, "the source's agent still reads that it was asked to abort");
	parts.context.settings->lease = (cf_span){ CF_S };
	receipt = last(11);
	ok(receipt && receipt->migration.outcome == CF_OUTCOME_ABORTED && strcmp(receipt->migration.reason, "aborted by ada") == 0,
	   "and it ends here as it was asked to: %s", receipt ? receipt->migration.reason : "nothing");
}

/* libvirt had been told to let it run, and nobody was there when it did. */
static void test_obeyed(void)
{
	struct ledger_line *line = ledger_made_line(10, CF_PHASE_OBEYED, false);
	struct cf_migration view;

	line->view.side = CF_DESTINATION;
	line->receipt.migration = (struct cf_migration){ 0 };
	snprintf(line->view.uuid, sizeof(line->view.uuid), "%s", DOMAIN);
	line->entry.has_reservation = line->entry.has_lease = true;
	snprintf(line->entry.reservation.uuid, sizeof(line->entry.reservation.uuid), "%s", DOMAIN);
	snprintf(line->entry.reservation.driver, sizeof(line->entry.reservation.driver), "gated");
	line->entry.reservation.limits = line->receipt.limits;
	line->entry.reservation.has_override = true;
	line->entry.reservation.override = (struct cf_override){ 1, { "lever-missing" }, "for a test" };
	line->entry.lease = (struct cf_lease){ .granted = true, .host = "hA", .limits = line->receipt.limits,
					       .has_override_accepted = true, .override_accepted = true };
	write_line(line);
	ok(parts_again(&parts, &err) == 0 && find(10), "the agent begins again: %s", err.text);
	ok(find(10)->work->limits.overridden[CF_FINDING_LEVER_MISSING], "what was overridden is");
	for (migration_view(find(10), &view); view.phase == CF_PHASE_OBEYED; )
		parts_run_to_change(&parts, find(10), &view);
	ok(view.phase >= CF_PHASE_RUNNING && view.phase <= CF_PHASE_DONE, "a guest that runs here is looked after: %s",
	   cf_phase_words[view.phase]);
}

/* A copy that libvirt has not any more: where the guest is, the other host has to say as well. */
static void test_copy(void)
{
	struct cf_migration view;

	leave(7, CF_SOURCE, CF_PHASE_COPYING);
	ok(parts_again(&parts, &err) == 0 && find(7), "the agent begins again: %s", err.text);
	ok(migrations_under_way(parts.all) == 1, "the copy is under way");
	parts_run_to_phase(&parts, find(7), CF_PHASE_PAUSED);
	migration_view(find(7), &view);
	ok(strstr(view.reason, "restarted"), "a copy that is no more is asked about: %s", view.reason);
	ok(migration_abort(find(7), "for a test", &err) < 0 && err.code == CF_TOO_LATE, "and nothing is undone meanwhile");
	ok(parts_again(&parts, &err) == 0, "the agent begins once more: %s", err.text);
	migration_view(find(7), &view);
	ok(view.phase == CF_PHASE_PAUSED, "and goes on asking");
}

static void test_garbage(void)
{
	leave(8, CF_SOURCE, CF_PHASE_QUEUED);
	leave(9, CF_SOURCE, CF_PHASE_QUEUED);
	ok(!*ledger_made_sql(&parts.made, "UPDATE migrations SET entry = 'garbage' WHERE id LIKE '00000008%'"), "a row is spoilt");
	ok(parts_again(&parts, &err) == 0, "the agent begins again: %s", err.text);
	ok(!find(8), "it is not taken up");
	ok(last(9) && last(9)->migration.outcome == CF_OUTCOME_ABORTED, "the next one is, and as nobody knows what was asked, ended");
}

/* The destination is owed a receipt of which nothing can be read here any more. */
static void test_spoilt_receipt(void)
{
	cf_mono until = cf_mono_add(kernel_raw(), PATIENCE);
	struct ledger_line *line = ledger_made_line(70, CF_PHASE_DONE, true);

	line->owed = true;
	write_line(line);
	ok(!*ledger_made_sql(&parts.made, "UPDATE migrations SET view = 'x', receipt = 'garbage' WHERE id LIKE '00000070%'"),
	   "a row with a receipt that is owed is spoilt");
	ok(parts_again(&parts, &err) == 0 && !parts.all->errands, "nobody sets out with it");
	errand_add(parts.all, ledger_made_id(70));
	while (parts.all->errands && cf_mono_cmp(kernel_raw(), until) < 0)
		sd_event_run(loop_sd(parts.made.loop), 100 * CF_MS / CF_US);
	ok(!parts.all->errands, "who has set out before it was spoilt gives up");
	ok(parts_again(&parts, &err) == 0 &&
	   ledger_made_ask(&parts.made, "SELECT count(*) FROM migrations WHERE id LIKE '00000070%' AND view = 'x'"
					" AND receipt = 'garbage' AND owed") == 1, "what is left in the row stays");
}

static mark_word marked(struct marks *marks, int n)
{
	mark_word word = MARK_NONE;

	mark_get(marks, ledger_made_id(n), &word, NULL);
	return word;
}

/* Left by an agent that died between a receipt and forgetting, or by one whose ledger was lost. */
static void test_marks(void)
{
	struct marks_options options = { .durable = false };
	char folder[] = "/tmp/test-recover-XXXXXX";
	struct marks *marks = NULL;

	if (!mkdtemp(folder))
		abort();
	snprintf(options.path, sizeof(options.path), "%s/marks", folder);
	ok(marks_new(&marks, &options, &err) == 0, "marks: %s", err.text);
	write_line(ledger_made_line(60, CF_PHASE_DONE, true));
	ledger_settled(parts.made.ledger);
	mark_set(marks, ledger_made_id(60), 1, &err);
	mark_set(marks, ledger_made_id(61), 2, &err);
	parts.context.promises = marks;
	ok(parts_again(&parts, &err) == 0, "an agent that finds marks: %s", err.text);
	ok(marked(marks, 60) == MARK_NONE, "that of a migration which is over is forgotten");
	ok(marked(marks, 61) == 2, "one of which the ledger knows nothing stays");
	parts.context.promises = NULL;
	ok(!parts.all->relearn, "by what was promised it is not found out what was lost");
	mark_set(marks, ledger_made_id(62), 1 + CF_DECISION_LEFT, &err);
	parts.context.decisions = marks;
	mark_forget(marks, ledger_made_id(61));
	ok(parts_again(&parts, &err) == 0 && !parts.all->relearn, "nor by what is settled");
	mark_set(marks, ledger_made_id(61), 1 + CF_DECISION_COMMIT, &err);
	ok(parts_again(&parts, &err) == 0 && parts.all->relearn, "but by a decision that no ledger has");
	while (parts.all->relearn)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(marked(marks, 61) == 1 + CF_DECISION_COMMIT, "which stays, as nobody knows more");
	parts.context.decisions = NULL;
	marks_free(marks);
	unlink(options.path);
	rmdir(folder);
}

/* The destination did not take the receipt, and the ledger does not take it either: there is nothing to set out with yet. */
static void test_owed(void)
{
	parts.nobody_leaves = true;
	ok(parts_again(&parts, &err) == 0 && !parts.all->errands, "an agent that owes nothing: %s", err.text);
	start(72, 0, NULL);
	find(72)->work->owed = true;
	ok(!*ledger_made_sql(&parts.made, "CREATE TRIGGER stuck BEFORE UPDATE ON migrations WHEN NEW.ended"
					  " BEGIN SELECT RAISE(ABORT, 'it is full'); END"), "a ledger that takes no end");
	ok(migration_abort(find(72), "for a test", &err) == 0 && last(72) && !find(72)->saved && !parts.all->errands,
	   "a receipt that is not there yet is brought to nobody");
	ok(!*ledger_made_sql(&parts.made, "DROP TRIGGER stuck"), "it takes them again");
	while (!find(72)->saved)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(parts.all->errands, "... and then it is");
	parts.nobody_leaves = false;
}

int main(void)
{
	ok(parts_begin(&parts, &err) == 0, "all parts are there: %s", err.text);
	test_queue();
	test_source();
	test_destination();
	test_garbage();
	test_spoilt_receipt();
	test_copy();
	test_obeyed();
	test_wish();
	test_marks();
	test_owed();
	parts_end(&parts);
	return done();
}
