/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source has its guest run on: against a libvirtd that is played, in a time of its own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/standstill.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"
#include "daemon/virt/leftover.h"
#include "tests/fake-host.h"
#include "tests/fake-ward.h"
#include "tests/tap.h"

#define REASON "the connection was cut"

static struct {
	cf_mono thaws;		/* libvirtd: it hangs until then */
	bool stands;		/* the guest, as a migration has left it */
	bool job;		/* and that is not over */
	int stranded;		/* libvirt could not let it run, nor will it so many times more */
	bool wedged;		/* nor will it be: libvirtd waits for a stop that does not come */
	enum drive_state drive;	/* of the one under way */
	int64_t notices_ms;	/* QEMU, that it was cut, so long after that and after libvirtd does anything */
	cf_mono aborted_at;
	struct guest_events heard;	/* by the watch */
	int resumed, aborted, rolled_back, freed;
	enum cf_decision decided;	/* as the page has it */
} sim;

static struct work *work;

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	(void)virt, (void)uuid;
	if (cf_mono_cmp(fake.now, sim.thaws) < 0) {
		fake.now = cf_mono_add(fake.now, cf_span_min(cf_mono_since(sim.thaws, fake.now), (cf_span){ 2 * CF_S }));
		return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
	}
	*ret = (struct domain_standing){
		.known = true, .active = true, .migrating = sim.stands, .moving = sim.stands || sim.job, .job_active = sim.job,
		.stranded = sim.stranded > 0, .state = sim.stands || sim.stranded > 0 ? CF_DOMAIN_PAUSED : CF_DOMAIN_RUNNING,
	};
	return 0;
}

int leftover_resume(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)deadline;
	sim.resumed++;
	sim.stands = false;
	if (sim.stranded > 0 && --sim.stranded > 0)
		return cf_fail(err, EIO, CF_HOST, "its disks are away");
	return 0;
}

int job_abort(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline, (void)err;
	sim.aborted++;
	sim.job = sim.wedged;
	return 0;
}

int job_unblock(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline, (void)err;
	sim.freed++;
	sim.job = false;
	sim.drive = DRIVE_ABORTED;
	return 0;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = sim.heard;
}

static int played_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	cf_mono live = cf_mono_cmp(sim.thaws, fake_ward.at) > 0 ? sim.thaws : fake_ward.at;
	cf_mono ends = cf_mono_add(live, (cf_span){ sim.notices_ms * CF_MS });

	(void)drive;
	fake.now = cf_mono_add(fake.now, sim.drive == DRIVE_RUNNING ? timeout : (cf_span){ 0 });
	if (sim.notices_ms && fake_ward.cut && cf_mono_cmp(fake.now, ends) >= 0)
		sim.drive = DRIVE_FAILED;
	*ret = (struct drive_end){ .state = sim.drive };
	return 0;
}

static int played_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	(void)drive, (void)deadline, (void)err;
	if (!sim.aborted++)
		sim.aborted_at = fake.now;
	return 0;
}

static struct drive *played_free(struct drive *drive)
{
	(void)drive;
	return NULL;
}

static const struct drive_ops played = {
	.has_gate = true, .wait = played_wait, .abort = played_abort, .free = played_free,
};

struct virt_link *work_link(struct work *of, struct cf_error *err)
{
	static char link;

	(void)of, (void)err;
	return (struct virt_link *)&link;
}

enum cf_decision gated_decision(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.decided;
}

int gated_decide(struct work *of, enum cf_decision decision, struct cf_error *err)
{
	(void)of, (void)err;
	sim.rolled_back += decision == CF_DECISION_ROLL_BACK;
	return 0;
}

void gate_leave(struct work *of)
{
	(void)of;
}

void standstill_undone(struct work *of)
{
	(void)of;
}

/* libvirtd hangs for so long yet, and the agent is to stop after so long, or never. */
static enum cf_event take_back(cf_span hang, cf_span stop, bool stands, bool job, char why[static CF_DETAIL_ROOM])
{
	memset(&sim, 0, sizeof(sim));
	fake_begin(stop);
	sim.thaws = cf_mono_add(fake.now, hang);
	sim.stands = stands;
	sim.job = job;
	*why = '\0';
	return act_take_back(work, why);
}

