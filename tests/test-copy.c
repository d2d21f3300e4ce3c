/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source's copy, against a driver and a QEMU that are played, in a time of its own: whatever is to end it,
 * and whenever that comes, its guest is let go of by nobody.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/looker.h"
#include "daemon/act/persist.h"
#include "daemon/act/ramp.h"
#include "daemon/act/reason.h"
#include "daemon/act/record.h"
#include "daemon/act/standstill.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"
#include "tests/fake-host.h"
#include "tests/fake-ward.h"
#include "tests/tap.h"

#define NEVER      ((cf_mono){ INT64_MAX })
#define PASS_MS    4000		/* the first pass takes so long, if it is long */
#define QUICK_MS   200
#define LOOK_MS    250		/* so often it is looked at */
#define HURRIED_MS 50

static struct {
	cf_mono asked;		/* when somebody asks for its end */
	cf_mono paused;		/* when somebody pauses the guest */
	cf_mono switches;	/* when QEMU stops the guest for the switchover */
	cf_mono loaded;		/* when the driver has it at its gate */
	bool is_looked_at;
	int64_t looks, pass_ms, every_ms;
	int aborts, noted;
} sim;

static struct work *work;

static bool is_past(cf_mono at)
{
	return cf_mono_cmp(fake.now, at) >= 0;
}

/* In place of QEMU's events, of libvirt and of the driver */

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = (struct guest_events){
		.pass = 1, .status = MIGRATION_ACTIVE, .paused = is_past(sim.paused),
		.switchover = is_past(sim.switches) && !is_past(sim.paused),
	};
	ret->stopped = ret->paused || ret->switchover;
}

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	(void)seen;
	fake.now = cf_mono_add(fake.now, timeout);
	guest_watch_read(watch, ret);
	return false;
}

static int played_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	(void)drive, (void)timeout;
	*ret = (struct drive_end){ .state = is_past(sim.loaded) ? DRIVE_LOADED : DRIVE_RUNNING };
	return 0;
}

static int played_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	(void)drive, (void)deadline, (void)err;
	sim.aborts++;
	return 0;
}

static const struct drive_ops gated = { .has_gate = true, .wait = played_wait, .abort = played_abort };
static const struct drive_ops ungated = { .wait = played_wait, .abort = played_abort };

/* In place of what else looks at it */

bool work_aborted(struct work *of, char why[static CF_DETAIL_ROOM])
{
	(void)of;
	if (is_past(sim.asked))
		snprintf(why, CF_DETAIL_ROOM, "the operator wants it to end");
	return is_past(sim.asked);
}

bool standstill_look(struct standstill *still, const struct guest_events *events, const struct flow *flow)
{
	(void)flow;
	still->paused = events->paused;
	return true;
}

void at_stop_note(struct work *of)
{
	(void)of;
	sim.noted++;
}

void gate_judge(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; }
void gate_leave(struct work *of) { (void)of; }
void ward_look(struct work *of) { (void)of; }
void ramp_begin(struct work *of) { (void)of; }
void ramp_look(struct work *of, int64_t pass) { (void)of, (void)pass; }
void standstill_undone(struct work *of) { (void)of; }
struct looker *looker_free(struct looker *looker) { (void)looker; return NULL; }

cf_span ramp_target(const struct work *of)
{
	(void)of;
	return (cf_span){ CF_S };
}

int looker_new(struct looker **ret, const struct act_context *context, const struct looker_options *options,
	       struct cf_error *err)
{
	static char some;

	(void)context, (void)options;
	if (!sim.is_looked_at)
		return cf_fail(err, ENOMEM, CF_HOST, "nobody looks");
	*ret = (struct looker *)&some;
	return 0;
}

/* A MiB is sent every ms. */
void looker_read(struct looker *looker, struct looker_news *ret)
{
	int64_t ms = (fake.now.ns - FAKE_BEGIN) / CF_MS;

	(void)looker;
	ms -= ms % sim.every_ms;	/* the last look */
	*ret = (struct looker_news){ .looks = ++sim.looks, .progress = { .iteration = 1, .bytes_sent = ms << 20,
									 .bytes_left = (sim.pass_ms - ms) << 20 } };
}

void looker_hurry(struct looker *looker)
{
	(void)looker;
	sim.every_ms = HURRIED_MS;
}

/* What a copy that is under way never comes to */

void carried_begin(struct work *of) { (void)of; }
int gate_watch(struct work *of, struct cf_error *err) { (void)of, (void)err; return -1; }
int persist_hold(struct work *of, struct cf_error *err) { (void)of, (void)err; return -1; }
void ward_begin(struct work *of, const char *uri) { (void)of, (void)uri; }
void ward_copied(struct work *of, const struct cf_progress *progress) { (void)of, (void)progress; }
bool ward_has_cut(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; return false; }
bool ward_saw_end(struct work *of) { (void)of; return false; }
struct virt_link *work_link(struct work *of, struct cf_error *err) { (void)of, (void)err; return NULL; }

bool fleet_overhead(struct fleet *fleet, const char *name, cf_span *ret)
{
	(void)fleet, (void)name, (void)ret;
	return false;
}

int gated_bring(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *err)
{
	(void)userdata, (void)offer, (void)ret, (void)err;
	return -1;
}

int gated_decide(struct work *of, enum cf_decision decision, struct cf_error *err)
{
	(void)of, (void)decision, (void)err;
	return -1;
}

int guest_watch_new(struct virt *virt, const char *uuid, enum cf_side side, struct guest_watch **ret, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)side, (void)ret, (void)err;
	return -1;
}

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)ret, (void)err;
	return -1;
}

