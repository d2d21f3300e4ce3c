/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The list of migrations with all its real parts around it, but for the other
 * host: libvirt is its own test driver, and what is called is never there.
 */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/act/errand.h"
#include "daemon/act/foreign.h"
#include "daemon/act/migration.h"
#include "daemon/clock/kernel.h"
#include "daemon/loop.h"
#include "daemon/settings.h"
#include "daemon/virt/private.h"
#include "daemon/worker.h"
#include "proto/codec.h"
#include "proto/receipt.h"
#include "tests/requests.h"

#define HERE   "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of libvirt's domain "test" */
#define ABSENT "00000000-1111-4000-8000-000000000000"	/* of a domain that is not there */
#define TWO   "22222222-0000-4000-8000-000000000000"
#define THREE "33333333-0000-4000-8000-000000000000"
#define WITH_XML  "aaaaaaaa-0000-4000-8000-000000000000"
#define WITH_NONE "bbbbbbbb-0000-4000-8000-000000000000"
#define ONE   "11111111-0000-4000-8000-000000000000"

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
	static const struct host_names nobody, hc = { 1, { "hc" } }, both = { 2, { "hx", "hb" } };
	struct migration *one = NULL, *again = NULL;
	struct cf_landing landing;
	struct cf_migration view;

	ok(expect(TWO, ABSENT, "hb", &one) == 0, "a peer reserves");
	ok(expect(TWO, ABSENT, "hb", &again) == 0 && again == one, "and a repeat is the same");
	migration_view(one, &view);
	ok(view.has_requester && strcmp(view.requester.name, "cn:Ada Example") == 0 &&
	   strcmp(view.requester.host, "hB") == 0, "for whom it vouches is known here too");
	ok(conflicts(expect(TWO, ABSENT, "hc", &again)), "another peer cannot have its id: %s", err.text);
	ok(conflicts(expect(THREE, ABSENT, "hc", &again)), "nor its domain: %s", err.text);
	ok(migrations_find_incoming(parts.all, TWO, &hc, &again, &err) < 0 && err.code == CF_FORBIDDEN,
	   "nor look at it: %s", err.text);
	ok(migrations_find_incoming(parts.all, TWO, &both, &again, &err) == 0 && again == one,
	   "it itself may, by whichever of its names");
	snprintf(one->peer, sizeof(one->peer), "%s", "");
	ok(migrations_find_incoming(parts.all, TWO, &nobody, &again, &err) < 0 && err.code == CF_FORBIDDEN,
	   "who has no name may not, even of one whose peer is not known: %s", err.text);
	snprintf(one->peer, sizeof(one->peer), "%s", "hb");
	ok(migration_take_record(one, calloc(1, sizeof(struct cf_record)), &err) == 0, "and sends its record");

	migration_landing(one, &landing);
	ok(!landing.has_abort_asked, "nobody here wants it called off");
	ok(migration_abort(one, "for a test", &err) == 0, "an operator here ends it");
	migration_landing(one, &landing);
	ok(landing.has_abort_asked && strcmp(landing.abort_asked, "for a test") == 0, "which the source can read");
	parts_run_to_phase(&parts, one, CF_PHASE_DROPPED);
	ok(conflicts(migration_take_record(one, calloc(1, sizeof(struct cf_record)), &err)) && strstr(err.text, "dropped: for a test"),
	   "a record that comes then is answered with that: %s", err.text);
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

static void hear(enum virt_what what, const char *name, const char *uuid)
{
	const struct virt_news news = { .what = what, .name = name, .uuid = uuid, .at = kernel_instant() };

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

	hear(VIRT_ARRIVING, "test", HERE);
	hear(VIRT_ARRIVING, "other", ABSENT);
	ok(domain && virDomainSuspend(domain) == 0 && virDomainResume(domain) == 0, "one of two that come runs");
	while (!parts.all->newest && cf_mono_cmp(kernel_raw(), until) < 0)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	ok(migrations_under_way(parts.all) == 1 && strcmp(parts.all->newest->uuid, HERE) == 0, "it is taken alone");
	still = foreign_announced(parts.all->foreign, ABSENT);
	ok(still && !foreign_announced(parts.all->foreign, HERE), "the other one is still waited for, and it no more");
	guest_watch_free(still);
	virDomainFree(domain);
	virConnectClose(other);
}

