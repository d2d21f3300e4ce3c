/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ends, against a libvirt and a peer that are played: what is still at hand is given up with the promise that goes with it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/again.h"
#include "daemon/act/errand.h"
#include "daemon/act/gated.h"
#include "daemon/act/kept.h"
#include "daemon/act/obey.h"
#include "daemon/act/persist.h"
#include "daemon/act/ramp.h"
#include "daemon/act/reason.h"
#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/probe.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/leftover.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define REASON "the ledger cannot be written"

static struct work *work;
static int given_up, waited;
static char said[CF_DETAIL_ROOM];

bool obey_give_up(struct work *of, const char *why)
{
	given_up++;
	waited += fake_took().ns > 0;
	snprintf(said, sizeof(said), "%s", why);
	of->incoming = NULL;
	return true;
}

struct cf_instant kernel_instant(void)
{
	return (struct cf_instant){ .raw = fake.now };
}

/* The source's: what of it is done after what */

static int mended, paired, completed, amiss;

void kept_mend(struct work *of)
{
	(void)of;
	amiss += paired;
	mended++;
}

void again_pair(struct work *of)
{
	(void)of;
	amiss += completed;
	paired++;
}

void receipt_complete(struct work *of)
{
	(void)of;
	completed++;
}

/* Nothing of the following is news here */

bool work_newest_closing(struct work *of) { (void)of; return false; }
cf_span work_silence(struct work *of) { (void)of; return (cf_span){ 0 }; }
enum cf_mark gated_mark(const struct act_context *context, const char *id) { (void)context, (void)id; return CF_MARK_ARMED; }
void gated_settle(struct work *of, enum cf_decision how) { (void)of, (void)how; }
void persist_restore(struct work *of) { (void)of; }
void ramp_learn(struct work *of) { (void)of; }
bool reason_asked(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; return false; }
void receipt_alone(struct work *of) { (void)of; }
void receipt_explain(struct work *of) { (void)of; }
void receipt_log(const struct cf_receipt *receipt) { (void)receipt; }
int work_calls(struct work *of, struct cf_error *err) { (void)of, (void)err; return 0; }

static enum cf_code answer;		/* of the destination, to the receipt */

int call_do(struct call *call, enum cf_route_id route, const char *const *segments, const void *query, const void *request,
	    void *reply, cf_span timeout, struct cf_problem *problem, struct cf_error *err)
{
	(void)call, (void)route, (void)segments, (void)query, (void)request, (void)reply, (void)timeout, (void)problem;
	return cf_fail(err, EPROTO, answer, "as it is played");
}

int probe_calmly(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM], cf_span timeout,
		 struct cf_error *err)
{
	(void)call, (void)n, (void)offset, (void)boot, (void)timeout, (void)err;
	return -1;
}

static struct domain_standing standing;		/* of the guest, here */
static char logged_as[40];			/* the message id of the last line */

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)err;
	*ret = standing;
	return 0;
}

void log_write(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority, (void)fmt;
	snprintf(logged_as, sizeof(logged_as), "%s", about && about->id ? about->id : "");
}

int leftover_undefine(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)deadline, (void)err;
	return -1;
}

/* It has ended in that phase, with the incoming domain at hand or without. */
static void close_incoming(enum cf_phase phase, bool has)
{
	static char domain;
	char why[CF_DETAIL_ROOM] = "";

	fake_begin((cf_span){ 60 * CF_S });
	given_up = waited = 0;
	work->incoming = has ? (struct incoming *)&domain : NULL;
	work->shown.phase = phase;
	act_close_incoming(work, why);
}

static void test_undo(void)
{
	char why[CF_DETAIL_ROOM] = "";

	work->side = CF_SOURCE;
	ok(act_undo(work, why) == CF_EV_KEPT && mended == 1 && paired == 1 && completed == 1 && amiss == 0,
	   "the guest's clock comes first, then the pair's offset, and then the receipt that it is for");
}

/* An attempt whose copy had begun came to nothing, and its guest stands so here. */
static const char *undone(struct domain_standing at)
{
	char why[CF_DETAIL_ROOM] = "";

	standing = at;
	*logged_as = '\0';
	work->again = CF_PHASE_COPYING;
	act_undo(work, why);
	return logged_as;
}

static void test_loss(void)
{
	static struct cf_record record;

	work->record = &record;
	ok(strcmp(undone((struct domain_standing){ 0 }), LOG_ID_GUEST_DOWN) == 0, "a guest that is gone is told as one that is down");
	ok(strcmp(undone((struct domain_standing){ .known = true, .active = true, .stranded = true }), LOG_ID_GUEST_DOWN) == 0,
	   "so is one that libvirt could not let run");
	ok(strcmp(undone((struct domain_standing){ .known = true, .active = true }), LOG_ID_GUEST_DOWN) != 0, "and none that runs");
}

/* The destination answers so to the receipt of an attempt for which it was asked. */
static bool owes(enum cf_code code)
{
	char why[CF_DETAIL_ROOM] = "";

	answer = code;
	work->owed = false;
	act_undo(work, why);
	return work->owed;
}

/* Its check had an answer; the reservation, whose answer was lost, may be under way still. */
static void test_owed(void)
{
	strcpy(work->reservation.uuid, "5e3c1f0a-0000-4000-8000-000000000001");
	strcpy(work->lease.host, "hB");
	ok(owes(CF_UNREACHABLE), "a receipt that the destination has not had is brought later");
	ok(owes(CF_NOT_FOUND), "so is one of a migration that it does not know yet");
	ok(!owes(CF_CONFLICT), "and none that it will not have");
}

int main(void)
{
	static const struct act_context context = { 0 };
	static struct settings settings = { .lease = { 30 * CF_S } };
	static const struct drive_ops gated = { .has_gate = true };

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	work->settings = &settings;
	work->driver = &gated;
	work->side = CF_DESTINATION;
	work->receipt = calloc(1, sizeof(*work->receipt));
	strcpy(work->shown.reason, REASON);

	close_incoming(CF_PHASE_DROPPED, true);
	ok(given_up == 1 && !work->incoming, "what is dropped with its domain at hand is given up");
	ok(strcmp(said, REASON) == 0, "... for the reason that it was dropped for: %s", said);
	ok(waited == 0, "... before the source's receipt is waited for");
	close_incoming(CF_PHASE_DROPPED, false);
	ok(given_up == 0, "what was given up before is not once more");
	close_incoming(CF_PHASE_DONE, true);
	ok(given_up == 0, "nor is one that ran, whatever is left at hand of it");

	test_undo();
	test_loss();
	test_owed();
	free(work->receipt);
	free(work);
	return done();
}