static void test_silence(void)
{
	static const struct {
		const char *sentence;
		cf_span hang;
		const char *why;
	} rows[] = {
		{ "libvirtd answers", { 0 }, REASON },
		{ "it was away for a moment", { 500 * CF_MS }, REASON },
		{ "it hung for a while", { 20 * CF_S }, REASON "; meanwhile libvirtd did not answer for 20 s" },
		{ "it hung for two minutes", { 120 * CF_S }, REASON "; meanwhile libvirtd did not answer for 2 min" },
	};
	char why[CF_DETAIL_ROOM];

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		enum cf_event event = take_back(rows[i].hang, (cf_span){ 0 }, false, false, why);

		ok(event == CF_EV_KEPT && sim.rolled_back == 1, "%s: the guest is kept", rows[i].sentence);
		ok(strcmp(why, rows[i].why) == 0, "... and it says why: %s", why);
		event = take_back(rows[i].hang, (cf_span){ 0 }, true, false, why);
		ok(event == CF_EV_KEPT && sim.resumed == 1 && !sim.stands, "... one that stands is let run on");
	}
}

/* libvirtd does not end what QEMU has: with the drive that began it, and without, after a restart of the agent. */
static void test_wedged(void)
{
	static struct drive drive = { .ops = &played };
	static char watch;

	for (int driven = 0; driven < 2; driven++) {
		char why[CF_DETAIL_ROOM] = "";

		memset(&sim, 0, sizeof(sim));
		fake_begin((cf_span){ 60 * CF_S });
		sim.job = sim.wedged = true;
		sim.heard.status = driven ? MIGRATION_CANCELLED : MIGRATION_NONE;
		work->watch = (struct guest_watch *)&watch;
		work->drive = driven ? &drive : NULL;
		ok(act_take_back(work, why) == CF_EV_KEPT && !work->drive, "%s: a guest that runs is back although libvirtd hangs: %s",
		   driven ? "under way" : "left by another agent", why);
		ok(sim.freed == 1 && sim.resumed == 0, "... once that was freed");
		ok(cf_span_cmp(fake_took(), (cf_span){ 5 * CF_S }) >= 0 && cf_span_cmp(fake_took(), (cf_span){ 20 * CF_S }) < 0,
		   "... which an end that comes by itself is not disturbed by: %d s", (int)(fake_took().ns / CF_S));
		work->watch = NULL;
		work->drive = NULL;
	}
}

/*
 * One that is cut ends by itself, as soon as QEMU notices; it is told to cancel only where it does not although
 * libvirtd, which it may wait for, has answered for a while.
 */
static void test_cut(void)
{
	static const struct {
		const char *sentence;
		bool connected;
		int64_t notices_ms, hang_ms;
		bool aborted;
		int64_t not_before_ms;
	} rows[] = {
		{ "nothing to cut",                                     false, 0,   0,     true,  0 },
		{ "a cut that QEMU notices",                            true,  30,  0,     false, 0 },
		{ "... which takes it a while",                         true,  400, 0,     false, 0 },
		{ "... when libvirtd, which hung, has let it go on",    true,  30,  20000, false, 0 },
		{ "... which takes it a while from then",               true,  300, 20000, false, 0 },
		{ "a cut that QEMU does not notice",                    true,  0,   0,     true,  400 },
		{ "... nor once libvirtd answers, which hung",          true,  0,   20000, true,  20400 },
	};
	static struct drive drive = { .ops = &played };

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		char why[CF_DETAIL_ROOM] = "";
		int64_t ms;

		memset(&sim, 0, sizeof(sim));
		memset(&fake_ward, 0, sizeof(fake_ward));
		fake_begin((cf_span){ 60 * CF_S });
		sim.thaws = cf_mono_add(fake.now, (cf_span){ rows[i].hang_ms * CF_MS });
		fake_ward.connected = rows[i].connected;
		sim.notices_ms = rows[i].notices_ms;
		sim.stands = true;
		work->drive = &drive;
		act_take_back(work, why);
		ms = (sim.aborted_at.ns - FAKE_BEGIN) / CF_MS;
		ok(!!sim.aborted == rows[i].aborted, "%s: it is %stold to cancel", rows[i].sentence, rows[i].aborted ? "" : "not ");
		ok(!sim.aborted || (ms >= rows[i].not_before_ms && ms < rows[i].not_before_ms + 2000), "... after %lld ms", (long long)ms);
		work->drive = NULL;
	}
	memset(&fake_ward, 0, sizeof(fake_ward));
}