/* One that comes in runs, and is gone; on which side of a migration is it seen first? */
static enum cf_side seen_first(bool sends)
{
	cf_mono until = cf_mono_add(kernel_raw(), PATIENCE);
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);
	struct guest_event gone = { .kind = GUEST_EV_GONE, .gone = GUEST_MIGRATED };
	struct guest_events events = { 0 };
	struct guest_watch *watch;

	if (guest_watch_new(parts.context.virt, HERE, CF_DESTINATION, &watch, &err) < 0)
		abort();
	hear(VIRT_ARRIVING, "test", HERE);
	hear(VIRT_SENDING, "test", HERE);	/* as it does while it takes in */
	virDomainSuspend(domain);
	virDomainResume(domain);
	while (!events.landed && cf_mono_cmp(kernel_raw(), until) < 0)
		guest_watch_wait(watch, events.revision, PATIENCE, &events);
	if (sends)
		hear(VIRT_SENDING, "test", HERE);
	virt_watches_feed(parts.context.virt, domain, &gone);
	while (!parts.all->newest && cf_mono_cmp(kernel_raw(), until) < 0)
		sd_event_run(loop_sd(parts.made.loop), UINT64_MAX);
	guest_watch_free(watch);
	virDomainFree(domain);
	virConnectClose(other);
	return parts.all->newest ? parts.all->newest->side : CF_SIDE_UNKNOWN;
}

/* What libvirt says of it when it comes in is no departure, and what it says a moment later is one. */
static void test_stays(void)
{
	ok(seen_first(false) == CF_DESTINATION, "one that comes in is not seen to leave");
}

static void test_moved_on(void)
{
	ok(seen_first(true) == CF_SOURCE, "one that is moved on at once is");
}

#define TURN_USEC UINT64_C(50000)

/* Until the newest one is another than that, or too long. */
static void await_newer(const struct migration *known)
{
	cf_mono until = cf_mono_add(kernel_raw(), PATIENCE);

	while (parts.all->newest == known && cf_mono_cmp(kernel_raw(), until) < 0)
		sd_event_run(loop_sd(parts.made.loop), TURN_USEC);
}

/* Of one that its source's agent has announced libvirt's word counts, not when that is written down. */
static void test_moved_on_known(void)
{
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);
	struct guest_event gone = { .kind = GUEST_EV_GONE, .gone = GUEST_MIGRATED };
	struct migration *migration = NULL;

	ok(expect_foreign(ONE, HERE, "hb", &migration) == 0, "one comes in and was announced");
	hear(VIRT_SENDING, "test", HERE);
	ok(migrations_move(parts.all, HERE, CF_DESTINATION), "... which it does until libvirt has said that it runs");
	hear(VIRT_LANDED, "test", HERE);
	hear(VIRT_SENDING, "test", HERE);
	virt_watches_feed(parts.context.virt, domain, &gone);
	await_newer(migration);
	ok(parts.all->newest->side == CF_SOURCE, "... and is seen to be moved on then, at once");
	virDomainFree(domain);
	virConnectClose(other);
}

/* It may run already when its source's agent comes to speak of it. */
static void test_announced_late(void)
{
	cf_mono until = cf_mono_add(kernel_raw(), PATIENCE);
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);
	struct guest_events events = { 0 };
	struct guest_watch *watch;
	struct migration *migration;

	if (guest_watch_new(parts.context.virt, HERE, CF_DESTINATION, &watch, &err) < 0)
		abort();
	hear(VIRT_ARRIVING, "test", HERE);
	virDomainSuspend(domain);
	virDomainResume(domain);
	while (!events.landed && cf_mono_cmp(kernel_raw(), until) < 0)
		guest_watch_wait(watch, events.revision, PATIENCE, &events);
	ok(expect_foreign(ONE, HERE, "hb", &migration) == 0 && !migrations_move(parts.all, HERE, CF_DESTINATION),
	   "one that ran before it was announced is not on its way any more");
	guest_watch_free(watch);
	virDomainFree(domain);
	virConnectClose(other);
}

/* Its RESUME may have gone by while libvirt was away: it is not waited for for ever. */
static void test_missed(void)
{
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);

	hear(VIRT_ARRIVING, "test", HERE);
	virt_watches_feed(parts.context.virt, domain, &(struct guest_event){ .kind = GUEST_EV_GAP });
	await_newer(NULL);
	ok(parts.all->newest && parts.all->newest->side == CF_DESTINATION,
	   "one that may have come while nobody heard is looked at");
	virDomainFree(domain);
	virConnectClose(other);
}

static bool comes_in(const char *uuid, bool migrating)
{
	return migrations_comes_in(parts.all, ONE, uuid, migrating);
}

