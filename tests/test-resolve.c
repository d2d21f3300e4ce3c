/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source decides at its gate, and finds out in doubt: against another host that is played, in a time of its own. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/reason.h"
#include "daemon/act/ward.h"
#include "daemon/log.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/gate.h"
#include "tests/tap.h"

#define GUEST "web1"
#define THERE "hB"
#define ID    "7c0e58e1-0000-4000-8000-000000000000"

static struct work *work;
static struct cf_receipt *receipt;
static char why[CF_DETAIL_ROOM];

static struct {
	/* in doubt */
	cf_mono answers;		/* the other host does not before */
	struct cf_landing landing;	/* what it says then */
	cf_mono person;			/* somebody says where it runs; 0: nobody */
	enum cf_resolution said;
	int asked, withdrawn;
	bool deaf;			/* it does not hear that it is withdrawn */
	/* at the gate */
	bool aborted, let_go, carried;
	int page;			/* what writing the decision returns */
	enum cf_decision decided;
	int left, loaded, found;
} sim;

static struct scene scene;

static struct {
	int n;
	int priority;
	char id[64], migration[64], domain[64], peer[64];
	char text[512];
} told;

void log_write(int priority, const struct log_about *about, const char *fmt, ...)
{
	va_list ap;

	told.n++;
	told.priority = priority;
	snprintf(told.id, sizeof(told.id), "%s", about && about->id ? about->id : "");
	snprintf(told.migration, sizeof(told.migration), "%s", about && about->migration ? about->migration : "");
	snprintf(told.domain, sizeof(told.domain), "%s", about && about->domain ? about->domain : "");
	snprintf(told.peer, sizeof(told.peer), "%s", about && about->peer ? about->peer : "");
	va_start(ap, fmt);
	vsnprintf(told.text, sizeof(told.text), fmt, ap);
	va_end(ap);
}

/* --- the other host, the page, and who may end it --- */

static bool is_past(cf_mono moment)
{
	return moment.ns != 0 && cf_mono_cmp(fake.now, moment) >= 0;
}

int work_ask_landing(struct work *of, struct cf_landing *ret, struct cf_error *err)
{
	(void)of;
	sim.asked++;
	if (!is_past(sim.answers))
		return cf_fail(err, EHOSTUNREACH, CF_UNREACHABLE, "no route to it");
	*ret = sim.landing;
	return 0;
}

enum cf_resolution work_resolution(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	if (!is_past(sim.person))
		return CF_RESOLUTION_UNKNOWN;
	act_say(reason, "olga says: I have looked");
	return sim.said;
}

bool work_aborted(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	if (sim.aborted)
		act_say(reason, "aborted by olga");
	return sim.aborted;
}

bool gate_is_let_go(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	if (sim.let_go)
		act_say(reason, "nobody waits for it there");
	return sim.let_go;
}

int gated_decide(struct work *of, enum cf_decision decision, struct cf_error *err)
{
	(void)of;
	if (sim.page < 0)
		return cf_fail(err, -sim.page, CF_HOST, "no space left");
	sim.decided = decision;
	return 0;
}

void gate_evidence(struct work *of, struct cf_report *report, struct cf_pair_evidence *ret)
{
	(void)of;
	*report = scene.a;
	*ret = scene.pair;
	ret->source_report = report;
}

void gate_show(struct work *of, const struct cf_findings *findings) { (void)of; sim.found = (int)findings->n_list; }
void gate_leave(struct work *of) { (void)of; sim.left++; }
void ward_loaded(struct work *of) { (void)of; sim.loaded++; }
bool carried_there(struct work *of) { (void)of; return sim.carried; }

/* --- what else the acts do, and this test is not about --- */

int work_calls(struct work *of, struct cf_error *err) { (void)of, (void)err; return -1; }
void at_stop_note(struct work *of) { (void)of; }
void at_stop_send(struct work *of, cf_span patience) { (void)of, (void)patience; }
bool ward_is_held(struct work *of) { (void)of; return false; }
bool ward_has_cut(struct work *of, char reason[static CF_DETAIL_ROOM]) { (void)of, (void)reason; return false; }
void carried_missed(struct work *of) { (void)of; }
void carried_commit(struct work *of, struct cf_commit *commit) { (void)of, (void)commit; }
void reason_driver(struct work *of, const struct drive_end *end, const char *otherwise, char reason[static CF_DETAIL_ROOM])
{
	(void)of, (void)end, (void)otherwise, (void)reason;
}
cf_mono call_sent(const struct call *call) { (void)call; return fake.now; }
cf_mono call_answered(const struct call *call) { (void)call; return fake.now; }
int call_do(struct call *call, enum cf_route_id route, const char *const *segments, const void *query, const void *request, void *reply,
	    cf_span timeout, struct cf_problem *problem, struct cf_error *err)
{
	const struct cf_commit *commit = request;

	(void)call, (void)segments, (void)query, (void)reply, (void)timeout, (void)problem, (void)err;
	if (route != CF_ROUTE_COMMIT || commit->valid_until.ns != 0)
		return -1;
	sim.withdrawn++;
	if (sim.deaf)
		return -1;
	sim.landing.phase = CF_PHASE_DROPPED;
	sim.landing.word = CF_WORD_NEVER_RAN;
	return 0;
}