/* libvirt ended its job and could not let the guest run: its disks are away, and come back. */
static void test_stranded(void)
{
	char why[CF_DETAIL_ROOM] = "";

	memset(&sim, 0, sizeof(sim));
	fake_begin((cf_span){ 600 * CF_S });
	sim.stranded = 30;
	ok(act_take_back(work, why) == CF_EV_KEPT && sim.stranded == 0 && sim.resumed == 30,
	   "a guest that libvirt could not let run is let run until it does: %d times", sim.resumed);
	ok(strcmp(why, REASON) == 0, "... and that is no other end: %s", why);

	memset(&sim, 0, sizeof(sim));
	fake_begin((cf_span){ 600 * CF_S });
	sim.stranded = 30;
	work->record->paused = true;
	ok(act_take_back(work, why) == CF_EV_KEPT && sim.resumed == 0, "one that somebody had paused is not");
	work->record->paused = false;
}

/* What was decided at the gate is in the receipt; what was not is not there as if it had been. */
static void test_receipt(void)
{
	struct cf_gated *gated = &work->receipt->gated;
	char why[CF_DETAIL_ROOM];

	work->limits.limits.max_blackout = (cf_span){ 300 * CF_MS };
	memset(work->receipt, 0, sizeof(*work->receipt));
	ok(take_back((cf_span){ 0 }, (cf_span){ 0 }, true, false, why) == CF_EV_KEPT && work->receipt->has_gated && !gated->committed,
	   "the receipt says that it was rolled back");
	ok(!gated->has_so_far && !gated->has_expected && !gated->has_source_clock && !gated->has_destination_clock &&
	   !gated->has_taken_back_took, "... and nothing of what nobody has judged");
	ok(gated->limit.ns == 300 * CF_MS, "... but the limit that there was");

	*gated = (struct cf_gated){ .committed = true, .has_expected = true, .expected = { 42 }, .limit = { 43 } };
	ok(take_back((cf_span){ 0 }, (cf_span){ 0 }, true, false, why) == CF_EV_KEPT && !gated->committed &&
	   gated->has_expected && gated->expected.ns == 42 && gated->limit.ns == 43, "what was judged stays as it was");
}

int main(void)
{
	static const struct act_context context = { 0 };
	char why[CF_DETAIL_ROOM];

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	work->receipt = calloc(1, sizeof(*work->receipt));
	work->record = calloc(1, sizeof(*work->record));
	strcpy(work->shown.reason, REASON);
	test_silence();
	test_wedged();
	test_cut();
	test_stranded();
	test_receipt();

	ok(take_back((cf_span){ 0 }, (cf_span){ 0 }, true, true, why) == CF_EV_KEPT && sim.aborted == 1 && sim.resumed == 1,
	   "a job that is not over is ended first");
	ok(take_back((cf_span){ 0 }, (cf_span){ 10 * CF_S }, false, true, why) == CF_EV_KEPT && sim.aborted == 1 && sim.resumed == 0,
	   "... also one that goes on while the guest still runs");
	sim.decided = CF_DECISION_KEPT;
	sim.rolled_back = sim.aborted = sim.resumed = 0;
	sim.stands = sim.job = true;
	ok(act_take_back(work, why) == CF_EV_KEPT && strcmp(why, REASON) == 0 && sim.rolled_back + sim.aborted + sim.resumed == 0,
	   "what was given back already is not taken from who has it since");
	ok(take_back((cf_span){ 3600 * CF_S }, (cf_span){ 10 * CF_S }, true, false, why) == CF_EV_FAILED && sim.resumed == 0,
	   "an agent that stops does not wait for a libvirtd that hangs: %s", why);

	free(work->receipt);
	free(work->record);
	free(work);
	return done();
}
