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
	   look(&stuck, work, CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "an end that takes a second is waited for");
	ok(look(&stuck, work, 5 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "a call that has not returned then is freed");
	ok(look(&stuck, work, CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "once");
	answer = -EAGAIN;
	ok(look(&stuck, work, 5 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "and again where that did not help");
	ok(look(&stuck, work, 5 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 1, "or could not be done");
	answer = 0;
	connected = false;
	ok(look(&stuck, work, 5 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "without libvirtd nothing is");
	connected = true;
	ok(look(&stuck, work, 5 * CF_S, DRIVE_ABORTED, CF_THERE_DROPPED) == 0, "one that has ended is left alone");
	ok(look(&stuck, work, 4 * CF_S, DRIVE_RUNNING, CF_THERE_DROPPED) == 0, "and time begins anew");
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

int main(void)
{
	struct work *work = calloc(1, sizeof(*work));
	static struct cf_record record;

	if (!work)
		return 1;
	work->driver = &ours;
	work->record = &record;
	test_when(work);
	test_never(work);
	test_foreign(work);
	free(work);
	return done();
}