/* --- in doubt --- */

static void doubts(cf_span stop)
{
	memset(&sim, 0, sizeof(sim));
	memset(&told, 0, sizeof(told));
	memset(receipt, 0, sizeof(*receipt));
	*why = *unmeasured = '\0';
	fake_begin(stop);
}

/* The other host answers after so long, so. */
static void answers(cf_span after, bool has_word, enum cf_word word)
{
	sim.answers = cf_mono_add(fake.now, after);
	sim.landing = (struct cf_landing){ .has_word = has_word, .word = word };
	snprintf(sim.landing.reason, sizeof(sim.landing.reason), "it was too late");
}

static void says(cf_span after, enum cf_resolution resolution)
{
	sim.person = cf_mono_add(fake.now, after);
	sim.said = resolution;
}

static void test_words(void)
{
	const cf_span now = { 0 }, later = { 100 * CF_S };

	doubts(now);
	answers(now, true, CF_WORD_RAN);
	ok(act_resolve(work, why) == CF_EV_LANDED && !*why, "it says that the guest ran: it is there");
	ok(receipt->has_landing && receipt->landing.word == CF_WORD_RAN && !*unmeasured, "... which the receipt has, as measured as ever");
	ok(told.n == 0 && fake_took().ns == 0, "... and nobody is troubled");

	doubts(now);
	answers(now, true, CF_WORD_NEVER_RAN);
	ok(act_resolve(work, why) == CF_EV_NEVER_RAN && strcmp(why, THERE " never let it run: it was too late") == 0,
	   "it says that it never will: the guest is taken back: %s", why);
	ok(told.n == 0 && !*unmeasured, "... and nobody is troubled either");

	doubts(now);
	answers(later, true, CF_WORD_RAN);
	ok(act_resolve(work, why) == CF_EV_LANDED && cf_span_cmp(fake_took(), later) >= 0, "a host that does not answer is waited for");
	ok(told.n == 4 && strstr(told.text, "no route to it"), "... which is said every 30 s (%d): %s", told.n, told.text);
}

/* Whatever else it says, and whoever stops, leaves the doubt as it is. */
static void test_no_word(void)
{
	static const struct {
		const char *sentence;
		bool has_word;
		enum cf_word word;
		const char *text;
	} rows[] = {
		{ "it cannot say", true, CF_WORD_UNKNOWN, "has not said whether " GUEST " ran: unknown" },
		{ "it waits", true, CF_WORD_WAITING, "has not said whether " GUEST " ran: waiting" },
		{ "it says nothing of that", false, CF_WORD_NEVER_RAN, "it does not answer as it should" },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		doubts((cf_span){ 3600 * CF_S });
		answers((cf_span){ 0 }, rows[i].has_word, rows[i].word);
		ok(act_resolve(work, why) == CF_EV_FAILED && cf_span_cmp(fake_took(), (cf_span){ 3600 * CF_S }) >= 0,
		   "%s: that is no end of it, for as long as the agent runs: %s", rows[i].sentence, why);
		ok(sim.asked > 1000 && told.n == 120, "... it is asked again (%d), and told every 30 s (%d)", sim.asked, told.n);
		ok(strstr(told.text, rows[i].text), "... with what it says: %s", told.text);
	}
	ok(told.priority == LOG_ERR && strcmp(told.id, LOG_ID_IN_DOUBT) == 0, "that is an error, with the id of a doubt");
	ok(strcmp(told.migration, ID) == 0 && strcmp(told.domain, GUEST) == 0 && strcmp(told.peer, THERE) == 0,
	   "... about migration, guest and host");
}

/* Its question is a sign of life, for which a destination that awaits a commit might wait as long as it is asked. */
static void test_withdrawn(void)
{
	static const enum cf_phase waiting[] = { CF_PHASE_ARMED, CF_PHASE_LOADED };

	for (size_t i = 0; i < CF_COUNT(waiting); i++) {
		doubts((cf_span){ 3600 * CF_S });
		answers((cf_span){ 0 }, true, CF_WORD_WAITING);
		sim.landing.phase = waiting[i];
		ok(act_resolve(work, why) == CF_EV_NEVER_RAN && sim.withdrawn == 1 && fake_took().ns < CF_S,
		   "it is %s, and lets go what nobody will tell it to let run: %s", cf_phase_words[waiting[i]], why);
	}
	doubts((cf_span){ 10 * CF_S });
	answers((cf_span){ 0 }, true, CF_WORD_WAITING);
	sim.landing.phase = CF_PHASE_OBEYED;
	ok(act_resolve(work, why) == CF_EV_FAILED && sim.withdrawn == 0, "one that has been told is only asked");
	doubts((cf_span){ 3600 * CF_S });
	answers((cf_span){ 0 }, true, CF_WORD_WAITING);
	sim.landing.phase = CF_PHASE_ARMED;
	sim.deaf = true;
	ok(act_resolve(work, why) == CF_EV_FAILED && sim.withdrawn > 30 && sim.withdrawn <= 41 && sim.asked > 1000,
	   "one that does not hear of it is told once more, and seldom: %d times in an hour", sim.withdrawn);
}

