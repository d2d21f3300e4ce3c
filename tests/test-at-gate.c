/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source at its gate, with the KVM library in its QEMU: a page that this process plays the library behind, a
 * driver that has loaded the guest, and another host that takes what it is told.
 */

#include <stdio.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/reason.h"
#include "daemon/act/ward.h"
#include "policy/commit.h"
#include "tests/fake-carrier.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define A_WHILE ((struct timespec){ .tv_nsec = 100 * CF_MS })

static const struct act_context context;
static struct work *work;
static char why[CF_DETAIL_ROOM];
static struct drive drive;
static cf_mono stopped;
static atomic_bool aborted, stopping, reads;

static int look(struct drive *of, cf_span timeout, struct drive_end *ret)
{
	(void)of, (void)timeout;
	*ret = (struct drive_end){ .state = DRIVE_LOADED };
	return 0;
}

static const struct drive_ops played = { .name = "gated", .has_gate = true, .wait = look };

/* --- the other host, and who may end it --- */

static bool is_there(void)
{
	struct carrier_news news;

	carrier_read(work->carrier, &news);
	return news.there;
}

/* A commit it obeys; that is on its way for as long as QEMU takes. */
static int obey(struct cf_answer *answer)
{
	if (reads) {
		read_counter(0);
		read_counter(1);
		comes(is_there);
	}
	*answer = (struct cf_answer){ .word = CF_WORD_RAN };
	return 0;
}

int fake_answer(const struct fake_asked *asked, struct cf_error *err)
{
	return asked->route == CF_ROUTE_COMMIT ? obey(asked->reply) : take_counters(asked, err);
}

bool work_aborted(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	if (aborted)
		act_say(reason, "aborted");
	return aborted;
}

bool work_stopping(const struct work *of)
{
	(void)of;
	return stopping;
}

/* --- what else the acts do, and this test is not about --- */

int work_calls(struct work *of, struct cf_error *err) { (void)of, (void)err; return 0; }
void at_stop_note(struct work *of) { (void)of; }
void at_stop_send(struct work *of, cf_span patience) { (void)of, (void)patience; }
bool gate_is_let_go(struct work *of, char reason[static CF_DETAIL_ROOM]) { (void)of, (void)reason; return false; }
bool ward_is_held(struct work *of) { (void)of; return false; }
bool ward_has_cut(struct work *of, char reason[static CF_DETAIL_ROOM]) { (void)of, (void)reason; return false; }

cf_mono call_sent(const struct call *call) { (void)call; return stopped; }
cf_mono call_answered(const struct call *call) { (void)call; return stopped; }

/* Never come to. */
void ward_loaded(struct work *of) { (void)of; }
void gate_evidence(struct work *of, struct cf_report *report, struct cf_pair_evidence *ret) { (void)of, (void)report, (void)ret; }
void gate_show(struct work *of, const struct cf_findings *findings) { (void)of, (void)findings; }
void gate_leave(struct work *of) { (void)of; }
int gated_decide(struct work *of, enum cf_decision decision, struct cf_error *err) { (void)of, (void)decision, (void)err; return 0; }
int work_ask_landing(struct work *of, struct cf_landing *ret, struct cf_error *err) { (void)of, (void)ret, (void)err; return -1; }

void reason_driver(struct work *of, const struct drive_end *end, const char *nothing, char reason[static CF_DETAIL_ROOM])
{
	(void)of, (void)end;
	act_say(reason, "%s", nothing);
}

/* --- the tests --- */

static pthread_t thread;
static enum cf_event event;

static void *stand(void *unused)
{
	(void)unused;
	event = act_gate(work, why);
	return NULL;
}

static enum cf_event joined(void)
{
	pthread_join(thread, NULL);
	return event;
}

/* On arm64 QEMU has to read every vCPU's counter after STOP; here it has none when all is loaded. */
static void stops(enum cf_lever required, cf_span limit)
{
	at->arch = CF_KVM_ARCH_ARM64;
	at->said.vcpus[0].flags = at->said.vcpus[1].flags = 0;
	aborted = stopping = false;
	*why = *unmeasured = '\0';
	work->carrier = carrier_free(work->carrier);
	furnish(work);
	work->limits = (struct cf_both_limits){ .limits = { .require_lever = required, .max_blackout = limit } };
	carried_begin(work);
	comes(has_pushed);
	happens(true, false, true);
	stopped = kernel_raw();
	work->record_there = work->receipt->has_stop = true;
	work->receipt->stop.raw = stopped;
}

static void waits(enum cf_lever required, cf_span limit)
{
	stops(required, limit);
	pthread_create(&thread, NULL, stand, NULL);
	nanosleep(&A_WHILE, NULL);
}

static void test_waits(void)
{
	const cf_span limit = { 80 * CF_S };	/* of which the record has 10 s */

	waits(CF_LEVER_KVM, limit);
	read_counter(0);
	read_counter(1);
	ok(joined() == CF_EV_LOADED && carried_there(work), "what the gate asks for may get there after the guest is loaded");
	ok(cf_span_cmp(cf_mono_since(kernel_raw(), stopped), cf_record_patience(&work->limits)) < 0, "and is waited for no longer than that");

	waits(CF_LEVER_KVM, (cf_span){ CF_S });
	ok(joined() == CF_EV_LOADED && !carried_there(work) &&
	   cf_span_cmp(cf_mono_since(kernel_raw(), stopped), cf_record_patience(&work->limits)) >= 0,
	   "what does not come has the time of the record of STOP");

	waits(CF_LEVER_KVM, limit);
	aborted = true;
	ok(joined() == CF_EV_NEVER_RAN && strstr(why, "aborted"), "meanwhile somebody may end it: %s", why);
	waits(CF_LEVER_KVM, limit);
	stopping = true;
	ok(joined() == CF_EV_NEVER_RAN && strstr(why, "stopped"), "and so may the agent: %s", why);

	stops(CF_LEVER_NONE, limit);
	ok(act_gate(work, why) == CF_EV_LOADED && cf_span_cmp(cf_mono_since(kernel_raw(), stopped), (cf_span){ 5 * CF_S }) < 0,
	   "where the lever is not required nothing is waited for");
}

static void test_missed(void)
{
	stops(CF_LEVER_NONE, (cf_span){ CF_S });
	read_counter(0);
	comes(has_pushed_stop);
	reads = true;
	ok(act_commit(work, why) == CF_EV_LANDED && !*unmeasured, "what comes before the guest runs there is not said to be missing: %s", unmeasured);
	stops(CF_LEVER_NONE, (cf_span){ CF_S });
	read_counter(0);
	comes(has_pushed_stop);
	nanosleep(&A_WHILE, NULL);
	reads = false;
	ok(act_commit(work, why) == CF_EV_LANDED && strstr(unmeasured, "vCPU 1"), "but what has not come by then is: %s", unmeasured);
}

int main(void)
{
	work = work_made(&context);
	work->side = CF_SOURCE;
	work->driver = &played;
	drive.ops = &played;
	work->drive = &drive;
	test_waits();
	test_missed();
	work_unmade(work);
	return done();
}
