/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source's acts of a migration that somebody else drives, with the KVM library in its QEMU: a page that this
 * process plays the library behind, and another host that takes what it is told.
 */

#include <stdio.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/notice.h"
#include "daemon/act/record.h"
#include "daemon/act/where.h"
#include "tests/fake-carrier.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static const struct act_context context;
static struct work *work;
static char why[CF_DETAIL_ROOM];
static struct drive drive;
static atomic_int asked, told_paused, told_running;
static atomic_bool refuses, is_over, failed;

/* --- the other manager, and what is seen of its migration --- */

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	(void)seen;
	(void)timeout;
	nanosleep(&(struct timespec){ .tv_nsec = CF_MS }, NULL);
	guest_watch_read(watch, ret);
	return true;
}

static int look(struct drive *of, cf_span timeout, struct drive_end *ret)
{
	(void)of;
	(void)timeout;
	*ret = (struct drive_end){ .state = !is_over ? DRIVE_RUNNING : failed ? DRIVE_FAILED : DRIVE_SUCCEEDED };
	if (failed)
		snprintf(ret->error.text, sizeof(ret->error.text), "it was cancelled");
	return 0;
}

static const struct drive_ops played = { .name = "foreign", .foreign = true, .outlives_agent = true, .wait = look };

/* --- the other host --- */

int fake_answer(const struct fake_asked *of, struct cf_error *e)
{
	if (of->route != CF_ROUTE_RESERVE)
		return take_counters(of, e);
	asked++;
	work->lease.granted = !refuses;
	return 0;
}

int record_send(struct work *of, cf_span patience, struct cf_error *e)
{
	(void)patience;
	(void)e;
	told_paused += of->record->paused;
	told_running += !of->record->paused;
	return 0;
}

int work_calls(struct work *of, struct cf_error *e)
{
	(void)of;
	(void)e;
	return 0;
}

int gate_watch(struct work *of, struct cf_error *e)
{
	(void)of;
	(void)e;
	return 0;
}

/* --- what else the acts do, and this test is not about --- */

void gate_leave(struct work *of)
{
	(void)of;
}

void notice_marker_before(struct work *of, cf_span patience)
{
	(void)of;
	(void)patience;
}

/* There is none. */
void looker_read(struct looker *looker, struct looker_news *ret)
{
	(void)looker;
	*ret = (struct looker_news){ 0 };
}

struct looker *looker_free(struct looker *looker)
{
	return looker;
}

bool record_take_guest_offset(struct work *of, bool read, const struct cf_guest_offset *fresh, const char *reason)
{
	(void)of;
	(void)fresh;
	(void)reason;
	return read;
}

void at_stop_note(struct work *of)
{
	(void)of;
}

void at_stop_narrow(struct work *of)
{
	(void)of;
}

void at_stop_refine(struct work *of)
{
	(void)of;
}

void at_stop_send(struct work *of, cf_span patience)
{
	(void)of;
	(void)patience;
}

enum cf_there where_there(struct work *of, struct cf_error *e)
{
	(void)of;
	(void)e;
	return CF_THERE_UNKNOWN;
}

bool work_stopping(const struct work *of)
{
	(void)of;
	return false;
}

/* Never come to. */
enum cf_event act_land(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	(void)reason;
	return CF_EV_RESUMED;
}

enum cf_event act_follow_correction(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	(void)reason;
	return CF_EV_CORRECTED;
}

enum cf_event act_follow_verification(struct work *of, char reason[static CF_DETAIL_ROOM])
{
	(void)of;
	(void)reason;
	return CF_EV_VERIFIED;
}

/* --- the tests --- */

static pthread_t thread;
static enum cf_event event;

static void *attend(void *unused)
{
	(void)unused;
	event = act_attend(work, why);
	return NULL;
}

/* A guest has begun to leave. */
static void leaves(void)
{
	work->carrier = carrier_free(work->carrier);
	furnish(work);
	asked = told_paused = told_running = 0;
	is_over = failed = false;
	*why = *unmeasured = work->alone[0] = '\0';
	pthread_create(&thread, NULL, attend, NULL);
}

static enum cf_event joined(void)
{
	pthread_join(thread, NULL);
	return event;
}

static bool has_told(void)
{
	return told_running > 0;
}

