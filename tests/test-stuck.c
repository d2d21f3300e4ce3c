/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a call of libvirtd's that does not return is freed: in a time of its own. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/act/stuck.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/job.h"
#include "tests/tap.h"

static const struct drive_ops ours = { .has_gate = true }, theirs = { .foreign = true };
static int64_t now = 1000 * CF_S;
static int freed, answer;
static bool connected = true;
static struct guest_events heard;	/* by the watch */

cf_mono kernel_raw(void)
{
	return (cf_mono){ now };
}

struct virt_link *work_link(struct work *of, struct cf_error *err)
{
	static char link;

	(void)of;
	if (connected)
		return (struct virt_link *)&link;
	cf_fail(err, ENOTCONN, CF_HOST, "the connection to libvirtd was lost");
	return NULL;
}

int job_unblock(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline;
	freed++;
	return answer < 0 ? cf_fail(err, -answer, CF_HOST, "libvirtd was slow to answer") : 0;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = heard;
}

/* So much later it is looked at once more. */
static int look(struct stuck *stuck, struct work *work, int64_t later, enum drive_state state, enum cf_there there)
{
	now += later;
	freed = 0;
	stuck_look(stuck, work, state, there);
	return freed;
}

static void test_when(struct work *work)
{
	struct stuck stuck = { 0 };

	ok(look(&stuck, work, 0, DRIVE_RUNNING, CF_THERE_DROPPED) == 0 &&
	   look(&stuck, work, 31 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0,
	   "an end that waits for the destination's libvirtd, as long as libvirt does, is waited for");
	ok(look(&stuck, work, 10 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "a call that has not returned then is freed");
	ok(look(&stuck, work, 40 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "once");
	answer = -EAGAIN;
	ok(look(&stuck, work, 41 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "and again where that did not help, after twice as long");
	ok(look(&stuck, work, 81 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "or after no longer, where its guest was not paused");
	answer = 0;
	connected = false;
	ok(look(&stuck, work, 81 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "without libvirtd nothing is");
	connected = true;
	ok(look(&stuck, work, 81 * CF_S, DRIVE_ABORTED, CF_THERE_DROPPED) == 0, "one that has ended is left alone");
	ok(look(&stuck, work, 39 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "and time begins anew");
}

/* Whoever may still let it run there: then nothing is done to the guest here. */
static void test_never(struct work *work)
{
	static const enum cf_there theres[] = { CF_THERE_UNKNOWN, CF_THERE_WAITING, CF_THERE_RAN, CF_THERE_STRANGE, CF_THERE_FOUND };

	for (size_t i = 0; i < CF_COUNT(theres); i++) {
		struct stuck stuck = { 0 };

		ok(look(&stuck, work, 0, DRIVE_RUNNING, theres[i]) + look(&stuck, work, 3600 * CF_S, DRIVE_RUNNING, theres[i]) == 0,
		   "nothing is freed while the destination has not let it go: %d", (int)theres[i]);
	}
}

static void test_foreign(struct work *work)
{
	struct stuck stuck = { 0 };

	work->driver = &theirs;
	ok(look(&stuck, work, 0, DRIVE_RUNNING, CF_THERE_DROPPED) + look(&stuck, work, 60 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0,
	   "nor is anything done to a migration of somebody else's");
}

/* One that is called back: how its domain stands, and whether libvirt took the request for its end. */
static int look_back(struct stuck *stuck, struct work *work, int64_t later, enum cf_domain_state state, bool moving, bool told)
{
	const struct domain_standing standing = { .known = true, .active = true, .state = state, .moving = moving };

	now += later;
	freed = 0;
	stuck_look_back(stuck, work, &standing, told);
	return freed;
}

static int called_back(struct work *work, enum cf_domain_state state, bool moving, bool told)
{
	struct stuck stuck = { 0 };

	return look_back(&stuck, work, 0, state, moving, told) + look_back(&stuck, work, 4 * CF_S, state, moving, told) +
	       10 * look_back(&stuck, work, CF_S, state, moving, told);
}

static void test_back(struct work *work)
{
	static char watch;

	heard = (struct guest_events){ .status = MIGRATION_CANCELLED };
	work->watch = (struct guest_watch *)&watch;
	ok(called_back(work, CF_DOMAIN_RUNNING, true, false) == 10, "called back, cancelled, and still a job after 5 s: it is freed");
	heard = (struct guest_events){ .status = MIGRATION_FAILED };
	ok(called_back(work, CF_DOMAIN_RUNNING, true, false) == 10, "or where QEMU gave it up");
	heard = (struct guest_events){ .status = MIGRATION_CANCELLING, .switchover = true, .undone = true };
	ok(called_back(work, CF_DOMAIN_RUNNING, true, false) == 10, "or has run its guest again");
	ok(called_back(work, CF_DOMAIN_RUNNING, false, false) == 0, "one whose job is over is left alone");
	ok(called_back(work, CF_DOMAIN_PAUSED, true, true) == 0, "and one that does not run");
	heard = (struct guest_events){ .status = MIGRATION_ACTIVE };
	ok(called_back(work, CF_DOMAIN_RUNNING, true, true) == 0, "nor is a copy paused that still flows");
	heard.gap = true;
	ok(called_back(work, CF_DOMAIN_RUNNING, true, true) == 10, "where its end may have been missed, the request for that is enough");
	heard = (struct guest_events){ 0 };
	ok(called_back(work, CF_DOMAIN_RUNNING, true, true) == 10, "also for a watch that was made too late for it");
	ok(called_back(work, CF_DOMAIN_RUNNING, true, false) == 0, "which is not enough by itself");
	work->watch = NULL;
	ok(called_back(work, CF_DOMAIN_RUNNING, true, true) == 10 && called_back(work, CF_DOMAIN_RUNNING, true, false) == 0,
	   "nor is no watch at all");
}

int main(void)
{
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return 1;
	work->driver = &ours;
	test_when(work);
	test_never(work);
	test_foreign(work);
	test_back(work);
	free(work);
	return done();
}
