/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-guest.h"

#include <errno.h>

#include "daemon/act/hang.h"
#include "daemon/act/work.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/readings.h"
#include "tests/fake-host.h"

#define REAL   (INT64_C(1790000000) * CF_S)	/* REALTIME - RAW of the host */
#define QUICK  (300 * CF_US)			/* no round is quicker */
#define BETWEEN (10 * CF_US)			/* two of them */

struct fake_guest sim;

int64_t chance(int64_t most)
{
	uint64_t z = sim.random += UINT64_C(0x9E3779B97F4A7C15);	/* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (int64_t)((z ^ (z >> 31)) % (uint64_t)(most + 1));
}

/* In place of the machine's clocks and of what the rest of the agent does */

struct cf_instant kernel_instant(void)
{
	return (struct cf_instant){ .raw = { fake.now.ns }, .real = { fake.now.ns + REAL + (fake.now.ns >= sim.jump_at ? sim.jump : 0) } };
}

bool reporter_stepped(struct reporter *reporter, cf_mono since)
{
	(void)reporter;
	return sim.stepped > since.ns && sim.stepped <= fake.now.ns;
}

/* In place of libvirt and the guest */

static bool hangs(void)
{
	return fake.now.ns >= sim.hangs && fake.now.ns < sim.thaws;
}

struct virt_link *work_link(struct work *work, struct cf_error *err)
{
	static char link;

	(void)work;
	if (!hangs())
		return (struct virt_link *)&link;
	cf_fail(err, ENOTCONN, CF_HOST, "the connection to libvirtd was lost");
	return NULL;
}

/* What it was told while it hung it does then. */
bool hang_wait(struct work *work)
{
	(void)work;
	if (!hangs())
		return false;
	fake.now.ns = sim.thaws;
	if (sim.late)
		sim.ahead = sim.late_by - (fake.now.ns - sim.late_at);
	sim.late = false;
	return true;
}

static int round_of(struct readings *readings, struct cf_error *err)
{
	int64_t there = QUICK / 2 + chance(sim.jitter), back = QUICK / 2 + chance(sim.jitter);
	int64_t grain = sim.kind == TICKING ? CF_S / 64 : CF_US;
	struct cf_instant before;
	cf_real guest;

	fake.now.ns += BETWEEN;
	before = kernel_instant();

	if (!sim.read)
		there += sim.cold;
	sim.read = true;
	fake.now.ns += there;
	guest.ns = (fake.now.ns + REAL + sim.ahead) / grain * grain;
	fake.now.ns += back;
	if (there + back < sim.best)
		sim.best = there + back;
	if (there + back > sim.slowest)
		sim.slowest = there + back;
	return readings_add(readings, before, guest, kernel_instant(), err);
}

int guest_offset_read(struct virt_link *link, const char *uuid, int rounds, cf_mono deadline,
		      struct cf_guest_offset *ret, struct cf_error *err)
{
	struct readings readings = { 0 };
	int r = 0;

	(void)link;
	(void)uuid;
	sim.reads++;
	if (sim.dead || sim.kind == DISCONNECTED || (sim.kind == LATER && sim.reads < 10))
		return cf_fail(err, ENOTCONN, CF_HOST, "the guest agent is not connected");
	if (sim.kind == HANGING && sim.wakes && sim.wakes < deadline.ns) {
		fake.now.ns = fake.now.ns > sim.wakes ? fake.now.ns : sim.wakes;
		sim.kind = GOOD;
	}
	if (sim.kind == HANGING) {
		fake.now.ns = deadline.ns;
		return cf_fail(err, ETIMEDOUT, CF_HOST, "the guest agent did not answer in time");
	}

	sim.best = INT64_MAX;
	sim.slowest = 0;
	for (int i = 0; (i < rounds || readings_stand(&readings)) && r == 0; i++)
		r = round_of(&readings, err);
	if (r == 0)
		*ret = readings_offset(&readings);
	return r;
}

int guest_time_set(struct virt_link *link, const char *uuid, cf_real to, cf_mono at, cf_mono deadline,
		   cf_span *took, struct cf_error *err)
{
	/* Nothing is set sooner than the quickest reading gets there. */
	int64_t delay = sim.best / 2 + chance(sim.jitter) + (sim.set ? 0 : sim.cold);
	int64_t before = sim.ahead, error;

	(void)link;
	(void)uuid;
	if (hangs()) {
		sim.late = true;
		sim.late_by = to.ns + (fake.now.ns - at.ns) - (fake.now.ns + REAL);
		sim.late_at = fake.now.ns;
		fake.now.ns = deadline.ns;
		return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
	}
	if (sim.outlier && chance(sim.outlier) == 0)
		delay += 200 * CF_MS;
	sim.sets++;
	sim.set = true;
	sim.dead = sim.kind == DYING;
	*took = (cf_span){ delay };
	if (sim.kind == REFUSING)
		return cf_fail(err, EIO, CF_HOST, "not today");
	fake.now.ns += delay;
	if (sim.kind == GOOD || sim.kind == LATER || sim.kind == TICKING)
		sim.ahead = to.ns + (fake.now.ns - delay - at.ns) - (fake.now.ns + REAL);
	error = sim.ahead - sim.where;
	if (error > sim.overshot && before - sim.where < 0)
		sim.overshot = error;
	if (sim.ahead < before) {
		sim.backwards++;
		sim.excused += delay > sim.slowest;
	}
	fake.now.ns += 100 * CF_MS;		/* hwclock -w */
	return 0;
}
