/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The agents' acts around the KVM library, on both sides, against a page that this process
 * plays the library behind: what is armed and when, what travels, what stands in the
 * receipt, and when it falls to the next lever.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/act/carried.h"
#include "daemon/act/gather.h"
#include "daemon/clock/kernel.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/kvm-guest.h"
#include "proto/codec.h"
#include "tests/fake-call.h"
#include "tests/fake-library.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define ID   "00000000-0000-4000-8000-00000000000a"
#define BOOT "9c334061-f95f-4ba0-9edf-0948a22a5eb8"
#define SOON ((cf_span){ 3 * CF_S })

static const struct act_context context;
static struct work *work;
static struct cf_error err;
static char why[CF_DETAIL_ROOM];

/* --- in place of libvirt, the kernel and the other host --- */

const struct counter_roots counter_roots = { 0 };
static atomic_bool has_library = true, takes = true;
static atomic_int pushes, stopped_pushes;
static struct cf_counters *came;		/* under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct guest_events events;		/* under the lock */

int counters_read(const struct counter_roots *roots, pid_t pid, struct cf_vcpu_counter vcpus[static CF_VCPUS_MAX],
		  size_t *n, struct cf_error *e)
{
	(void)roots;
	(void)pid;
	(void)e;
	for (*n = 0; *n < 2; (*n)++)
		vcpus[*n] = (struct cf_vcpu_counter){ .vcpu = (int64_t)*n, .has_offset = true, .offset = at->said.outcome.serial ? -888 : -777 };
	return 0;
}

int kvm_guest_open(const struct counter_roots *roots, const char *domain, const char *uuid, struct kvm_page **page,
		   pid_t *pid, struct cf_error *e)
{
	(void)roots;
	(void)domain;
	(void)uuid;
	*pid = getpid();
	return has_library ? kvm_page_open("/proc", getpid(), page, e) : cf_fail(e, ENOENT, CF_NOT_FOUND, "it is not there");
}

void kvm_guest_id(const char *uuid, unsigned char ret[static 16])
{
	memcpy(ret, uuid + strlen(uuid) - 16, 16);
}

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *e)
{
	(void)fleet;
	(void)host;
	(void)e;
	*ret = (struct call *)&pushes;
	return 0;
}

/* What is sent is what a strict decoder makes of it. */
int fake_answer(const struct fake_asked *asked, struct cf_error *e)
{
	CF_AUTO(cf_free) char *text = NULL;
	int r;

	if (!takes || asked->route != CF_ROUTE_COUNTERS)
		return cf_fail(e, ECONNREFUSED, CF_PEER, "no answer");
	text = cf_encode(&cf_counters_shape, asked->request, CF_MINOR);
	pthread_mutex_lock(&lock);
	r = text ? cf_decode(&cf_counters_shape, CF_STRICT, text, strlen(text), came, e) : -ENOMEM;
	pushes++;
	stopped_pushes += came->stopped;
	pthread_mutex_unlock(&lock);
	return r;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	pthread_mutex_lock(&lock);
	*ret = events;
	pthread_mutex_unlock(&lock);
}

static void happens(bool stopped, bool paused, bool switchover)
{
	pthread_mutex_lock(&lock);
	events.stopped = stopped;
	events.paused = paused;
	events.switchover = switchover;
	pthread_mutex_unlock(&lock);
}

/* Both hosts are this one. */
static struct cf_offset offset_now(void)
{
	return (struct cf_offset){ .rounds = 16, .raw = cf_interval_around((cf_span){ 0 }, (cf_span){ 20 * CF_US }), .at = kernel_raw() };
}

void lookout_read(struct lookout *lookout, struct lookout_news *ret)
{
	(void)lookout;
	*ret = (struct lookout_news){ .offset = offset_now(), .boot = BOOT };
}

void gather_report(const struct act_context *of, struct cf_report *ret)
{
	(void)of;
	*ret = (struct cf_report){ .has_counter_hz = true, .counter_hz = 2000000000 };
}

/* --- in place of work.c --- */


struct cf_landing *work_landing_begin(struct work *w)
{
	return &w->landing;
}

void work_landing_end(struct work *w)
{
	(void)w;
}

bool work_newest_counters(struct work *w)
{
	struct cf_counters *counters = CF_TAKE(w->brought);

	if (!counters)
		return false;
	free(w->counters);
	w->counters = counters;
	return true;
}

/* --- the tests --- */

static bool comes(bool (*is)(void))
{
	cf_mono until = cf_mono_add(kernel_raw(), SOON);

	while (!is() && cf_mono_cmp(kernel_raw(), until) < 0)
		nanosleep(&(struct timespec){ .tv_nsec = CF_MS }, NULL);
	return is();
}

static enum cf_kvm_direction armed_for(void)
{
	return at->asked.serial ? at->asked.direction : CF_KVM_UNARMED;
}

static bool is_armed_here(void)
{
	return armed_for() == CF_KVM_SOURCE;
}

static bool is_unarmed(void)
{
	return armed_for() == CF_KVM_UNARMED;
}

static bool has_pushed(void)
{
	return pushes > 0;
}

