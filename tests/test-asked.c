/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What others ask of the agent, by the handlers that ship: peers and libvirt's hook, of guests that come in; operators, of all. */

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/act/gather.h"
#include "daemon/act/migration.h"
#include "daemon/act/receipt.h"
#include "daemon/http/api.h"
#include "daemon/settings.h"
#include "daemon/virt/events.h"
#include "daemon/worker.h"
#include "proto/guard.h"
#include "tests/pair.h"
#include "tests/parts.h"
#include "tests/tap.h"

#define HERE "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of libvirt's domain "test", which runs */
#define ID   "11111111-0000-4000-8000-000000000000"

static struct parts parts;
static struct api api = { .context = &parts.context };

static _Atomic unsigned ponders_us;	/* as where libvirt takes its time */

static void on_reserve(void *wire, struct http_exchange *x)
{
	(void)wire;
	usleep(ponders_us);
	api_reserve(&api, x);
}

static void on_guard(void *wire, struct http_exchange *x)
{
	(void)wire;
	api_guard(&api, x);
}

static void on_close(void *wire, struct http_exchange *x)
{
	(void)wire;
	api_close(&api, x);
}

/* Who calls asks first whom he has. */
static void on_version(void *wire, struct http_exchange *x)
{
	(void)wire;
	api_version(&api, x);
}

static void on_migrations(void *wire, struct http_exchange *x)
{
	(void)wire;
	api_migrations(&api, x);
}

static void on_resolve(void *wire, struct http_exchange *x)
{
	(void)wire;
	api_resolve(&api, x);
}

static http_handler *const handlers[CF_N_ROUTES] = {
	[CF_ROUTE_VERSION] = on_version, [CF_ROUTE_RESERVE] = on_reserve, [CF_ROUTE_GUARD] = on_guard, [CF_ROUTE_CLOSE] = on_close,
	[CF_ROUTE_MIGRATIONS] = on_migrations, [CF_ROUTE_RESOLVE] = on_resolve,
};

/* May it come in, by the answer to a peer that says that another manager moves it here? */
static bool granted(struct call *peer, struct cf_lease *lease)
{
	static const char *const segments[] = { ID };
	struct cf_reservation reservation = {
		.domain = "test", .uuid = HERE, .source = "a.peers.example", .destination = PAIR_HOST, .driver = "foreign",
		.limits = settings_policy(parts.context.settings, "")->limits, .dry_run = true,
	};

	*lease = (struct cf_lease){ 0 };
	pair.err = (struct cf_error){ 0 };
	return call_do(peer, CF_ROUTE_RESERVE, segments, NULL, &reservation, lease, pair_patience, NULL, &pair.err) == 0 &&
	       lease->granted;
}

static void nothing(void *ignored)
{
	(void)ignored;
}

static void test_claim(void)
{
	static const struct virt_news news = { .what = VIRT_ARRIVING, .name = "test", .uuid = HERE };
	CF_AUTO(call_free) struct call *peer = pair_call("a");
	static struct cf_lease lease;

	ok(!granted(peer, &lease) && lease.n_findings == 1 && lease.findings[0].code == CF_FINDING_DOMAIN_UNKNOWN,
	   "a peer is not given a guest that merely runs here: %s%s", pair.err.text, lease.findings[0].detail);
	migrations_hear(parts.all, &news);
	wire_do(&pair.wire, nothing, NULL);
	ok(granted(peer, &lease) && lease.n_findings == 0, "but one that has just come in: %s", pair.err.text);
}

/* Of the names in its certificate a host calls itself by one, wherever that stands. */
static void test_names(void)
{
	CF_AUTO(call_free) struct call *peer = pair_call("a-two"), *other = pair_call("b");
	static struct cf_lease lease;

	ok(granted(peer, &lease), "a peer is known by the second name in its certificate, too: %s", pair.err.text);
	ok(!granted(other, &lease) && pair.err.code == CF_FORBIDDEN, "but by no name of another host: %s", pair.err.text);
}

