/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest comes in, against a libvirt that is played, in a time of its own: it has come when it has, and not before. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/hang.h"
#include "daemon/act/where.h"
#include "daemon/virt/domain.h"
#include "tests/fake-host.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static struct {
	cf_mono starts;		/* until then its QEMU is being started */
	cf_mono gone;		/* when the domain is no more */
	enum cf_here here;	/* how it stands, as recovery has it, until it is gone */
	enum cf_mark mark;
} sim;

static struct work *work;

static bool is_past(cf_mono at)
{
	return cf_mono_cmp(fake.now, at) >= 0;
}

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	(void)watch, (void)seen;
	fake.now = cf_mono_add(fake.now, timeout);
	*ret = (struct guest_events){ 0 };
	return false;
}

/* Paused, for as long as the test lasts: first as it is started, and then by nobody's migration. */
int domain_glance(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	bool starting = !is_past(sim.starts);

	(void)virt, (void)uuid, (void)err;
	*ret = (struct domain_standing){ .known = true, .active = true, .state = CF_DOMAIN_PAUSED, .starting = starting,
					 .moving = starting };
	return 0;
}

enum cf_here where_here(const struct work *of, const char *uuid)
{
	(void)of, (void)uuid;
	return is_past(sim.gone) ? CF_HERE_ABSENT : sim.here;
}

enum cf_mark gated_mark(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.mark;
}

/* Nothing of the following is news here */

bool work_newest_record(struct work *of) { (void)of; return false; }
bool work_newest_closing(struct work *of) { (void)of; return false; }
bool work_aborted(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; return false; }
cf_span work_silence(struct work *of) { (void)of; return (cf_span){ 0 }; }
void carried_look(struct work *of) { (void)of; }
void carried_let_be(struct work *of) { (void)of; }
bool hang_wait(struct work *of) { (void)of; return false; }
void guest_watch_read(struct guest_watch *watch, struct guest_events *ret) { (void)watch, (void)ret; }

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

static void begin(const struct drive_ops *driver, enum cf_phase again, bool paused)
{
	fake_begin((cf_span){ 60 * CF_S });
	memset(&sim, 0, sizeof(sim));
	sim.starts = fake.now;
	sim.gone = cf_mono_add(fake.now, (cf_span){ 20 * CF_S });
	sim.here = CF_HERE_MOVING;
	work->driver = driver;
	work->again = again;
	work->has_record = true;
	work->record->paused = paused;
	work->shown.phase = CF_PHASE_PREPARED;
}

static bool took(cf_span least, cf_span most)
{
	return cf_span_cmp(fake_took(), least) >= 0 && cf_span_cmp(fake_took(), most) <= 0;
}

/* Does the finding refuse at the destination, of which the source's administrator has said that it shall not? */
static bool refuses(const struct drive_ops *driver, bool accepted)
{
	char why[CF_DETAIL_ROOM] = "";

	begin(driver, CF_PHASE_UNKNOWN, true);
	work->reservation.has_override = true;
	work->reservation.override = (struct cf_override){ 1, { "lever-missing" }, "for a test" };
	work->lease.has_override_accepted = true;
	work->lease.override_accepted = accepted;
	act_await(work, why);
	return !work->limits.overridden[CF_FINDING_LEVER_MISSING];
}

int main(void)
{
	static const struct act_context context = { 0 };
	static const struct drive_ops gated = { .has_gate = true }, ungated = { 0 };
	static struct settings settings = { .lease = { 30 * CF_S } };
	static char watch;
	char why[CF_DETAIL_ROOM] = "";

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	work->settings = &settings;
	work->side = CF_DESTINATION;
	work->watch = (struct guest_watch *)&watch;
	work->record = calloc(1, sizeof(*work->record));
	pthread_mutex_init(&work->lock, NULL);

	begin(&ungated, CF_PHASE_UNKNOWN, true);
	sim.starts = cf_mono_add(fake.now, (cf_span){ 10 * CF_S });
	ok(act_await(work, why) == CF_EV_RESUMED && took((cf_span){ 10 * CF_S }, (cf_span){ 11 * CF_S }),
	   "a guest that was paused has come when its QEMU is no longer being started: %d s", (int)(fake_took().ns / CF_S));

	ok(!refuses(&ungated, true), "what was overridden, and is honoured here, refuses nothing here");
	ok(refuses(&ungated, false), "... what is not honoured does");

	begin(&gated, CF_PHASE_PREPARED, false);
	sim.here = CF_HERE_RUNNING;
	sim.mark = CF_MARK_ARMED;
	ok(act_await(work, why) == CF_EV_GONE && took((cf_span){ 20 * CF_S }, (cf_span){ 22 * CF_S }),
	   "after a restart, with a gate, one that was not obeyed does not run, and goes: %s", why);
	begin(&gated, CF_PHASE_PREPARED, false);
	sim.here = CF_HERE_RUNNING;
	sim.mark = CF_MARK_OBEYED;
	ok(act_await(work, why) == CF_EV_RESUMED, "... and one that was obeyed does");

	free(work->record);
	free(work);
	return done();
}
