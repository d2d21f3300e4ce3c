/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source's acts around the KVM library, against a page that this process plays the library
 * behind: when it is armed, what travels, what the gate has of it, and what becomes of it when the
 * guest stays here or the agent does not.
 */

#include "daemon/clock/kernel.h"
#include "tests/tap.h"
#include "tests/trip-carried.h"

static void test_source(void)
{
	cf_mono resumed;

	set_out(CF_LEVER_KVM);
	ok(work->carrier && is_armed_here() && memcmp(at->asked.migration, &ID[20], 16) == 0 && at->asked.host_hz == 2000000000 &&
	   cf_mono_cmp(at->asked.expires, kernel_raw()) > 0, "the source's library is armed for this migration, and not for ever");
	ok(comes(has_pushed) && !came->stopped && came->n_vcpus == 2 && came->vcpus[1].offset == -777 &&
	   strcmp(came->destination_boot, BOOT) == 0, "a sample of the running guest reaches the other host");
	ok(carried_there(work), "which the gate asks for");
	answers = false;	/* the next sample is asked for and comes in the pause */
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 200 * CF_MS }, NULL);
	happens(true, true, false);
	ok(comes(is_unarmed), "a guest that somebody pauses is left to QEMU");
	capture();
	answers = true;
	nanosleep(&(struct timespec){ .tv_nsec = 500 * CF_MS }, NULL);
	pushes = 0;
	resumed = kernel_raw();
	goes_on();
	ok(comes(is_armed_here), "and kept again when it goes on");
	ok(comes(has_pushed) && !has_pushed_stop() && cf_mono_cmp(came->point.at.raw, resumed) > 0,
	   "what its clocks were in the pause is not told");
	leave();
	ok(has_pushed_stop() && came->has_hz && came->hz == 2000000000, "at STOP its clocks are told once more");
	ok(commit.has_point && (uint64_t)commit.point.clock == at->said.capture.clock,
	   "and the commit has the value that travelled, which QEMU read last");
	ok(is_unarmed(), "when the migration ends, the library is disarmed");
	free(CF_TAKE(work->brought));
}

/* The guest is a hypervisor. */
static void test_nested(void)
{
	set_out(CF_LEVER_KVM);
	comes(has_pushed);
	nested = true;
	leave();
	ok(came->vcpus[1].has_offset && came->vcpus[1].offset == -777 && came->vcpus[1].scaling.ratio == INT64_C(1) << 48,
	   "while a guest of the guest runs, what was the guest's own before is told");
	set_out(CF_LEVER_KVM);
	comes(has_pushed);
	ok(!came->vcpus[1].has_offset && !came->vcpus[1].has_scaling, "and nothing where that was never seen");
	nested = false;
	work->carrier = carrier_free(work->carrier);
}

/* Another thread stood in the way when QEMU read its clock for the last time. */
static void test_missed(void)
{
	at->said.n_missed = 3;
	set_out(CF_LEVER_KVM);
	leave();
	ok(commit.has_point, "what the library missed before the migration is no matter");
	set_out(CF_LEVER_KVM);
	stand();
	at->said.n_missed++;
	carried_commit(work, &commit);
	work->carrier = carrier_free(work->carrier);
	bring();
	ok(!commit.has_point, "where it missed one, the newest capture is not said to be what travels");
	ok(carried_prepare(work, &err) == 0 && carried_arm(work, &commit, why) && at->asked.clock_low == at->said.capture.clock &&
	   at->asked.clock_high >= at->asked.clock_low + CF_S, "and the destination takes what QEMU may have read after it");
	work->carried = carried_free(work->carried);
}

static bool is_there(void)
{
	return carried_there(work);
}