/* A destination may have to ask its libvirt: that takes longer than a round between two agents ever may. */
static void test_patience(void)
{
	const struct cf_terms no_terms = { 0 };
	const struct gather_ask ask = { ID, PAIR_HOST, &no_terms, .patience = GATHER_PATIENCE };
	CF_AUTO(cf_free) struct gathered_domain *domain = calloc(1, sizeof(*domain));
	CF_AUTO(cf_free) struct gathered_pair *gathered = calloc(1, sizeof(*gathered));
	CF_AUTO(call_free) struct call *peer = pair_call("a");

	parts.context.settings->probe.timeout = (cf_span){ 10 * CF_MS };
	snprintf(parts.context.settings->host, sizeof(parts.context.settings->host), "a.peers.example");
	ponders_us = 300000;
	pair.err = (struct cf_error){ 0 };
	gather_pair(&parts.context, parts.context.settings, peer, &pair.err, domain, &ask, gathered);
	ok(gathered->has_lease, "a destination that takes longer than a round is heard to the end: %s",
	   gathered->findings.n_list ? gathered->findings.list[0].detail : "");
	ponders_us = 0;
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;	/* all other work waits for it */
static int begun;

static void wait_for_it(void *ignored)
{
	(void)ignored;
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
}

static void keep_busy(void *ignored)
{
	(void)ignored;
	while (worker_run(pair.wire.loop, wait_for_it, nothing, NULL, NULL) == 0)
		begun++;
}

static void test_hook(void)
{
	const struct cf_guard_request request = { .domain = "test", .has_uuid = true, .uuid = ID };
	CF_AUTO(call_free) struct call *hook = pair_call("root");
	static struct cf_guard_answer answer;
	int r;

	ok(worker_wait(PATIENCE) == 0, "nobody works on anything");
	pthread_mutex_lock(&held);
	wire_do(&pair.wire, keep_busy, NULL);
	ok(begun == WORKERS_MAX, "all of %d threads wait for something", begun);
	r = call_do(hook, CF_ROUTE_GUARD, NULL, NULL, &request, &answer, pair_patience, NULL, &pair.err);
	ok(r == 0 && answer.mode == CF_GUARD_ENFORCE && !answer.let_in, "libvirt's hook has its answer all the same: %s %s",
	   r < 0 ? pair.err.text : "", answer.text);
	pthread_mutex_unlock(&held);
	ok(worker_wait(PATIENCE) == 0, "they are through");
}

/* --- a receipt that comes late --- */

static atomic_int n_logged;
static enum cf_side logged;	/* the last one's */

void receipt_log(const struct cf_receipt *receipt)
{
	logged = receipt->migration.side;
	n_logged++;
}

/* One that came in from a peer and ended then, as one of the two had it. */
static struct ledger_line *ended_at(cf_real when, enum cf_side side)
{
	struct ledger_line *line = ledger_made_line(1, CF_PHASE_DONE, true);

	snprintf(line->peer, sizeof(line->peer), "a.peers.example");
	line->view.side = side;
	line->view.has_ended = true;
	line->view.ended = when;
	line->receipt.migration = line->view;
	return line;
}

static bool bring(struct call *peer, cf_real ended)
{
	CF_AUTO(cf_free) struct ledger_line *line = ended_at(ended, CF_SOURCE);
	CF_AUTO(cf_free) struct cf_closing *closing = calloc(1, sizeof(*closing));
	const char *segments[] = { line->view.id };
	struct cf_accepted accepted = { 0 };

	closing->receipt = line->receipt;
	pair.err = (struct cf_error){ 0 };
	return call_do(peer, CF_ROUTE_CLOSE, segments, NULL, closing, &accepted, pair_patience, NULL, &pair.err) == 0 &&
	       accepted.accepted;
}

static bool is_kept(cf_real ended)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	return ledger_find(parts.made.ledger, ledger_made_id(1), &row, &pair.err) == 0 && !*row->fault &&
	       cf_real_since(row->line.receipt.migration.ended, ended).ns == 0;
}

/* Of one that is not in the list any more. */
static void test_late(void)
{
	static const cf_real ended = { 2000 * CF_S }, again = { 2001 * CF_S };
	CF_AUTO(call_free) struct call *peer = pair_call("a");

	ok(bring(peer, ended) && is_kept(ended), "the source's receipt comes late, and is kept: %s", pair.err.text);
	ok(n_logged == 1 && logged == CF_DESTINATION, "the journal has it, as this host's own");
	ok(bring(peer, ended) && n_logged == 1, "once, however often it comes");
	ok(bring(peer, again) && is_kept(again) && n_logged == 2, "unless it is another one");
	ledger_made_sql(&parts.made, "CREATE TRIGGER refuse BEFORE UPDATE ON migrations BEGIN SELECT RAISE(ABORT, 'no'); END");
	ok(!bring(peer, ended) && !bring(peer, ended) && n_logged == 2, "not one that the ledger cannot have: %s", pair.err.text);
	ledger_made_sql(&parts.made, "DROP TRIGGER refuse");
	ok(bring(peer, ended) && is_kept(ended) && n_logged == 3, "... before it has");
}