static bool has_pushed_stop(void)
{
	return stopped_pushes > 0;
}

static void set_out(enum cf_lever required)
{
	struct cf_guest_clock *guest = &work->record->guest;

	pushes = stopped_pushes = 0;
	*unmeasured = '\0';
	happens(false, false, false);
	at->said.outcome = (struct cf_kvm_outcome){ 0 };
	work->carrier = carrier_free(work->carrier);
	work->carried = carried_free(work->carried);
	free(work->counters);
	work->counters = NULL;
	work->landing = (struct cf_landing){ .lever = CF_LEVER_NONE };
	memset(work->record, 0, sizeof(*work->record));
	memset(work->receipt, 0, sizeof(*work->receipt));
	*guest = (struct cf_guest_clock){ .domain = "web1", .type = "kvm", .kvmclock = true, .lever = CF_LEVER_KVM,
					  .has_kvm_version = true, .kvm_version = 1 };
	work->lease = (struct cf_lease){ .has_kvm = true, .kvm = { .handed_on = true, .version = 1 } };
	work->limits = (struct cf_both_limits){ .limits = { .require_lever = required, .max_blackout = { CF_S } } };
	work->peer.offset = offset_now();
	carried_begin(work);
}

static struct cf_commit commit;

/* The source's part, up to the commit, and what it sends is brought to the destination. */
static void leave(void)
{
	comes(has_pushed);
	happens(true, false, true);
	capture();
	comes(has_pushed_stop);
	capture();
	commit = (struct cf_commit){ 0 };
	carried_commit(work, &commit);
	work->carrier = carrier_free(work->carrier);
	free(work->brought);
	work->brought = malloc(sizeof(*came));
	*work->brought = *came;
}

static void test_source(void)
{
	set_out(CF_LEVER_KVM);
	ok(work->carrier && is_armed_here() && memcmp(at->asked.migration, &ID[20], 16) == 0 && at->asked.host_hz == 2000000000 &&
	   cf_mono_cmp(at->asked.expires, kernel_raw()) > 0, "the source's library is armed for this migration, and not for ever");
	ok(comes(has_pushed) && !came->stopped && came->n_vcpus == 2 && came->vcpus[1].offset == -777 &&
	   strcmp(came->destination_boot, BOOT) == 0, "a sample of the running guest reaches the other host");
	ok(carried_there(work), "which the gate asks for");
	happens(true, true, false);
	ok(comes(is_unarmed), "a guest that somebody pauses is left to QEMU");
	happens(false, false, false);
	ok(comes(is_armed_here), "and kept again when it goes on");
	leave();
	ok(has_pushed_stop() && came->has_hz && came->hz == 2000000000, "at STOP its clocks are told once more");
	ok(commit.has_point && (uint64_t)commit.point.clock == at->said.capture.clock,
	   "and the commit has the value that travelled, which QEMU read last");
	ok(is_unarmed(), "when the migration ends, the library is disarmed");
	free(CF_TAKE(work->brought));
}

static void test_not_there(void)
{
	takes = false;
	set_out(CF_LEVER_KVM);
	nanosleep(&(struct timespec){ .tv_nsec = 200 * CF_MS }, NULL);
	ok(!carried_there(work), "what does not reach the other host is not there");
	carried_commit(work, &commit);
	ok(strstr(unmeasured, "no answer"), "and the receipt says so: %s", unmeasured);
	work->limits.limits.require_lever = CF_LEVER_NONE;
	ok(carried_there(work), "nobody asks for it where policy does not");
	takes = true;

	has_library = false;
	set_out(CF_LEVER_NONE);
	ok(!work->carrier && *unmeasured, "without its page there is no carrier: %s", unmeasured);
	has_library = true;
	set_out(CF_LEVER_NONE);
	work->carrier = carrier_free(work->carrier);
	work->lease.has_kvm = false;
	carried_begin(work);
	ok(!work->carrier, "nor for an agent that does not know of it");
	answers = false;
	set_out(CF_LEVER_KVM);
	nanosleep(&(struct timespec){ .tv_nsec = 200 * CF_MS }, NULL);
	ok(!carried_there(work) && work->carrier, "a library that does not answer costs nothing but itself");
	answers = true;
}

static void test_destination(void)
{
	set_out(CF_LEVER_KVM);
	leave();
	ok(carried_prepare(work, &err) == 0 && is_unarmed(), "the QEMU that waits has the library");
	carried_look(work);
	ok(armed_for() == CF_KVM_DESTINATION && at->asked.clock_low < at->asked.clock_high && at->asked.n_vcpus == 2 &&
	   at->asked.vcpus[1].offset == -777, "with what came of the source's it is armed for what may travel");
	ok(carried_arm(work, &commit, why) && at->asked.clock_low == (uint64_t)commit.point.clock && at->asked.clock_high == at->asked.clock_low,
	   "with the commit, for what did");
	carried_arm_again(work, &commit);
	ok(armed_for() == CF_KVM_DESTINATION, "and once more, just before");
	act(CF_KVM_CARRIED);
	ok(carried_report(work) && work->landing.lever == CF_LEVER_KVM && work->landing.has_counters &&
	   work->landing.counters.result == CF_COUNTERS_CARRIED, "what it did stands in the landing");
	ok(work->landing.counters.has_residual && cf_interval_has(work->landing.counters.residual, (cf_span){ 0 }) &&
	   cf_interval_half(work->landing.counters.residual).ns < CF_MS && work->landing.has_lag,
	   "with the residual and its bound: %lld .. %lld ns", (long long)work->landing.counters.residual.low.ns,
	   (long long)work->landing.counters.residual.high.ns);
	ok(work->landing.counters.n_runs == 1 && work->landing.counters.runs[0].count == 2 && work->landing.counters.runs[0].agrees,
	   "and each vCPU's offset, as KVM shows it, too");
	ok(carried_report(work), "asked again it says the same");
	work->carried = carried_free(work->carried);
	ok(is_unarmed(), "then it is disarmed");
}

