/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The destination at its gate, against a libvirt, a QEMU and a source's agent that are played, in a
 * time of its own: whatever a commit says, and whatever does not come, it has an end.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/obey.h"
#include "tests/fake-host.h"
#include "tests/fake-stand-by.h"
#include "tests/tap.h"

#define NEVER ((cf_mono){ INT64_MAX })

static struct work *work;
static struct cf_record record;

/* It waits, and QEMU gets the last of the memory after so long (INT64_MAX: never); the agent stops then, or never. */
static void begin(cf_span loads, cf_span stop)
{
	static char domain;

	fake_begin(stop);
	memset(&sim, 0, sizeof(sim));
	sim.loaded = cf_mono_add(fake.now, loads);
	sim.lost = NEVER;
	sim.mark = CF_MARK_ARMED;
	sim.held = 1;
	sim.clock = CF_CLOCK_SYNCHRONISED;
	work->incoming = (struct incoming *)&domain;
	work->obeyed = NULL;
	work->loaded_at = (cf_mono){ 0 };
}

static void commit(cf_mono valid_until)
{
	sim.commit = calloc(1, sizeof(*sim.commit));
	snprintf(sim.commit->boot, sizeof(sim.commit->boot), "%s", work->boot);
	sim.commit->valid_until = valid_until;
}

static bool took(cf_span least, cf_span most)
{
	return cf_span_cmp(fake_took(), least) >= 0 && cf_span_cmp(fake_took(), most) <= 0;
}

static bool was_never_told(void)
{
	return sim.mark == CF_MARK_CLOSED && sim.answer.word == CF_WORD_NEVER_RAN && sim.held == 0;
}

static bool was_dropped(void)
{
	return was_never_told() && !work->obeyed;
}

static void test_obeyed(void)
{
	char why[CF_DETAIL_ROOM] = "";
	cf_span spare;

	begin((cf_span){ 5 * CF_MS }, (cf_span){ 0 });
	commit(cf_mono_add(fake.now, (cf_span){ CF_S }));
	ok(act_stand_by(work, why) == CF_EV_COMMITTED && sim.mark == CF_MARK_OBEYED && sim.held == 1,
	   "a commit that comes a moment before QEMU's word is obeyed %s", why);
	ok(took((cf_span){ 5 * CF_MS }, (cf_span){ 7 * CF_MS }), "... as soon as that is there");
	ok(cf_span_cmp(sim.patience, (cf_span){ CF_S }) <= 0, "libvirt is waited for no longer than it is valid");
	sim.runs = true;
	spare = cf_mono_since(work->obeyed->valid_until, fake.now);
	ok(!sim.answer.has_spare && act_obey(work, why) == CF_EV_RESUMED && sim.answer.word == CF_WORD_RAN, "libvirt lets it run %s", why);
	ok(sim.answer.has_spare && sim.answer.spare.ns == spare.ns - 2 * CF_MS,
	   "... and for how long the commit was valid still when it was told to: %lld us", (long long)sim.answer.spare.ns / 1000);

	begin((cf_span){ 5 * CF_MS }, (cf_span){ 0 });
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_COMMITTED && cf_span_cmp(sim.patience, (cf_span){ 60 * CF_S }) <= 0,
	   "... nor than a minute where it is valid for ever");
	free(work->obeyed);
}

/* That it failed is what a function returns, whatever it has to say. */
static void test_failed(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin((cf_span){ 0 }, (cf_span){ 0 });
	sim.unfit = true;
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped(), "one that libvirt cannot take is not obeyed");

	begin((cf_span){ 0 }, (cf_span){ 0 });
	sim.unnoted = true;
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped(), "nor one that cannot be noted");
}

/* By the limits that are in force for this migration, and by no others. */
static void test_clock(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin((cf_span){ 0 }, (cf_span){ 0 });
	sim.clock = CF_CLOCK_UNSYNCHRONISED;
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped(), "with a clock that is no longer synchronised it is given up: %s", why);

	begin((cf_span){ 0 }, (cf_span){ 0 });
	sim.clock = CF_CLOCK_UNSYNCHRONISED;
	work->limits.overridden[CF_FINDING_CLOCK_UNSYNCHRONISED] = true;
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_COMMITTED && sim.mark == CF_MARK_OBEYED, "... unless that is overridden");
	work->limits.overridden[CF_FINDING_CLOCK_UNSYNCHRONISED] = false;
	free(work->obeyed);
}

