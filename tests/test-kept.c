/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest that the source keeps: when its clock is looked at, and where that should be, by the events that were seen. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/kept.h"
#include "daemon/act/mend.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/virt/job.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define REAL   (INT64_C(1790000000) * CF_S)	/* REALTIME - RAW of the host, before any step */
#define BEFORE (1000 * CF_S)			/* RAW, when the guest's clock was last read */
#define STOP   (1004 * CF_S)
#define RESUME (1006 * CF_S)
#define NOW    (1007 * CF_S)
#define AHEAD  (3600 * CF_S)			/* the guest's clock against this host's, when it was read */

static struct {
	struct guest_events events;
	bool stepped;		/* by the reporter, at any time */
	int64_t jump;		/* what REALTIME was stepped by between STOP and RESUME */
	enum cf_decision decision;	/* as the page has it */
} sim;

static struct work *work;
static struct aim aim;		/* what was given to mend() */
static bool mended, whenever;
static int taken;		/* so often QEMU was asked to take its disks back */

static struct cf_instant at(int64_t raw)
{
	return (struct cf_instant){ .raw = { raw }, .real = { raw + REAL + (raw > STOP ? sim.jump : 0) } };
}

struct cf_instant kernel_instant(void)
{
	return at(NOW);
}

cf_mono kernel_raw(void)
{
	return at(NOW).raw;
}

bool reporter_stepped(struct reporter *reporter, cf_mono since)
{
	(void)reporter, (void)since;
	return sim.stepped;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = sim.events;
}

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	(void)watch, (void)seen, (void)timeout;
	*ret = sim.events;
	return false;
}

enum cf_decision gated_decision(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.decision;
}

struct virt_link *work_link(struct work *of, struct cf_error *err)
{
	(void)of, (void)err;
	return (struct virt_link *)&sim;
}

int job_take_disks(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline, (void)err;
	taken += !mended;	/* before its clock, which may take a while */
	return 0;
}

void carried_kept(struct work *of)
{
	(void)of;
}

void mend(struct work *of, const struct mend_guest *guest)
{
	(void)of;
	mended = true;
	aim = *guest->aim;
	whenever = guest->whenever;
}

#define SEEN_STOP   .has_stop = true, .switchover = true
#define SEEN_RESUME .has_resume = true, .undone = true

static const struct {
	const char *sentence;
	struct guest_events events;
	enum cf_phase again;
	bool booted;
	enum cf_decision decision;
	int64_t stop_width;
	int64_t jump;
	bool stepped;
	bool mended;
	bool disks;		/* may be away, and are taken back */
	bool lost;		/* how long it stood still is known */
	const char *why;
} rows[] = {
	{ "it never stood still", { 0 }, .why = "" },
	{ "it stood still and runs again", { SEEN_STOP, SEEN_RESUME }, .mended = true, .lost = true, .why = "" },
	{ "... and its STOP was heard of late", { SEEN_STOP, SEEN_RESUME }, .stop_width = 2 * CF_S, .mended = true, .lost = true, .why = "" },
	{ "it was cancelled as it gave its disks away", { SEEN_STOP, SEEN_RESUME, .cancelled_late = true }, .mended = true, .disks = true,
	  .lost = true, .why = "" },
	{ "it does not run again", { SEEN_STOP }, .why = "RESUME was not seen" },
	{ "its STOP fits no clock, because that was stepped", { .switchover = true, .stop_unplaced = true, SEEN_RESUME },
	  .jump = -7 * CF_S, .stepped = true, .mended = true, .why = "STOP's time stamp fits none" },
	{ "its RESUME fits none", { SEEN_STOP, .undone = true, .resume_unplaced = true },
	  .jump = -7 * CF_S, .stepped = true, .mended = true, .why = "RESUME's time stamp fits none" },
	{ "both fit, beside a step", { SEEN_STOP, SEEN_RESUME }, .jump = 7 * CF_S, .stepped = true, .mended = true,
	  .why = "clock was stepped meanwhile" },
	{ "its RESUME was lost with libvirt's connection", { SEEN_STOP, .gap = true }, .mended = true, .disks = true,
	  .why = "RESUME was not seen" },
	{ "all that there was may have been lost with it", { .gap = true }, .mended = true, .disks = true, .why = "" },
	{ "it was an earlier agent that would have seen it", { 0 }, .again = CF_PHASE_COPYING, .mended = true, .disks = true,
	  .why = "RESUME was not seen" },
	{ "an earlier agent had seen it run again", { 0 }, .again = CF_PHASE_ABORTED, .mended = true, .disks = true,
	  .why = "the agent was restarted" },
	{ "an earlier agent that had not begun to copy", { 0 }, .again = CF_PHASE_CAPTURING, .why = "" },
	{ "the host has booted, and libvirt's connection came late", { .gap = true }, .again = CF_PHASE_IN_DOUBT, .booted = true,
	  .why = "" },
	{ "it was taken back before, and is given back for good since", { .gap = true }, .again = CF_PHASE_LOADED,
	  .decision = CF_DECISION_KEPT, .why = "" },
	{ "an earlier agent had begun to take it back", { .gap = true }, .again = CF_PHASE_LOADED,
	  .decision = CF_DECISION_ROLL_BACK, .mended = true, .disks = true, .why = "RESUME was not seen" },
};

