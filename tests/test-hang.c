/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What waits for a libvirtd that hangs: against one that is played, in a time of its own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/hang.h"
#include "daemon/act/persist.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"
#include "tests/fake-host.h"
#include "tests/tap.h"

static struct {
	int64_t hangs, thaws;		/* libvirtd: from when to when */
	bool lost;			/* and its connections are lost then */
	int refusals;			/* so often it does not set what it is told to */
	int refusal;			/* -errno */
	int asked, tried;
	bool known, autostart;
} sim;

static struct work *work;

static bool hangs(void)
{
	return fake.now.ns >= sim.hangs && fake.now.ns < sim.thaws;
}

struct virt_link *work_link(struct work *of, struct cf_error *err)
{
	static char link;

	(void)of;
	if (!hangs() || !sim.lost)
		return (struct virt_link *)&link;
	cf_fail(err, ENOTCONN, CF_HOST, "the connection to libvirtd was lost");
	return NULL;
}

/* Until it answers, or nobody waits any more. */
static int call(cf_mono deadline, struct cf_error *err)
{
	if (!hangs())
		return sim.known ? 0 : cf_fail(err, ENOENT, CF_NOT_FOUND, "there is no such domain");
	fake.now = deadline;
	return cf_fail(err, ETIMEDOUT, CF_HOST, "libvirt did not answer in time");
}

int job_answers(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid;
	sim.asked++;
	return call(deadline, err);
}

int job_set_autostart(struct virt_link *link, const char *uuid, bool autostart, cf_mono deadline, struct cf_error *err)
{
	int r = call(deadline, err);

	(void)link, (void)uuid;
	sim.tried++;
	if (r == 0 && sim.refusals > 0) {
		sim.refusals--;
		return cf_fail(err, -sim.refusal, CF_HOST, "not today");
	}
	if (r == 0)
		sim.autostart = autostart;
	return r;
}

int job_start(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline, (void)err;
	return 0;
}

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	(void)virt, (void)uuid;
	if (hangs())
		return cf_fail(err, EIO, CF_HOST, "the connection to libvirtd was lost");
	*ret = (struct domain_standing){ .known = sim.known, .persistent = true, .autostart = sim.autostart };
	return 0;
}

/* libvirtd hangs from now on for so long, which breaks its connections or not; the agent stops after so long, or never. */
static void begin(cf_span hang, bool lost, cf_span stop)
{
	memset(&sim, 0, sizeof(sim));
	fake_begin(stop);
	sim.hangs = fake.now.ns;
	sim.thaws = fake.now.ns + hang.ns;
	sim.lost = lost;
	sim.known = true;
	sim.refusal = -EBUSY;
	memset(&work->landing, 0, sizeof(work->landing));
	work->reservation.persistence.autostart = true;
}

static int64_t took(void)
{
	return fake_took().ns;
}

static void test_wait(void)
{
	static const struct {
		const char *sentence;
		cf_span hang;
		bool lost;
	} rows[] = {
		{ "hangs for a second", { CF_S }, false },
		{ "hangs for a minute", { 60 * CF_S }, false },
		{ "is away for a minute", { 60 * CF_S }, true },
		{ "is away for an hour", { 3600 * CF_S }, true },
	};

	begin((cf_span){ 0 }, false, (cf_span){ 0 });
	ok(!hang_wait(work) && sim.asked == 1 && took() == 0, "one that answers is asked once");
	begin((cf_span){ 0 }, false, (cf_span){ 0 });
	sim.known = false;
	ok(!hang_wait(work) && took() == 0, "that there is no such domain is an answer");
	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		begin(rows[i].hang, rows[i].lost, (cf_span){ 0 });
		ok(hang_wait(work), "one that %s did not answer, and does now", rows[i].sentence);
		ok(took() >= rows[i].hang.ns && took() <= rows[i].hang.ns + 3 * CF_S, "... and is not waited for much longer");
	}
	begin((cf_span){ CF_DAY }, true, (cf_span){ 10 * CF_S });
	ok(!hang_wait(work) && took() <= 13 * CF_S, "an agent that is to stop waits no longer");
}

static void test_land(void)
{
	for (int lost = 0; lost < 2; lost++) {
		begin((cf_span){ 120 * CF_S }, lost, (cf_span){ 0 });
		persist_land(work);
		ok(sim.autostart, "a guest that landed starts with its host, though libvirtd %s for two minutes", lost ? "was away" : "hung");
		ok(work->landing.has_persistence && work->landing.persistence.autostart, "... and the receipt says so");
	}
	begin((cf_span){ 0 }, false, (cf_span){ 0 });
	sim.refusals = 1;
	persist_land(work);
	ok(sim.autostart && sim.tried == 2, "one call that fails is made again");
	begin((cf_span){ 0 }, false, (cf_span){ 0 });
	sim.refusals = 1000;
	persist_land(work);
	ok(!sim.autostart && took() <= 2 * CF_S, "a libvirtd that will not is not asked for ever");
	ok(work->landing.has_persistence && !work->landing.persistence.autostart, "... and the receipt says that it does not start");
	begin((cf_span){ CF_DAY }, true, (cf_span){ 10 * CF_S });
	persist_land(work);
	ok(!sim.autostart && took() < 60 * CF_S, "an agent that is to stop leaves it to the next one");
	begin((cf_span){ 0 }, false, (cf_span){ 0 });
	work->reservation.persistence.autostart = false;
	persist_land(work);
	ok(sim.tried == 0, "nothing is set for a guest that did not start with its host");
}

static void test_restore(void)
{
	begin((cf_span){ 120 * CF_S }, true, (cf_span){ 0 });
	work->autostart_held = true;
	persist_restore(work);
	ok(sim.autostart, "nor does a source that keeps its guest give it up");
}

int main(void)
{
	static const struct act_context context = { 0 };

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	test_wait();
	test_land();
	test_restore();
	free(work);
	return done();
}