static bool has_told_of_pause(void)
{
	return told_paused > 0;
}

static void test_lands(void)
{
	leaves();
	ok(comes(is_armed_here) && asked == 1, "with somebody else's migration the source's library is armed as with one of ours");
	ok(comes(has_pushed) && !has_pushed_stop() && comes(has_told), "the destination is told of the guest's counters, and has the record");
	happens(true, false, true);
	capture();
	ok(joined() == CF_EV_STOPPED && comes(has_pushed_stop), "and of what they were at STOP");
	ok(is_armed_here(), "until it is known how that ends it stays armed");
	is_over = true;
	ok(act_attend_end(work, why) == CF_EV_LANDED && !*unmeasured, "nothing is missing: %s", unmeasured);
	ok(told_paused == 0, "nobody had paused it");
}

static bool is_there(void)
{
	struct carrier_news news;

	carrier_read(work->carrier, &news);
	return news.there;
}

static void *end(void *unused)
{
	(void)unused;
	event = act_attend_end(work, why);
	return NULL;
}

/* On arm64 QEMU has to read every vCPU's counter first. */
static void test_lands_late(void)
{
	at->arch = CF_KVM_ARCH_ARM64;
	at->said.vcpus[0].flags = at->said.vcpus[1].flags = 0;
	leaves();
	comes(has_pushed);
	happens(true, false, true);
	joined();
	pthread_create(&thread, NULL, end, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = 200 * CF_MS }, NULL);
	read_counter(0);
	read_counter(1);
	ok(comes(is_there), "what gets to the destination only after STOP gets there");
	is_over = true;
	ok(joined() == CF_EV_LANDED && !*unmeasured, "and is not said to be missing: %s", unmeasured);
	at->arch = CF_KVM_ARCH_X86;
}

static void test_comes_to_nothing(void)
{
	leaves();
	comes(has_pushed);
	happens(true, false, true);
	capture();
	joined();
	act(CF_KVM_KEPT);
	is_over = failed = true;
	ok(act_attend_end(work, why) == CF_EV_KEPT, "one that is called off when the guest stands still: %s", why);
	carried_kept(work);
	ok(work->receipt->kept.lever == CF_LEVER_KVM && work->receipt->kept.counters.result == CF_COUNTERS_KEPT,
	   "leaves it with its clocks kept by the library");
	work->carrier = carrier_free(work->carrier);
	ok(is_unarmed(), "which is disarmed then");

	leaves();
	comes(has_pushed);
	is_over = failed = true;
	ok(joined() == CF_EV_KEPT && !has_pushed_stop(), "one that ends in the copy has stopped nothing");
}

static void test_pause(void)
{
	leaves();
	comes(has_pushed);
	happens(true, true, false);
	ok(comes(has_told_of_pause) && comes(is_unarmed), "somebody's pause is told to the destination, and is no part of the migration");
	told_running = 0;
	goes_on();
	ok(comes(has_told) && comes(is_armed_here), "nor is its end");
	happens(true, false, true);
	ok(joined() == CF_EV_STOPPED && !work->record->paused, "the switchover is none");
}

static void test_without(void)
{
	leaves();
	comes(has_told);
	happens(true, false, true);
	joined();
	takes = false;
	leaves();
	ok(comes(has_been_refused), "the other host does not take the counters");
	happens(true, false, true);
	joined();
	is_over = true;
	ok(act_attend_end(work, why) == CF_EV_LANDED && strstr(unmeasured, "did not reach"), "what does not get there is said: %s", unmeasured);
	takes = true;

	has_library = false;
	leaves();
	happens(true, false, true);
	ok(joined() == CF_EV_STOPPED && !work->carrier && has_told(), "without the library it is watched all the same");
	has_library = true;

	refuses = true;
	leaves();
	happens(true, false, true);
	ok(joined() == CF_EV_STOPPED && is_unarmed() && *work->alone, "without the other host's agent nothing is armed: %s", work->alone);
	refuses = false;
}

int main(void)
{
	work = work_made(&context);
	work->side = CF_SOURCE;
	work->driver = &played;
	drive.ops = &played;
	work->drive = &drive;
	work->watch = (struct guest_watch *)&drive;
	test_lands();
	test_lands_late();
	test_comes_to_nothing();
	test_pause();
	test_without();
	work_unmade(work);
	return done();
}