/* Its source does not know any more what it has said: what it promised nobody yet is over at once, loaded or not. */
static void test_withdrawn(void)
{
	char why[CF_DETAIL_ROOM] = "";

	for (int loaded = 0; loaded < 2; loaded++) {
		begin((cf_span){ loaded ? 0 : INT64_MAX }, (cf_span){ 0 });
		commit(CF_WITHDRAWN);
		ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ 0 }, (cf_span){ 10 * CF_MS }),
		   "one that was taken back, %s memory: it is given up: %s", loaded ? "with all of its" : "without all of its", why);
	}
}

static void test_not_loaded(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	commit(cf_mono_add(fake.now, (cf_span){ CF_S }));
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ CF_S }, (cf_span){ 2 * CF_S }),
	   "one whose memory does not come is given up when it is no longer valid: %s", why);

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ CF_S }, (cf_span){ 61 * CF_S }),
	   "where it is valid for ever, after a minute: %d s", (int)(fake_took().ns / CF_S));

	begin((cf_span){ INT64_MAX }, (cf_span){ 2 * CF_S });
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ CF_S }, (cf_span){ 3 * CF_S }),
	   "an agent that is to stop does not wait for that: %d s", (int)(fake_took().ns / CF_S));

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	sim.lost = cf_mono_add(fake.now, (cf_span){ 2 * CF_S });
	commit(NEVER);
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ CF_S }, (cf_span){ 3 * CF_S }),
	   "nor one whose libvirtd has given the domain up: %d s", (int)(fake_took().ns / CF_S));
}

static void test_no_commit(void)
{
	char why[CF_DETAIL_ROOM] = "";

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	sim.silence.ns = work->settings->copy.peer_silence.ns + 1;
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ 0 }, (cf_span){ CF_S }),
	   "a source that has fallen silent loses its domain: %s", why);

	begin((cf_span){ INT64_MAX }, (cf_span){ 2 * CF_S });
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ CF_S }, (cf_span){ 3 * CF_S }),
	   "so does one whose peer is stopped: %s", why);

	begin((cf_span){ CF_S }, (cf_span){ 0 });
	ok(act_stand_by(work, why) == CF_EV_LOADED && sim.held == 1, "what has all of its memory says so");
}

/* A source that still talks, and whose commit was lost: what QEMU has stands still here, and may not for ever. */
static void test_over_limit(void)
{
	char why[CF_DETAIL_ROOM] = "";

	work->shown.phase = CF_PHASE_LOADED;
	work->limits.limits.max_blackout = (cf_span){ 5 * CF_S };
	begin((cf_span){ 0 }, (cf_span){ 0 });
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ 10 * CF_S }, (cf_span){ 11 * CF_S }),
	   "what was loaded twice the limit ago is dropped: %s", why);

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	work->has_record = true;
	record.has_stop = record.has_raw_offset = true;
	record.stop.raw = cf_mono_add(fake.now, (cf_span){ -1000 * CF_S });	/* by a clock that is so far behind */
	record.raw_offset = (struct cf_interval){ { 999 * CF_S }, { 1001 * CF_S } };
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ 6 * CF_S }, (cf_span){ 7 * CF_S }),
	   "what stands still for the limit since its STOP, taken at its latest: %s", why);

	work->limits.overridden[CF_FINDING_BLACKOUT_REACHED] = true;
	begin((cf_span){ 0 }, (cf_span){ 0 });
	ok(act_stand_by(work, why) == CF_EV_GONE && was_dropped() && took((cf_span){ 60 * CF_S }, (cf_span){ 61 * CF_S }),
	   "where the limit is none, after a minute: %s", why);
	begin((cf_span){ INT64_MAX }, (cf_span){ 100 * CF_S });
	ok(act_stand_by(work, why) == CF_EV_GONE && took((cf_span){ 100 * CF_S }, (cf_span){ 101 * CF_S }),
	   "... and not at all before it is loaded, whatever its record says: %s", why);
	work->limits.overridden[CF_FINDING_BLACKOUT_REACHED] = false;
	work->limits.limits.max_blackout = (cf_span){ 0 };
	work->has_record = false;
	work->shown.phase = CF_PHASE_ARMED;
}

/* An agent that was restarted, and a libvirtd that does not answer for so long yet; a message of the source has come. */
static void begin_again(cf_span hangs, enum cf_here here, cf_span stop)
{
	begin((cf_span){ INT64_MAX }, stop);
	work->incoming = NULL;
	sim.known = cf_mono_add(fake.now, hangs);
	sim.here = here;
	sim.full = true;
}