/* Of what another host says that it drives it to here, as it could of any guest. */
static void test_claimed(void)
{
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr domain = virDomainLookupByUUIDString(other, HERE);
	struct migration *migration = NULL, *leaving;

	ok(!comes_in(HERE, false), "a guest that runs here is no other host's to claim");
	ok(comes_in(HERE, true), "one that libvirt has standing still for a migration is");
	hear(VIRT_ARRIVING, "test", HERE);
	ok(comes_in(HERE, false), "and one that was seen to begin to come in");
	ok(domain && virDomainSuspend(domain) == 0 && virDomainResume(domain) == 0 && comes_in(HERE, false),
	   "even if it was so fast that it runs already");
	ok(!comes_in(ABSENT, false), "no other one");
	ok(expect_foreign(ONE, HERE, "hb", &migration) == 0 && comes_in(HERE, false), "what has its reservation keeps it");
	ok(!migrations_comes_in(parts.all, TWO, HERE, false), "and from then on it is no other one's");
	ok(start(THREE, (struct cf_migration_request){ .domain = ABSENT, .destination = "no such/host" }, &leaving) == 0,
	   "one is to leave");
	snprintf(work_show_begin(leaving->work)->uuid, CF_UUID_ROOM, "%s", ABSENT);
	work_show_end(leaving->work);
	leaving->phase = CF_PHASE_PAUSED;
	ok(!migrations_comes_in(parts.all, TWO, ABSENT, true), "what stands still because it leaves does not come in");
	leaving->phase = CF_PHASE_CHECKING;
	virDomainFree(domain);
	virConnectClose(other);
}

static const char *refused_id(int n)
{
	static char id[CF_UUID_ROOM];

	snprintf(id, sizeof(id), "cccccccc-0000-4000-8000-%012d", n);
	return id;
}

/* A disk that is gone, and somebody who asks again and again. */
static void test_unsaved(void)
{
	enum { N = 130 };
	struct migration *found;
	char away[sizeof(parts.made.folder) + 8];
	size_t n = 0, saved = 0;

	snprintf(away, sizeof(away), "%s.away", parts.made.folder);
	ok(rename(parts.made.folder, away) == 0, "the ledger is gone, and its folder with it");
	for (int i = 0; i < N; i++)
		n += ended(refused_id(i), "no such/host") != NULL;
	ok(n == N, "each request is answered");
	n = 0;
	for (const struct migration *m = parts.all->newest; m; m = m->next) {
		saved += m->saved;
		n++;
	}
	ok(saved == 0 && n >= 100 && n <= 102, "those of the last hundred wait for the ledger: %zu", n);
	ok(migrations_find(parts.all, refused_id(N - 1), &found, &err) == 0 &&
	   migrations_find(parts.all, refused_id(0), &found, &err) < 0, "the oldest go first");
	ok(rename(away, parts.made.folder) == 0 && ledger_made_until(&parts.made, true), "the ledger comes back");
}

/* A receipt that could not be brought, and would be once more in two seconds; its row is gone, so that it is given up then. */
static void test_brought(void)
{
	sd_event *loop = loop_sd(parts.made.loop);

	while (sd_event_run(loop, 0) > 0)
		;
	errand_add(parts.all, refused_id(0));
	ok(parts.all->errands, "a receipt that the other host has not had is brought later");
	migrations_bring(parts.all);
	ok(sd_event_run(loop, 0) > 0, "when a peer answers again, that is not waited for");
	while (parts.all->errands)
		sd_event_run(loop, UINT64_MAX);
}

/* The agent ends, and libvirt is still being asked for something of which the list was to hear. */
static void test_outlived(void)
{
	pthread_mutex_t *held = &parts.context.virt->lock;

	pthread_mutex_lock(held);
	migrations_relearn(parts.all, true);
	migrations_free(CF_TAKE(parts.all));
	pthread_mutex_unlock(held);
	ok(worker_wait(PATIENCE) == 0, "who asks does so without a list that is gone");
	while (sd_event_run(loop_sd(parts.made.loop), 0) > 0)
		;
}

static void test_all_else(void)
{
	test_bad_name();
	test_wish();
	test_room();
	test_incoming();
	test_many();
}

int main(void)
{
	run("all parts are there", test_all_else);
	run("and for what others move", test_alone);
	run("and for what they leave here", test_stays);
	run("and for what they move on", test_moved_on);
	run("and for what was announced", test_moved_on_known);
	run("and for what was announced late", test_announced_late);
	run("and for what nobody heard of", test_missed);
	run("and for what others say that they move", test_claimed);
	run("and for a ledger that goes", test_unsaved);
	run("and for what is owed", test_brought);
	run("and to end too early", test_outlived);
	return done();
}