/* Those who are asked answer on the loop of the wire, and so does the ledger. */
static void move_ledger(void *ignored)
{
	(void)ignored;
	ledger_free(parts.made.ledger);
	if (ledger_new(&parts.made.ledger, pair.wire.loop, &parts.made.options, &(struct ledger_listener){ NULL }, NULL) < 0)
		abort();
	parts.context.ledger = parts.made.ledger;
}

/* --- pages of migrations --- */

#define ENDED    104	/* one page of them, and some */
#define MISSED   10	/* that the ledger cannot take */

static sqlite3 *holder;

static void keep_from_writing(bool kept)
{
	if (kept && sqlite3_open(parts.made.options.path, &holder) == SQLITE_OK)
		sqlite3_busy_timeout(holder, 60000);
	ok(sqlite3_exec(holder, kept ? "BEGIN IMMEDIATE" : "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK, "the ledger %s",
	   kept ? "is kept from writing" : "may write again");
	if (!kept)
		sqlite3_close(holder);
}

/* On the loop's thread: they wait for their turn, which does not come. */
static void ask_for_some(void *ret)
{
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };
	int *n = ret;

	for (int i = 0; i < MISSED; i++) {
		struct cf_migration_request request = { .destination = PAIR_HOST };
		struct migration *migration;

		snprintf(request.domain, sizeof(request.domain), "guest%d", i);
		*n += migrations_start(parts.all, ledger_made_id(1000 + i), &request, &operator, &migration, NULL) == 0;
	}
}

/* All pages of at most limit, 0: of as many as there are on one: how many are on the first, and whether each is there once. */
static size_t walk(struct call *viewer, int64_t limit, bool *each_once)
{
	static struct cf_migrations page;
	struct cf_migrations_query query = { .has_limit = limit > 0, .limit = limit };
	size_t n = 0, on_first = 0;
	bool seen[2000] = { 0 }, twice = false;

	do {
		if (call_do(viewer, CF_ROUTE_MIGRATIONS, NULL, &query, NULL, &page, pair_patience, NULL, &pair.err) < 0)
			return 0;
		on_first = query.has_cursor ? on_first : page.n_list;
		for (size_t i = 0; i < page.n_list; i++, n++) {
			int id = atoi(page.list[i].id) % 2000;

			twice |= seen[id];
			seen[id] = true;
		}
		query.has_cursor = page.has_next;
		memcpy(query.cursor, page.next, sizeof(query.cursor));
	} while (page.has_next && page.n_list > 0);
	*each_once = !twice && n == ENDED + MISSED;
	return on_first;
}

static void test_pages(void)
{
	CF_AUTO(call_free) struct call *viewer = pair_call("olga");
	bool each_once = false;
	int asked = 0;

	keep_from_writing(true);
	wire_do(&pair.wire, ask_for_some, &asked);
	ok(asked == MISSED, "%d migrations are asked for that the ledger does not have", asked);
	ok(walk(viewer, 0, &each_once) == CF_PAGE_MAX && each_once, "they are on the first page, and take no other's place: %s", pair.err.text);
	ok(walk(viewer, 40, &each_once) == 40 && each_once, "nor on a shorter one, which has no more than it is to have");
	ok(walk(viewer, MISSED, &each_once) == MISSED && each_once, "nor on one that has room for nothing else");
	ok(walk(viewer, 4, &each_once) == 4 && each_once, "nor are they lost where there is no room for all of them");
	keep_from_writing(false);
	for (int i = 0; i < 6000 && ledger_made_ask(&parts.made, "SELECT count(*) FROM migrations") < ENDED + MISSED; i++)
		usleep(10000);
}

/* --- a word on one in doubt --- */

static struct {
	enum cf_resolution resolution;
	char why[CF_DETAIL_ROOM];
} heard;

/* On the loop's thread: the first of those that wait is in that phase. */
static void put(void *phase)
{
	struct migration *migration;

	if (migrations_find(parts.all, ledger_made_id(1000), &migration, NULL) < 0)
		abort();
	migration->phase = *(enum cf_phase *)phase;
}

