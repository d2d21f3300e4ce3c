/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is open before the first act of an agent that was restarted, and for whom nobody is asked. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/act/again.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/kept.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "tests/tap.h"

static struct work *work;
static int probed, watched, carried, begun;
static bool attaches;
static bool strange;	/* what is here is none of the migration's any more */
static char some;

int work_calls(struct work *of, struct cf_error *err)
{
	(void)err;
	of->peer.call = of->peer.probes = (struct call *)&some;
	return 0;
}

int probe_calmly(struct call *call, int n, struct cf_offset *offset, char boot[static CF_BOOT_ROOM], cf_span timeout,
		 struct cf_error *err)
{
	(void)call, (void)n, (void)offset, (void)boot, (void)timeout;
	probed++;
	return cf_fail(err, ETIMEDOUT, CF_UNREACHABLE, "the peer is away");
}

int guest_watch_new(struct virt *virt, const char *uuid, enum cf_side side, struct guest_watch **ret, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)side, (void)err;
	watched++;
	*ret = (struct guest_watch *)&some;
	return 0;
}

void carried_again(struct work *of)
{
	(void)of;
	carried++;
}

bool kept_is_ours(const struct work *of)
{
	(void)of;
	return !strange;
}

void carried_begin(struct work *of)
{
	(void)of;
	begun++;
}

int gate_watch(struct work *of, struct cf_error *err)
{
	(void)err;
	of->lookout = (struct lookout *)&some;
	return 0;
}

static int attach(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err)
{
	(void)virt, (void)uuid;
	if (!attaches)
		return cf_fail(err, ECONNRESET, CF_HOST, "libvirt is away");
	*ret = (struct drive *)&some;
	return 0;
}

/* Nothing of the following is news here */

void fleet_offset(struct fleet *fleet, const char *host, struct cf_offset *ret, char boot[static CF_BOOT_ROOM])
{
	(void)fleet, (void)host, (void)ret, (void)boot;
}

struct virt_link *work_link(struct work *of, struct cf_error *err) { (void)of, (void)err; return NULL; }
bool work_stopping(const struct work *of) { (void)of; return true; }
int virt_wait(struct virt *virt, cf_span patience, struct cf_error *err) { (void)virt, (void)patience, (void)err; return -1; }

/* Taken up in that phase. */
static void begin(enum cf_phase again, bool has_stood)
{
	work->receipt->has_stop = has_stood;
	work->again = again;
	work->peer.call = work->peer.probes = NULL;
	work->drive = NULL;
	probed = watched = carried = begun = 0;
}

int main(void)
{
	static const struct act_context context = { 0 };
	static const struct drive_ops gated = { .has_gate = true, .attach = attach };
	static struct settings settings;

	work = calloc(1, sizeof(*work));
	if (!work || !(work->receipt = calloc(1, sizeof(*work->receipt))))
		return 1;
	work->context = &context;
	work->settings = &settings;
	work->driver = &gated;
	work->side = CF_SOURCE;

	begin(CF_PHASE_ROLLING_BACK, true);
	again_open(work, CF_ACT_TAKE_BACK);
	ok(carried == 1, "what a guest that may stand still was armed with is kept up");
	ok(probed == 0 && watched == 1, "it is watched, and taken back before its peer is probed");
	again_pair(work);
	ok(probed == 1, "... which is made up for once it runs");
	begin(CF_PHASE_LANDED, true);
	again_open(work, CF_ACT_LAND);
	ok(probed == 1 && carried == 0, "one that has landed has the pair's offset first, and nothing to be kept up");
	begin(CF_PHASE_ABORTED, true);
	again_open(work, CF_ACT_UNDO);
	ok(watched == 1, "one that came to nothing is watched: its clock is still to be looked at");
	again_pair(work);
	ok(probed == 1, "and what has it is not probed twice");
	begin(CF_PHASE_ABORTED, false);
	again_open(work, CF_ACT_UNDO);
	ok(watched == 0, "... but not one that never stood still");
	work->receipt->n_phases = 1;
	work->receipt->phases[0].phase = CF_PHASE_ROLLING_BACK;
	again_open(work, CF_ACT_UNDO);
	ok(watched == 1, "... unless it was taken back without its STOP having been seen");
	work->receipt->n_phases = 0;
	begin(CF_PHASE_ABORTED, true);
	strange = true;
	again_open(work, CF_ACT_UNDO);
	ok(watched == 0, "... nor what was given back already: whoever has it since is none of ours");
	begin(CF_PHASE_QUEUED, false);
	again_pair(work);
	ok(probed == 0, "nor a peer for one that had only waited");
	begin(CF_PHASE_COPYING, false);
	again_open(work, CF_ACT_COPY);
	ok(watched == 1 && begun == 0, "a copy that cannot be taken up is left alone");
	attaches = true;
	again_open(work, CF_ACT_COPY);
	ok(begun == 1, "of one that goes on, what the other host has to know of its guest's counters is told again");

	free(work->receipt);
	free(work);
	return done();
}
