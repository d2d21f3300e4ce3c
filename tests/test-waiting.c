/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Those of the list of migrations that wait for their turn, and what becomes of them and the
 * others when this host is to take no more, when the agent ends, and when the ledger is read late.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/loop.h"
#include "daemon/settings.h"
#include "proto/receipt.h"
#include "tests/requests.h"

#define ABSENT "00000000-2222-4000-8000-000000000000"	/* of a domain that is not there */
#define THREE "33333333-0000-4000-8000-000000000000"
#define ONE_MORE     "66666666-0000-4000-8000-000000000000"
#define ONE_MORE_YET "77777777-0000-4000-8000-000000000000"
#define NOW_OR_NEVER "99999999-0000-4000-8000-000000000000"
#define TOO_MANY     "88888888-0000-4000-8000-000000000000"

static void on_waited(void *arg)
{
	*(bool *)arg = true;
}

static struct migration *waiting(int n, const char *domain, int64_t priority)
{
	struct cf_migration_request request = { .destination = "no such/host", .has_priority = true, .priority = priority };
	struct migration *migration = NULL;
	char id[CF_UUID_ROOM];

	snprintf(id, sizeof(id), "55555555-0000-4000-8000-%012d", n);
	snprintf(request.domain, sizeof(request.domain), "%s", domain);
	ok(start(id, request, &migration) == 0, "%s with priority %d: %s", domain, (int)priority, err.text);
	return migration;
}

static int64_t ahead(struct migration *migration)
{
	struct cf_migration view;

	migration_view(migration, &view);
	return view.phase == CF_PHASE_QUEUED && view.has_ahead ? view.ahead : -1;
}

/* When its turn came. */
static int64_t turn(struct migration *migration)
{
	const struct cf_receipt *receipt = migration_receipt(migration);

	for (size_t i = 0; i < receipt->n_phases; i++)
		if (receipt->phases[i].phase == CF_PHASE_CHECKING)
			return receipt->phases[i].at.ns;
	return -1;
}

/* Those who wait: in their order, and no longer than they may. */
static void test_queue(void)
{
	struct migration *low, *first, *second, *high, *other = NULL, *again = NULL;
	struct cf_migration_request at_once = { "f", "no such/host", .has_wait = true };
	struct cf_migration_request impatient = { "d", "no such/host", .has_wait = true, .wait = { CF_MS } };
	bool answered = false;

	parts.context.settings->outgoing = 0;
	low = waiting(1, "a", -5);
	first = waiting(2, "b", 0);
	second = waiting(3, "c", 0);
	high = waiting(4, "test", 7);
	ok(ahead(high) == 0 && ahead(first) == 1 && ahead(second) == 2 && ahead(low) == 3,
	   "they wait by priority, and then as they came");
	ok(migrations_queued(parts.all) == 4 && migrations_under_way(parts.all) == 0, "and nothing is at work");
	ok(migration_when_checked(low, PATIENCE, on_waited, &answered, &err) == 0 && answered,
	   "who asks how its check ends is told at once that it waits");
	ok(start("55555555-0000-4000-8000-000000000002",
		 (struct cf_migration_request){ "b", "no such/host", .has_priority = true }, &again) == 0 && again == first,
	   "a repeat finds the one that waits");

	ok(start(ONE_MORE, (struct cf_migration_request){ "b", "hC" }, &other) == 0, "a second one of a domain that waits");
	ok(last(other)->outcome == CF_OUTCOME_REFUSED && has_finding(migration_receipt(other), CF_FINDING_DOMAIN_MIGRATING, ""),
	   "is refused at once, with the reason");

	ok(migration_abort(second, "for a test", &err) == 0, "who waits can be aborted");
	ok(last(second)->outcome == CF_OUTCOME_ABORTED && strcmp(last(second)->reason, "for a test") == 0,
	   "which ends in a receipt: %s", last(second)->reason);
	ok(ahead(high) == 0 && ahead(first) == 1 && ahead(low) == 2, "and the others move up");

	ok(start(ONE_MORE_YET, impatient, &other) == 0 && last(other)->outcome == CF_OUTCOME_ABORTED,
	   "nobody waits longer than it may: %s", last(other)->reason);
	parts.context.settings->queued = 3;
	ok(start(TOO_MANY, (struct cf_migration_request){ "e", "hB" }, &other) < 0 && err.code == CF_BUSY,
	   "no more wait than may: %s", err.text);

	parts.context.settings->outgoing = 1;
	migrations_reload(parts.all);
	ok(last(high)->outcome == CF_OUTCOME_REFUSED && last(first)->outcome == CF_OUTCOME_REFUSED &&
	   last(low)->outcome == CF_OUTCOME_REFUSED,
	   "then there is room, and they go");
	ok(turn(high) < turn(first) && turn(first) < turn(low), "one after the other in their order");
	ok(start(NOW_OR_NEVER, at_once, &other) == 0 && last(other)->outcome == CF_OUTCOME_REFUSED,
	   "who may not wait at all goes if there is room: %s", last(other)->reason);
	parts.context.settings->outgoing = 2;
	parts.context.settings->queued = 100;
}

