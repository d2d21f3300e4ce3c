/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The list of migrations with all its real parts around it, but for the other
 * host: libvirt is its own test driver, and what is called is never there.
 */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/act/foreign.h"
#include "daemon/act/migration.h"
#include "daemon/clock/kernel.h"
#include "daemon/loop.h"
#include "daemon/settings.h"
#include "proto/codec.h"
#include "proto/receipt.h"
#include "tests/parts.h"
#include "tests/tap.h"

#define HERE   "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of libvirt's domain "test" */
#define ABSENT "00000000-1111-4000-8000-000000000000"	/* of a domain that is not there */
#define ABSENT_TOO "00000000-2222-4000-8000-000000000000"
#define TWO   "22222222-0000-4000-8000-000000000000"
#define THREE "33333333-0000-4000-8000-000000000000"
#define ONE_MORE     "66666666-0000-4000-8000-000000000000"
#define ONE_MORE_YET "77777777-0000-4000-8000-000000000000"
#define NOW_OR_NEVER "99999999-0000-4000-8000-000000000000"
#define TOO_MANY     "88888888-0000-4000-8000-000000000000"
#define WITH_XML  "aaaaaaaa-0000-4000-8000-000000000000"
#define WITH_NONE "bbbbbbbb-0000-4000-8000-000000000000"
#define ONE   "11111111-0000-4000-8000-000000000000"

static struct parts parts;
static struct cf_error err;

static void on_waited(void *arg)
{
	*(bool *)arg = true;
}

static int start(const char *id, struct cf_migration_request request, struct migration **ret)
{
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };

	return migrations_start(parts.all, id, &request, &operator, ret, &err);
}

static int start_with(const char *id, const char *xml, size_t size, struct migration **ret)
{
	struct cf_migration_request request = { .domain = "test", .destination = "no such/host", .has_xml = true,
						.has_options = true, .options = { .has_parallel = true, .parallel = 2,
						.has_compression = true, .compression = CF_COMPRESSION_XBZRLE } };
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };
	int r;

	request.xml = (struct cf_blob){ malloc(size), size };
	memcpy(request.xml.data, xml, size);
	r = migrations_start(parts.all, id, &request, &operator, ret, &err);
	cf_message_clear(&cf_migration_request_shape, &request);
	return r;
}

static struct migration *ended(const char *id, const char *destination)
{
	struct cf_migration_request request = { .domain = "test" };
	struct migration *migration = NULL;

	snprintf(request.destination, sizeof(request.destination), "%s", destination);
	if (start(id, request, &migration) == 0)
		parts_run_to_end(&parts, migration);
	return migration;
}

static bool has_finding(const struct cf_receipt *receipt, enum cf_finding_code code, const char *detail)
{
	for (size_t i = 0; receipt && i < receipt->migration.n_findings; i++)
		if (receipt->migration.findings[i].code == code &&
		    strstr(receipt->migration.findings[i].detail, detail))
			return true;

	return false;
}