static void begin(size_t i)
{
	memset(&sim, 0, sizeof(sim));
	sim.events = rows[i].events;
	sim.jump = rows[i].jump;
	sim.stepped = rows[i].stepped;
	sim.decision = rows[i].decision;
	sim.events.stop = at(sim.events.has_stop ? STOP : 0);
	sim.events.stop.width.ns = rows[i].stop_width;
	sim.events.resume = at(sim.events.has_resume ? RESUME : 0);
	memset(work->receipt, 0, sizeof(*work->receipt));
	work->again = rows[i].again;
	work->booted = rows[i].booted;
	work->record->guest.has_guest_offset = true;
	work->record->guest.guest_offset = (struct cf_guest_offset){ .offset = cf_interval_around((cf_span){ AHEAD }, (cf_span){ CF_MS }),
								     .at = at(BEFORE) };
	mended = whenever = false;
	taken = 0;
	*unmeasured = '\0';
}

/* Where it should be now: as far from the clock that cannot be stepped as it was, whatever became of the other. */
static bool aims_well(void)
{
	struct cf_interval should = aim_at(&aim, at(NOW), sim.stepped);

	return cf_interval_has(should, (cf_span){ AHEAD - sim.jump }) && cf_interval_half(should).ns < 20 * CF_MS;
}

int main(void)
{
	static const struct act_context context = { 0 };
	static struct settings *settings;

	work = calloc(1, sizeof(*work));
	settings = calloc(1, sizeof(*settings));
	if (!work || !settings || !(work->receipt = calloc(1, sizeof(*work->receipt))) ||
	    !(work->record = calloc(1, sizeof(*work->record))))
		return 1;
	work->context = &context;
	work->settings = settings;

	kept_mend(work);
	ok(!mended, "nobody watched it, so nothing was begun");
	work->watch = (struct guest_watch *)&sim;
	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		begin(i);
		kept_mend(work);
		ok(mended == rows[i].mended, "%s: its clock is %s", rows[i].sentence, mended ? "looked at" : "left alone");
		ok(!mended || (aims_well() && whenever), "... and where it should be is known, however late it is");
		ok(taken == rows[i].disks, "... and its disks are %s", rows[i].disks ? "taken back first" : "where they were");
		ok(work->receipt->has_source_lost == rows[i].lost, "... how long it stood still is%s known", rows[i].lost ? "" : " not");
		ok(*rows[i].why ? !!strstr(unmeasured, rows[i].why) : !*unmeasured, "... because \"%s\"", unmeasured);
	}

	free(work->record);
	free(work->receipt);
	free(settings);
	free(work);
	return done();
}