static void test_arm64(void)
{
	const struct timespec moment = { .tv_nsec = 200 * CF_MS };

	at->arch = CF_KVM_ARCH_ARM64;
	at->said.vcpus[0].flags = at->said.vcpus[1].flags = 0;
	set_out(CF_LEVER_KVM);
	comes(has_pushed);
	nanosleep(&moment, NULL);
	ok(!is_there(), "arm64: a sample of the running guest has nothing of what will travel");
	happens(true, false, true);
	read_counter(0);
	comes(has_pushed_stop);
	nanosleep(&moment, NULL);
	carried_missed(work);
	ok(!is_there() && strstr(unmeasured, "vCPU 1"), "nor is one vCPU's counter enough: %s", unmeasured);
	read_counter(1);
	ok(comes(is_there), "once QEMU has read all of them the gate has what it asks for");
	work->carrier = carrier_free(work->carrier);
	at->arch = CF_KVM_ARCH_X86;
}

static void test_paused_before(void)
{
	state = CF_DOMAIN_PAUSED;
	set_out(CF_LEVER_NONE);
	nanosleep(&(struct timespec){ .tv_nsec = 200 * CF_MS }, NULL);
	ok(work->carrier && is_unarmed() && !has_pushed(), "a guest that had been paused before is left to QEMU, too, and nothing told of it");
	goes_on();
	ok(comes(is_armed_here) && comes(has_pushed), "until it goes on");
	state = CF_DOMAIN_RUNNING;
	work->carrier = carrier_free(work->carrier);

	state = CF_DOMAIN_PAUSED;
	migrating = true;
	work->again = CF_PHASE_COPYING;
	set_out(CF_LEVER_NONE);
	nanosleep(&(struct timespec){ .tv_nsec = 200 * CF_MS }, NULL);
	ok(work->carrier && is_unarmed() && !has_pushed(), "so is one that was paused in the copy, before the agent was restarted");
	goes_on();
	ok(comes(is_armed_here) && comes(has_pushed), "until that goes on, too");
	work->again = CF_PHASE_UNKNOWN;
	state = CF_DOMAIN_RUNNING;
	migrating = false;
	work->carrier = carrier_free(work->carrier);
}

static void test_not_there(void)
{
	takes = false;
	set_out(CF_LEVER_KVM);
	ok(comes(has_been_refused) && !carried_there(work), "what does not reach the other host is not there");
	carried_missed(work);
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

static cf_mono expired;

static bool is_prolonged(void)
{
	return __atomic_load_n(&at->asked.expires.ns, __ATOMIC_RELAXED) > expired.ns;
}

/* Until somebody has found out on which host it is to run. */
static void test_doubt(void)
{
	uint32_t seq;

	set_out(CF_LEVER_NONE);
	stand();
	seq = at->asked.seq;
	expired = at->asked.expires;
	ok(comes(is_prolonged), "however long the guest stands for its migration, the arming does not expire");
	ok(is_armed_here() && at->asked.seq == seq, "and is not written anew");
	happens(true, true, false);
	ok(comes(is_unarmed), "unless somebody turns out to have paused it");
	work->carrier = carrier_free(work->carrier);
}

/* The agent is stopped while nobody knows where the guest is to run, and the next one goes on. */
static void test_after_restart(void)
{
	uint32_t seq;

	set_out(CF_LEVER_NONE);
	stand();
	work->carrier = carrier_leave(work->carrier);
	ok(is_armed_here() && !work->carrier, "an agent that leaves a guest standing leaves it armed");
	seq = at->asked.seq;
	at->asked.expires.ns = 1;
	expired = at->asked.expires;
	carried_again(work);
	ok(work->carrier && comes(is_prolonged) && at->asked.seq == seq, "the next one keeps that up, even if it has expired, and writes nothing else");
	work->carrier = carrier_free(work->carrier);
	ok(is_unarmed(), "and disarms at the end");
	goes_on();
	set_out(CF_LEVER_NONE);
	comes(has_pushed);
	work->carrier = carrier_leave(work->carrier);
	ok(is_unarmed(), "one that leaves a guest that runs does not: that may be paused by anybody");
	carried_again(work);
	ok(!work->carrier && is_unarmed(), "where nothing is armed there is nothing to be kept up");
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
	work = work_made(&context);
	test_source();
	test_nested();
	test_missed();
	test_arm64();
	test_paused_before();
	test_not_there();
	test_doubt();
	test_after_restart();
	test_kept();
	work_unmade(work);
	return done();
}