/* A name that nobody can have is as much as no peer: no connection, no reservation, and a receipt. */
static void test_bad_name(void)
{
	struct migration *migration = ended(ONE, "no such/host");
	const struct cf_receipt *receipt = migration ? migration_receipt(migration) : NULL;

	ok(receipt && receipt->migration.outcome == CF_OUTCOME_REFUSED, "what cannot be called is refused, with a receipt");
	ok(has_finding(receipt, CF_FINDING_PEER_UNREACHABLE, "'no such/host' is no name"), "which says why");
	ok(receipt && receipt->migration.has_requester &&
	   strcmp(receipt->migration.requester.name, "uid 1000 (ada)") == 0 &&
	   strcmp(receipt->migration.requester.role, "operator") == 0, "and who had asked for it");
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

static const struct cf_migration *last(struct migration *migration)
{
	parts_run_to_end(&parts, migration);
	return &migration_receipt(migration)->migration;
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

static int expect(const char *id, const char *uuid, const char *peer, struct migration **ret)
{
	static const struct cf_lease lease = { .granted = true };
	struct cf_reservation reservation = { .domain = "guest", .source = "hB", .destination = "hA",
					      .has_requester = true,
					      .requester = { "cn:Ada Example", "admin", "hB" } };

	snprintf(reservation.uuid, sizeof(reservation.uuid), "%s", uuid);
	return migrations_expect(parts.all, id, &reservation, &lease, peer, ret, &err);
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

/* The agent's end: of those that wait, and of those that are at work. */
static void test_stop(void)
{
	struct migration *waits, *with_xml, *comes = NULL;
	struct cf_migration view;
	bool idle = false;
	cf_mono told;
	cf_span had;

	parts.context.settings->outgoing = 0;
	parts.context.settings->stop_wait = (cf_span){ 100 * CF_MS };
	waits = waiting(21, "a", 0);
	with_xml = waiting(23, "b", 0);
	with_xml->work->xml = strdup("<domain/>");
	ok(expect("55555555-0000-4000-8000-000000000022", ABSENT_TOO, "hb", &comes) == 0, "one waits, one comes in");
	told = kernel_raw();
	migrations_stop(parts.all, on_idle, &idle);
	ok(!idle, "the agent is told to stop, and has something to wait for");
	ok(last(with_xml)->outcome == CF_OUTCOME_ABORTED && strstr(last(with_xml)->reason, "agent-stopping"),
	   "who waits with an XML of its own is aborted: %s", last(with_xml)->reason);
	migration_view(waits, &view);
	ok(view.phase == CF_PHASE_QUEUED, "who waits without one goes on waiting");
	run_to(&idle);
	had = cf_mono_since(kernel_raw(), told);
	ok(had.ns >= parts.context.settings->stop_wait.ns / 2, "who comes in has time: %d ms", (int)(had.ns / CF_MS));
	ok(!migration_receipt(comes), "and then it is left, for its source goes on with it");
	ok(migrations_unquiesce(parts.all, &err) < 0, "there is no way back: %s", err.text);
}

/* What this host says to those who ask whether it takes one more. */
static void test_room(void)
{
	char detail[CF_DETAIL_ROOM];

	parts.context.settings->incoming = 1;
	ok(migrations_objection(parts.all, THREE, detail) == CF_FINDING_UNKNOWN, "there is room for one that comes in");
	parts.context.settings->incoming = 0;
	ok(migrations_objection(parts.all, THREE, detail) == CF_FINDING_PEER_BUSY, "and then there is none: %s", detail);
	parts.context.settings->incoming = 2;
}

static struct cf_receipt *receipt_of(const char *id, const char *machine)
{
	struct cf_receipt *receipt = calloc(1, sizeof(*receipt));

	snprintf(receipt->migration.id, sizeof(receipt->migration.id), "%s", id);
	snprintf(receipt->machine, sizeof(receipt->machine), "%s", machine);
	receipt->migration.started = (cf_real){ 1000 * CF_S };	/* by a clock that is not ours */
	receipt->migration.has_ended = true;
	receipt->migration.ended = (cf_real){ 1007 * CF_S };
	return receipt;
}

static bool conflicts(int r)
{
	return r < 0 && err.code == CF_CONFLICT;
}

/* Who may speak of a reservation, and until when. */
static void test_incoming(void)
{
	struct migration *one = NULL, *again = NULL;
	struct cf_migration view;

	ok(expect(TWO, ABSENT, "hb", &one) == 0, "a peer reserves");
	ok(expect(TWO, ABSENT, "hb", &again) == 0 && again == one, "and a repeat is the same");
	migration_view(one, &view);
	ok(view.has_requester && strcmp(view.requester.name, "cn:Ada Example") == 0 &&
	   strcmp(view.requester.host, "hB") == 0, "for whom it vouches is known here too");
	ok(conflicts(expect(TWO, ABSENT, "hc", &again)), "another peer cannot have its id: %s", err.text);
	ok(conflicts(expect(THREE, ABSENT, "hc", &again)), "nor its domain: %s", err.text);
	ok(migrations_find_incoming(parts.all, TWO, "hc", &again, &err) < 0 && err.code == CF_FORBIDDEN,
	   "nor look at it: %s", err.text);
	ok(migrations_find_incoming(parts.all, TWO, "hb", &again, &err) == 0 && again == one, "it itself may");
	ok(migration_take_record(one, calloc(1, sizeof(struct cf_record)), &err) == 0, "and sends its record");

	ok(migration_abort(one, "for a test", &err) == 0, "an operator here ends it");
	parts_run_to_phase(&parts, one, CF_PHASE_DROPPED);
	ok(!migration_receipt(one) && expect(THREE, ABSENT, "hc", &again) == 0,
	   "then the domain may come under another id");
	migration_take_closing(one, receipt_of(TWO, "in time"));
	parts_run_to_end(&parts, one);
	ok(strcmp(migration_receipt(one)->machine, "in time") == 0, "its receipt is what the source says");
	migration_view(one, &view);
	ok(view.has_ended && cf_real_since(view.ended, view.started).ns == 7 * CF_S,
	   "how long it took is not told by two clocks");
	migration_take_closing(one, receipt_of(TWO, "late"));
	ok(strcmp(migration_receipt(one)->machine, "late") == 0, "even if it comes late");
	ok(conflicts(migration_take_record(one, calloc(1, sizeof(struct cf_record)), &err)),
	   "the source is told when it sends its record: %s", err.text);
	ok(conflicts(expect(TWO, ABSENT, "hb", &again)), "and nothing is promised under that id again: %s", err.text);
}

/* Peers and operators cannot have any number of threads. */
static void test_many(void)
{
	char id[CF_UUID_ROOM];
	struct migration *one;
	int r = 0;

	for (int i = 0; i < 1000 && r == 0; i++) {
		snprintf(id, sizeof(id), "44444444-0000-4000-8000-%012d", i);
		r = expect(id, id, "hb", &one);
	}
	ok(r < 0 && err.code == CF_BUSY && migrations_under_way(parts.all) == 100, "there is an end to it: %s", err.text);
}

#define SECRET "passwd='xyzzy'"
#define XML    "<domain type='test'><name>other</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>" \
	       "<devices><graphics type='vnc' " SECRET "/></devices></domain>"

/* What is given with a request, and what of it may be seen afterwards. */
static void test_wish(void)
{
	struct migration *migration, *again, *broken;
	const struct cf_receipt *receipt;
	char *text;

	ok(start_with(WITH_XML, XML, strlen(XML), &migration) == 0, "a request with XML");
	ok(start_with(WITH_XML, XML, strlen(XML), &again) == 0 && again == migration, "and again");
	ok(start_with(WITH_XML, XML " ", strlen(XML) + 1, &again) == -EEXIST, "other XML is another request");
	ok(start_with(WITH_NONE, XML, strlen(XML) + 1, &again) == -EINVAL && err.code == CF_BAD_REQUEST, "XML is a text");
	parts_run_to_end(&parts, migration);
	ok(start_with(WITH_NONE, "<domain " SECRET, strlen("<domain " SECRET), &broken) == 0, "or looks like one");
	parts_run_to_end(&parts, broken);

	receipt = migration_receipt(migration);
	ok(has_finding(receipt, CF_FINDING_OPTIONS_UNUSABLE, "of another domain"), "XML of another domain is refused");
	ok(has_finding(receipt, CF_FINDING_OPTIONS_UNUSABLE, "parallel connections are"), "as are options that do not fit");
	ok(receipt->has_options && receipt->options.parallel == 2 && receipt->options.has_tls && !receipt->options.tls,
	   "the receipt has all options, as they would have been used");
	ok(has_finding(migration_receipt(broken), CF_FINDING_OPTIONS_UNUSABLE, "not well-formed"),
	   "and what is no XML at all");
	ok(start_with(WITH_XML, XML, strlen(XML), &again) == 0 && again == migration, "a repeat is one afterwards, too");

	text = cf_encode(&cf_receipt_shape, receipt, CF_MINOR);
	ok(text && !strstr(text, "xyzzy"), "nothing of the XML is in the receipt");
	free(text);
	text = cf_encode(&cf_receipt_shape, migration_receipt(broken), CF_MINOR);
	ok(text && !strstr(text, "xyzzy"), "nor of what could not be read");
	free(text);
}

static void hear_of_newcomer(const char *name, const char *uuid)
{
	const struct virt_news news = { .what = VIRT_ARRIVING, .name = name, .uuid = uuid };

	migrations_hear(parts.all, &news);
	while (sd_event_run(loop_sd(parts.made.loop), 0) > 0)
		;
}

/* What others move here, and no other agent speaks of: it is taken alone once it runs, and what is yet to come is not. */
static void test_alone(void)
{
	cf_mono until = cf_mono_add(kernel_raw(), PATIENCE);
	struct guest_watch *still;
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);

	hear_of_newcomer("test", HERE);
	hear_of_newcomer("other", ABSENT);
	ok(domain && virDomainSuspend(domain) == 0 && virDomainResume(domain) == 0, "one of two that come runs");
	while (!parts.all->newest && cf_mono_cmp(kernel_raw(), until) < 0)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(migrations_move(parts.all, HERE, CF_DESTINATION) && migrations_under_way(parts.all) == 1, "it is taken alone");
	still = foreign_announced(parts.all->foreign, ABSENT);
	ok(still && !foreign_announced(parts.all->foreign, HERE), "the other one is still waited for, and it no more");
	guest_watch_free(still);
	virDomainFree(domain);
	virConnectClose(other);
}

int main(void)
{
	ok(parts_begin(&parts, &err) == 0, "all parts are there: %s", err.text);
	test_bad_name();
	test_wish();
	test_queue();
	test_room();
	test_quiesce();
	test_incoming();
	test_many();
	parts_end(&parts);
	ok(parts_begin(&parts, &err) == 0, "and once more: %s", err.text);
	test_stop();
	parts_end(&parts);
	ok(parts_begin(&parts, &err) == 0, "and for what others move: %s", err.text);
	test_alone();
	parts_end(&parts);
	return done();
}