static void test_left(void)
{
	set_out(CF_LEVER_KVM);
	leave();
	carried_arm(work, &commit, why);
	act(CF_KVM_LEFT);
	ok(!carried_report(work) && work->landing.lever == CF_LEVER_NONE && work->landing.counters.result == CF_COUNTERS_LEFT &&
	   *work->landing.counters.why, "clocks that were left to QEMU are the next lever's: %s", work->landing.counters.why);

	set_out(CF_LEVER_KVM);
	leave();
	carried_arm(work, &commit, why);
	ok(!carried_report(work) && work->landing.counters.result == CF_COUNTERS_LEFT, "so are those of which it never spoke: %s",
	   work->landing.counters.why);

	set_out(CF_LEVER_KVM);
	leave();
	work->again = CF_PHASE_RUNNING;
	at->asked.direction = CF_KVM_DESTINATION;
	memcpy(at->asked.migration, &ID[20], 16);
	act(CF_KVM_CARRIED);
	ok(carried_report(work) && !work->landing.counters.has_residual, "an agent that was restarted learns that they were carried, and no residual");
	work->again = CF_PHASE_UNKNOWN;
	at->said.outcome.migration[3]++;
	work->landing.has_counters = false;
	work->landing.lever = CF_LEVER_NONE;
	ok(!carried_report(work) && !work->landing.has_counters, "of another migration's outcome nothing is taken");
}

static void test_required(void)
{
	has_library = false;
	set_out(CF_LEVER_KVM);
	ok(carried_prepare(work, &err) < 0 && strstr(err.text, "required"), "where the lever is required a QEMU without the library is refused: %s",
	   err.text);
	ok(!carried_arm(work, &commit, why) && strstr(why, "required"), "as late as at the commit: %s", why);
	work->limits.limits.require_lever = CF_LEVER_NONE;
	ok(carried_prepare(work, &err) == 0 && carried_arm(work, &commit, why) && !carried_report(work) && !work->landing.has_counters,
	   "else it falls to the next lever, and nothing is said");
	has_library = true;
	set_out(CF_LEVER_KVM);
	carried_prepare(work, &err);
	ok(!carried_arm(work, &commit, why), "so it does when nothing came of the counters: %s", why);
	work->limits.overridden[CF_FINDING_LEVER_MISSING] = true;
	ok(carried_arm(work, &commit, why), "unless somebody has taken that upon himself");

	set_out(CF_LEVER_KVM);
	leave();
	strcpy(work->boot, "another");
	ok(!carried_arm(work, &commit, why) && is_unarmed(), "an offset of another boot is none: %s", why);
	strcpy(work->boot, BOOT);

	set_out(CF_LEVER_KVM);
	leave();
	work->has_record = work->record->paused = true;
	ok(carried_arm(work, &commit, why) && is_unarmed(), "a guest that is to stay paused is left to QEMU");
	work->has_record = false;
}

static void test_kept(void)
{
	set_out(CF_LEVER_NONE);
	comes(has_pushed);
	carried_kept(work);
	ok(!work->receipt->kept.has_counters, "of an attempt that stopped nothing there is nothing to tell");
	happens(true, false, true);
	capture();
	act(CF_KVM_KEPT);
	carried_kept(work);
	ok(work->receipt->kept.has_counters && work->receipt->kept.counters.result == CF_COUNTERS_KEPT &&
	   work->receipt->kept.lever == CF_LEVER_KVM, "when the guest runs on at the source, what the library did stands in the receipt");
}

int main(void)
{
	pthread_t thread;

	work = calloc(1, sizeof(*work));
	work->context = &context;
	work->record = calloc(1, sizeof(*work->record));
	work->receipt = calloc(1, sizeof(*work->receipt));
	came = calloc(1, sizeof(*came));
	strcpy(work->id, ID);
	strcpy(work->boot, BOOT);
	make_page();
	pthread_create(&thread, NULL, library, NULL);
	test_source();
	test_not_there();
	test_destination();
	test_left();
	test_required();
	test_kept();
	carrier_free(work->carrier);
	carried_free(work->carried);
	ends = true;
	pthread_join(thread, NULL);
	free(work->counters);
	free(work->brought);
	free(work->record);
	free(work->receipt);
	free(work);
	free(came);
	return done();
}