static void test_person(void)
{
	const cf_span now = { 0 }, later = { 10 * CF_S };

	doubts(now);
	says(later, CF_RUNS_THERE);
	ok(act_resolve(work, why) == CF_EV_LANDED && cf_span_cmp(fake_took(), later) >= 0, "somebody says that it runs there: %s", why);
	ok(strcmp(why, "resolved by the operator: runs-there: olga says: I have looked") == 0, "... and who that was");
	ok(strstr(unmeasured, "is the operator's word: olga says: I have looked"), "... the receipt does not pass it for a measurement: %s",
	   unmeasured);

	doubts(now);
	says(later, CF_RUNS_HERE);
	ok(act_resolve(work, why) == CF_EV_NEVER_RAN && strstr(why, ": runs-here: "), "somebody says that it runs here: %s", why);
	ok(*unmeasured, "... that is no measurement either");

	doubts(now);
	answers(now, true, CF_WORD_UNKNOWN);
	says(later, CF_RUNS_HERE);
	ok(act_resolve(work, why) == CF_EV_NEVER_RAN, "a person settles what the host there cannot");
	doubts(now);
	answers(now, true, CF_WORD_RAN);
	says(now, CF_RUNS_HERE);
	ok(act_resolve(work, why) == CF_EV_NEVER_RAN && sim.asked == 0, "once somebody has decided nobody is asked any more");
}

/* --- at the gate --- */

/* Two good clocks, and a guest that stopped 100 ms ago, with a limit of a second. */
static void arrives(void)
{
	doubts((cf_span){ 0 });
	sim.carried = true;
	sim.decided = CF_DECISION_LOST;
	scene_begin(&scene);
	scene_both(&scene, &work->limits);
	receipt->has_stop = true;
	receipt->stop.raw = cf_mono_add(fake.now, (cf_span){ -100 * CF_MS });
	work->peer.offset = (struct cf_offset){ .rounds = 1, .raw = { { 0 }, { 0 } }, .at = fake.now };
	work->valid_until = (cf_mono){ 0 };
	work->record_there = true;
}

/* Nothing was decided that would let it run there, and it is taken back. */
static bool is_kept(void)
{
	return act_decide(work, why) == CF_EV_NEVER_RAN && sim.decided == CF_DECISION_LOST && work->valid_until.ns == 0 &&
	       sim.left == 1 && sim.loaded == 1;
}

static void test_decide(void)
{
	arrives();
	ok(act_decide(work, why) == CF_EV_COMMITTED && !*why, "a guest that is within its limit is let run there: %s", why);
	ok(sim.decided == CF_DECISION_COMMIT && receipt->has_gated && receipt->gated.committed && receipt->gated.so_far.ns >= 100 * CF_MS,
	   "... by the page, and by the receipt");
	ok(cf_mono_cmp(work->valid_until, fake.now) > 0 && cf_mono_since(work->valid_until, fake.now).ns < CF_S,
	   "... for as long as the limit leaves");
	ok(sim.left == 1 && sim.loaded == 1 && work->decided.ns == fake.now.ns, "... and no more is looked at, or cut");

	arrives();
	receipt->stop.raw = cf_mono_add(fake.now, (cf_span){ -CF_S });
	ok(is_kept() && strncmp(why, "rolled back at the gate: ", 25) == 0, "one that would be too late is not: %s", why);
	ok(receipt->has_gated && !receipt->gated.committed && sim.found == 1, "... which the receipt says, and what is shown");

	arrives();
	sim.carried = false;
	scene.a_limits.require_lever = CF_LEVER_KVM;
	scene_both(&scene, &work->limits);
	ok(is_kept(), "nor one whose counters are not known there, where policy wants them: %s", why);
	arrives();
	sim.aborted = true;
	ok(is_kept() && strcmp(why, "aborted by olga") == 0, "nor one that somebody ends: %s", why);
	arrives();
	sim.let_go = true;
	ok(is_kept() && strstr(why, "nobody waits"), "nor one for which nobody waits: %s", why);
	arrives();
	sim.page = -ENOSPC;
	ok(is_kept() && strstr(why, "could not be noted: no space left"), "nor one of which the decision cannot be noted: %s", why);
}

int main(void)
{
	work = calloc(1, sizeof(*work));
	receipt = calloc(1, sizeof(*receipt));
	if (!work || !receipt)
		return 1;
	work->receipt = receipt;
	snprintf(work->id, sizeof(work->id), ID);
	snprintf(work->reservation.domain, sizeof(work->reservation.domain), GUEST);
	snprintf(work->reservation.destination, sizeof(work->reservation.destination), THERE);
	test_words();
	test_no_word();
	test_withdrawn();
	test_person();
	test_decide();
	free(receipt);
	free(work);
	return done();
}