int job_start_post_copy(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline, (void)err;
	return -1;
}

void reason_driver(struct work *of, const struct drive_end *end, const char *otherwise, char why[static CF_DETAIL_ROOM])
{
	(void)of, (void)end, (void)otherwise, (void)why;
}

bool record_take_guest_offset(struct work *of, bool read, const struct cf_guest_offset *fresh, const char *why)
{
	(void)of, (void)read, (void)fresh, (void)why;
	return false;
}

/* --- */

static cf_mono after(int64_t ms)
{
	return (cf_mono){ FAKE_BEGIN + ms * CF_MS };
}

/* A copy that is under way in that phase. */
static void begin(const struct drive_ops *driver, enum cf_phase phase)
{
	static struct drive drive;
	static char some;

	fake_begin((cf_span){ 60 * CF_S });
	memset(&sim, 0, sizeof(sim));
	memset(&fake_ward, 0, sizeof(fake_ward));
	sim.pass_ms = PASS_MS;
	sim.every_ms = LOOK_MS;
	sim.asked = sim.paused = sim.switches = sim.loaded = NEVER;
	drive.ops = driver;
	work->driver = driver;
	work->drive = &drive;
	work->watch = (struct guest_watch *)&some;
	work->lookout = (struct lookout *)&some;
	work->record->paused = false;
	work->looker = NULL;
	work->copied = (struct cf_copy){ 0 };
	work->shown.phase = phase;
	work->again = phase;
}

static void test_goes_on(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin(&gated, CF_PHASE_COPYING);
	sim.switches = after(1000);
	ok(act_copy(work, why) == CF_EV_ARMED && !*why, "what nobody wants to end is armed when it stops its guest");
	begin(&gated, CF_PHASE_ARMED);
	sim.switches = after(1000);
	ok(act_copy(work, why) == CF_EV_STOPPED && sim.noted == 0, "... and then goes to its gate");
}

static void test_armed_in_time(void)
{
	char why[CF_DETAIL_ROOM] = "";
	int64_t ms;

	begin(&gated, CF_PHASE_COPYING);
	sim.is_looked_at = true;
	ok(act_copy(work, why) == CF_EV_ARMED && !*why, "a first pass that is nearly through has the copy armed");
	ms = (fake.now.ns - FAKE_BEGIN) / CF_MS;
	ok(ms > PASS_MS / 2 && ms < PASS_MS, "... before the guest can be stopped: after %lld ms of %d", (long long)ms, PASS_MS);

	begin(&gated, CF_PHASE_COPYING);
	sim.is_looked_at = true;
	sim.pass_ms = QUICK_MS;
	ok(act_copy(work, why) == CF_EV_ARMED && !*why, "so has one that is over in no time");
	ms = (fake.now.ns - FAKE_BEGIN) / CF_MS;
	ok(ms < QUICK_MS / 2, "... with time for the ledgers: after %lld ms of %d", (long long)ms, QUICK_MS);
}

static void test_to_end(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin(&gated, CF_PHASE_COPYING);
	fake_ward.connected = true;
	sim.asked = after(500);
	sim.switches = after(800);
	ok(act_copy(work, why) == CF_EV_NEVER_RAN && fake_ward.cut && sim.aborts == 0,
	   "one that was to end is cut, and QEMU, which ends it then, is not told to cancel as well");

	*why = '\0';
	begin(&gated, CF_PHASE_COPYING);
	fake_ward.connected = true;
	sim.asked = after(500);
	sim.switches = after(2000);
	ok(act_copy(work, why) == CF_EV_NEVER_RAN && fake_ward.cut && sim.aborts > 0, "... unless it does not");
	*why = '\0';

	begin(&gated, CF_PHASE_COPYING);
	sim.asked = after(500);
	sim.switches = after(600);
	ok(act_copy(work, why) == CF_EV_NEVER_RAN && sim.aborts > 0, "one that was to end, and stops its guest first, is taken back: %s", why);
	ok(strcmp(why, "the operator wants it to end") == 0 && sim.noted == 1 && !work->record->paused,
	   "... for that reason, and its STOP is noted");

	*why = '\0';
	begin(&gated, CF_PHASE_COPYING);
	sim.asked = after(500);
	sim.loaded = after(600);
	ok(act_copy(work, why) == CF_EV_NEVER_RAN, "... also where the driver has it at the gate by then");

	*why = '\0';
	begin(&gated, CF_PHASE_COPYING);
	sim.paused = after(500);
	sim.loaded = after(600);
	ok(act_copy(work, why) == CF_EV_NEVER_RAN && strcmp(why, "the domain was paused during the copy") == 0 && work->record->paused,
	   "... and one that somebody has paused is to be paused once more");

	*why = '\0';
	begin(&gated, CF_PHASE_ARMED);
	sim.asked = after(500);
	sim.switches = after(600);
	ok(act_copy(work, why) == CF_EV_STOPPED, "one that is armed is ended at its gate");

	*why = '\0';
	begin(&ungated, CF_PHASE_COPYING);
	sim.asked = after(500);
	sim.switches = after(600);
	ok(act_copy(work, why) == CF_EV_STOPPED, "without a gate both hosts are asked what became of it");
}

int main(void)
{
	static const struct act_context context = { 0 };
	static struct settings settings;

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	settings.copy.no_progress = settings.copy.converge = (cf_span){ 60 * CF_S };
	work->settings = &settings;
	work->record = calloc(1, sizeof(*work->record));
	work->receipt = calloc(1, sizeof(*work->receipt));
	test_goes_on();
	test_armed_in_time();
	test_to_end();
	free(work->record);
	free(work->receipt);
	free(work);
	return done();
}