/* What its thread would be told. */
static void hear(void *ignored)
{
	struct migration *migration;

	(void)ignored;
	if (migrations_find(parts.all, ledger_made_id(1000), &migration, NULL) < 0)
		abort();
	heard.resolution = work_resolution(migration->work, heard.why);
}

static bool is_heard(void)
{
	wire_do(&pair.wire, hear, NULL);
	return heard.resolution == CF_RUNS_THERE;
}

static bool resolve(struct call *as, const char *id, enum cf_resolution resolution, const char *reason)
{
	const char *segments[] = { id };
	struct cf_resolve wish = { .resolution = resolution };
	static struct cf_migration shown;

	snprintf(wish.reason, sizeof(wish.reason), "%s", reason);
	pair.err = (struct cf_error){ 0 };
	return call_do(as, CF_ROUTE_RESOLVE, segments, NULL, &wish, &shown, pair_patience, NULL, &pair.err) == 0 &&
	       strcmp(shown.id, id) == 0;
}

static void test_resolve(void)
{
	CF_AUTO(call_free) struct call *root = pair_call("root"), *operator = pair_call("olga"), *peer = pair_call("a");
	enum cf_phase queued = CF_PHASE_QUEUED, in_doubt = CF_PHASE_IN_DOUBT;
	char id[CF_UUID_ROOM];

	snprintf(id, sizeof(id), "%s", ledger_made_id(1000));
	ok(!resolve(root, id, CF_RUNS_THERE, "I saw it") && pair.err.code == CF_CONFLICT && !is_heard(),
	   "what is not in doubt cannot be resolved: %s", pair.err.text);
	ok(!resolve(root, ledger_made_id(1999), CF_RUNS_THERE, "I saw it") && pair.err.code == CF_NOT_FOUND,
	   "nor what nobody knows: %s", pair.err.text);

	wire_do(&pair.wire, put, &in_doubt);
	ok(!resolve(operator, id, CF_RUNS_THERE, "I saw it") && pair.err.code == CF_FORBIDDEN && !is_heard(),
	   "that is no operator's to say: %s", pair.err.text);
	ok(!resolve(peer, id, CF_RUNS_THERE, "I saw it") && pair.err.code == CF_FORBIDDEN && !is_heard(), "nor a host's: %s",
	   pair.err.text);
	ok(!resolve(root, id, CF_RESOLUTION_UNKNOWN, "I saw it") && pair.err.code == CF_BAD_REQUEST && !is_heard(),
	   "it is there or here: %s", pair.err.text);
	ok(!resolve(root, id, CF_RUNS_THERE, "") && pair.err.code == CF_BAD_REQUEST && !is_heard(), "and for a reason: %s",
	   pair.err.text);
	ok(resolve(root, id, CF_RUNS_THERE, "I saw it"), "an administrator's word is taken: %s", pair.err.text);
	ok(is_heard() && strstr(heard.why, "root says: I saw it"), "... with his name: %s", heard.why);
	wire_do(&pair.wire, put, &queued);
}

/* On the loop's thread, whose timers they have. */
static void end(void *ignored)
{
	(void)ignored;
	migrations_free(CF_TAKE(parts.all));
	ledger_free(CF_TAKE(parts.made.ledger));
}

int main(void)
{
	pair.wire.handlers = handlers;
	parts.nobody_leaves = true;
	ok(parts_begin(&parts, &pair.err) == 0, "all parts are there: %s", pair.err.text);
	ledger_made_write(&parts.made, ended_at((cf_real){ 1000 * CF_S }, CF_DESTINATION), PATIENCE, NULL);
	for (int i = 2; i <= ENDED; i++)
		ledger_made_write(&parts.made, ledger_made_line(i, CF_PHASE_ABORTED, true), PATIENCE, NULL);
	pair_start();
	parts.context.loop = pair.wire.loop;
	parts.context.settings->guard.measure = true;
	parts.context.settings->guard.mode = CF_GUARD_ENFORCE;
	api.migrations = parts.all;
	test_claim();
	test_names();
	test_patience();
	test_hook();
	wire_do(&pair.wire, move_ledger, NULL);
	test_pages();
	test_resolve();
	test_late();	/* whose writes are behind all others */
	wire_do(&pair.wire, end, NULL);
	wire_stop(&pair.wire);
	parts_end(&parts);
	return done();
}