static void test_again(void)
{
	static act_fn *const acts[] = { act_stand_by, act_obey };
	static const enum cf_event arrived[] = { CF_EV_COMMITTED, CF_EV_RESUMED };
	char why[CF_DETAIL_ROOM] = "";

	for (size_t i = 0; i < CF_COUNT(acts); i++) {
		begin_again((cf_span){ 60 * CF_S }, CF_HERE_RUNNING, (cf_span){ 0 });
		ok(acts[i](work, why) == arrived[i] && took((cf_span){ 60 * CF_S }, (cf_span){ 61 * CF_S }),
		   "%s: one that runs here is looked after once libvirtd says so", i ? "obeyed" : "armed");
		ok(sim.looks > 60 && sim.looks <= 601, "... which is asked now and then, whatever has come: %d times", sim.looks);
		begin_again((cf_span){ CF_DAY }, CF_HERE_RUNNING, (cf_span){ 2 * CF_S });
		ok(acts[i](work, why) == CF_EV_FAILED && took((cf_span){ CF_S }, (cf_span){ 3 * CF_S }), "... an agent that is to stop does not wait for that: %s",
		   why);
	}
}

/* Libvirt could not be told, or has not answered in time; its domain is still here for us. */
static void test_told_again(void)
{
	struct cf_commit obeyed = { 0 };
	char why[CF_DETAIL_ROOM] = "";

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	obeyed.valid_until = cf_mono_add(fake.now, (cf_span){ CF_S });
	work->obeyed = &obeyed;
	sim.here = CF_HERE_MOVING;
	sim.mark = CF_MARK_OBEYED;
	ok(act_obey(work, why) == CF_EV_FAILED && took((cf_span){ CF_S }, (cf_span){ 2 * CF_S }), "it is to be told again, after a moment: %s", why);
	ok(sim.told == CF_DECISION_NONE, "... and stands as not told yet");
	ok(act_obey(work, why) == CF_EV_NEVER_RAN && was_never_told(), "... and no more when the commit is not valid any longer: %s", why);

	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	obeyed.valid_until = cf_mono_add(fake.now, (cf_span){ CF_S });
	work->obeyed = &obeyed;
	sim.here = CF_HERE_MOVING;
	sim.mark = CF_MARK_OBEYED;
	sim.taken = true;
	ok(act_obey(work, why) == CF_EV_FAILED && sim.told == CF_DECISION_COMMIT, "one that it was told and has not answered may run: %s", why);
	ok(act_obey(work, why) == CF_EV_FAILED && sim.mark == CF_MARK_OBEYED, "... at any time");
	sim.here = CF_HERE_RUNNING;
	ok(act_obey(work, why) == CF_EV_RESUMED, "... unless the guest runs");
	work->obeyed = NULL;
}

/* The agent was stopped between its judgement and the word to libvirt; or after that. */
static void begin_late(struct cf_commit *obeyed, enum cf_decision told)
{
	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	obeyed->valid_until = cf_mono_add(fake.now, (cf_span){ -CF_MS });
	work->obeyed = obeyed;
	sim.here = CF_HERE_MOVING;
	sim.mark = CF_MARK_OBEYED;
	sim.told = told;
}

static void test_told_late(void)
{
	struct cf_commit obeyed = { 0 };
	char why[CF_DETAIL_ROOM] = "";

	begin_late(&obeyed, CF_DECISION_NONE);
	ok(act_obey(work, why) == CF_EV_NEVER_RAN && sim.mark == CF_MARK_CLOSED && sim.answer.word == CF_WORD_NEVER_RAN,
	   "a commit that is no longer valid when libvirt is to be told never ran: %s", why);

	begin_late(&obeyed, CF_DECISION_COMMIT);
	sim.taken = true;
	ok(act_obey(work, why) == CF_EV_FAILED && sim.mark == CF_MARK_OBEYED, "... but what libvirt was told before is told again: %s", why);
	work->obeyed = NULL;
}

/* Libvirt was told to let it run: whether it has, this host's notes do not say. */
static void test_no_promise(void)
{
	begin((cf_span){ INT64_MAX }, (cf_span){ 0 });
	sim.mark = CF_MARK_OBEYED;
	sim.told = CF_DECISION_COMMIT;
	ok(!obey_give_up(work, "for a test") && sim.answer.word == CF_WORD_UNKNOWN && sim.mark == CF_MARK_OBEYED,
	   "that one never ran which may have is not promised");
	ok(strstr(sim.logged, "cannot be promised: by what this host has noted"), "... and the log says why: %s", sim.logged);
}

int main(void)
{
	static const struct act_context context = { 0 };
	static struct settings settings = { .copy.peer_silence = { 15 * CF_S } };

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	work->shown.phase = CF_PHASE_ARMED;
	work->settings = &settings;
	work->record = &record;
	snprintf(work->boot, sizeof(work->boot), "this boot");
	test_obeyed();
	test_failed();
	test_clock();
	test_withdrawn();
	test_not_loaded();
	test_no_commit();
	test_over_limit();
	test_again();
	test_told_again();
	test_told_late();
	test_no_promise();
	free(work);
	return done();
}