/* A ledger that could not be read at the start is read later: once at a time, and who is there already stays who it is. */
static void test_late_recovery(void)
{
	struct migration *waits, *found = NULL;

	parts.context.settings->outgoing = 0;
	waits = waiting(21, "a", 0);
	parts.all->recovered = false;
	migrations_recover_later(parts.all);
	ok(parts.all->recovering && !parts.all->recover_again, "what an earlier agent left is being read");
	migrations_recover_later(parts.all);
	ok(parts.all->recover_again, "asked for meanwhile, it waits");
	while (parts.all->recovering)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(parts.all->recovered && !parts.all->recover_again, "and is left, since it was read well");
	ok(migrations_queued(parts.all) == 1 && migrations_find(parts.all, "55555555-0000-4000-8000-000000000021", &found, NULL) == 0 &&
	   found == waits, "who was there has no double");
	ok(migration_abort(waits, "for a test", &err) == 0 && last(waits)->outcome == CF_OUTCOME_ABORTED, "and ends as ever");
	parts.context.settings->outgoing = 2;
}

/* No new ones, and those that wait go on waiting. */
static void test_quiesce(void)
{
	struct migration *one, *other = NULL;
	char detail[CF_DETAIL_ROOM];

	parts.context.settings->outgoing = 0;
	one = waiting(11, "a", 0);
	ok(migrations_quiesce(parts.all, &err) == 0 && migrations_quiescing(parts.all), "quiescing");
	ok(start("55555555-0000-4000-8000-000000000012", (struct cf_migration_request){ "b", "hB" }, &other) < 0 &&
	   err.code == CF_QUIESCING, "nothing new leaves: %s", err.text);
	ok(migrations_objection(parts.all, THREE, detail) == CF_FINDING_QUIESCING, "or comes in");
	parts.context.settings->outgoing = 2;
	migrations_reload(parts.all);
	ok(ahead(one) == 0, "nobody's turn comes");
	ok(migrations_unquiesce(parts.all, &err) == 0 && !migrations_quiescing(parts.all) &&
	   last(one)->outcome == CF_OUTCOME_REFUSED, "until that is taken back");
	ok(migrations_objection(parts.all, THREE, detail) == CF_FINDING_UNKNOWN, "then all is as before");
}

static void on_idle(void *userdata)
{
	*(bool *)userdata = true;
}

static void run_to(const bool *what)
{
	while (!*what)
		sd_event_run(loop_sd(parts.context.loop), UINT64_MAX);
}

/* By the clock of the loop's own turns: a timer counts from the turn in which it was set, however long ago that began. */
static uint64_t turn_began(void)
{
	uint64_t usec = 0;

	if (sd_event_now(loop_sd(parts.context.loop), CLOCK_MONOTONIC, &usec) < 0)
		abort();
	return usec;
}

/* The agent's end: of those that wait, and of those that are at work. */
static void test_stop(void)
{
	struct migration *waits, *with_xml, *comes = NULL;
	struct cf_migration view;
	bool idle = false;
	uint64_t told;
	cf_span had;

	parts.context.settings->outgoing = 0;
	parts.context.settings->stop_wait = (cf_span){ 100 * CF_MS };
	waits = waiting(21, "a", 0);
	with_xml = waiting(23, "b", 0);
	with_xml->work->xml = strdup("<domain/>");
	ok(expect("55555555-0000-4000-8000-000000000022", ABSENT, "hb", &comes) == 0, "one waits, one comes in");
	told = turn_began();
	migrations_stop(parts.all, on_idle, &idle);
	ok(!idle, "the agent is told to stop, and has something to wait for");
	ok(last(with_xml)->outcome == CF_OUTCOME_ABORTED && strstr(last(with_xml)->reason, "agent-stopping"),
	   "who waits with an XML of its own is aborted: %s", last(with_xml)->reason);
	migration_view(waits, &view);
	ok(view.phase == CF_PHASE_QUEUED, "who waits without one goes on waiting");
	run_to(&idle);
	had = (cf_span){ (int64_t)(turn_began() - told) * CF_US };
	ok(had.ns >= parts.context.settings->stop_wait.ns, "who comes in has time: %d ms", (int)(had.ns / CF_MS));
	ok(!migration_receipt(comes), "and then it is left, for its source goes on with it");
	ok(migrations_unquiesce(parts.all, &err) < 0, "there is no way back: %s", err.text);
}

static void test_waiting(void)
{
	test_queue();
	test_late_recovery();
	test_quiesce();
}

int main(void)
{
	run("all parts are there", test_waiting);
	run("and once more", test_stop);
	return done();
}
