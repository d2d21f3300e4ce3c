/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The agents' acts around the KVM library, on both sides, against a page that this process
 * plays the library behind: what is armed and when, what travels, what stands in the
 * receipt, and when it falls to the next lever.
 */

#include "daemon/act/carried.h"
#include "daemon/clock/kernel.h"
#include "policy/carry.h"
#include "tests/fake-carrier.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

static const struct act_context context;
static struct work *work;
static struct cf_error err;
static char why[CF_DETAIL_ROOM];

int fake_answer(const struct fake_asked *asked, struct cf_error *e)
{
	return take_counters(asked, e);
}

/* --- the tests --- */

static void set_out(enum cf_lever required)
{
	*unmeasured = '\0';
	work->carrier = carrier_free(work->carrier);
	work->carried = carried_free(work->carried);
	free(work->counters);
	work->counters = NULL;
	work->landing = (struct cf_landing){ .lever = CF_LEVER_NONE };
	furnish(work);
	work->limits = (struct cf_both_limits){ .limits = { .require_lever = required, .max_blackout = { CF_S } } };
	carried_begin(work);
}

static struct cf_commit commit;

/* What was pushed last is brought to the destination. */
static void bring(void)
{
	free(work->brought);
	work->brought = malloc(sizeof(*came));
	pthread_mutex_lock(&lock);
	*work->brought = *came;
	pthread_mutex_unlock(&lock);
}

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
	bring();
}

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
	comes(has_pushed);
	happens(true, false, true);
	capture();
	comes(has_pushed_stop);
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
	ok(work->landing.counters.has_master_clock_before && work->landing.counters.master_clock_before && work->landing.counters.master_clock,
	   "and that KVM's master clock is on, as it was on the source");
	ok(carried_report(work), "asked again it says the same");
	ok(is_unarmed(), "then it is disarmed");
	at->asked.direction = CF_KVM_SOURCE;
	at->asked.serial = 1;
	at->asked.migration[3]++;
	work->carried = carried_free(work->carried);
	ok(is_armed_here(), "at the end it is left as it is, armed for the guest's next migration");
}

/* Its scaling changes with what QEMU loads, after the agent has looked. */
static void test_loaded(void)
{
	const int64_t faster = INT64_C(5) << 46;
	uint64_t serial;

	set_out(CF_LEVER_NONE);
	leave();
	carried_look(work);
	serial = at->asked.serial;
	ok(armed_for() == CF_KVM_DESTINATION && at->asked.vcpus[1].destination.ratio == UINT64_C(1) << 48, "before QEMU has loaded, it is armed with the scaling of then");
	carried_look(work);
	ok(at->asked.serial == serial, "and without news no more");
	loads(ratio);
	carried_look(work);
	ok(at->asked.serial == serial, "nor when it has and scales as before: it is to look at the page then");

	set_out(CF_LEVER_NONE);
	leave();
	carried_look(work);
	serial = at->asked.serial;
	loads(faster);
	carried_look(work);
	ok(at->asked.serial > serial && at->asked.vcpus[1].destination.ratio == (uint64_t)faster, "but when it has, with the one that it has now");
	serial = at->asked.serial;
	carried_look(work);
	ok(at->asked.serial == serial, "once");

	set_out(CF_LEVER_NONE);
	leave();
	carried_arm(work, &commit, why);
	loads(faster);
	carried_arm_again(work, &commit);
	ok(at->asked.vcpus[1].destination.ratio == (uint64_t)faster && at->asked.clock_high == at->asked.clock_low,
	   "so it is for a commit that came before QEMU had loaded");

	set_out(CF_LEVER_NONE);
	leave();
	carried_look(work);
	carried_let_be(work);
	loads(faster);
	carried_look(work);
	ok(is_unarmed(), "of one that is let be nothing is armed anew");
	work->carried = carried_free(work->carried);
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
	ok(is_unarmed(), "for which it stays armed no longer: the guest may be paused again");

	set_out(CF_LEVER_KVM);
	leave();
	carried_arm(work, &commit, why);
	work->landing.has_resume = true;
	work->landing.resume.raw = at->asked.expires;
	ok(!carried_report(work) && strstr(work->landing.counters.why, "expired"), "and those of a guest that ran too late: %s",
	   work->landing.counters.why);

	set_out(CF_LEVER_NONE);
	leave();
	shows = false;
	ok(carried_arm(work, &commit, why) && is_unarmed(), "where nothing can be asked of the library, that is no matter by policy");
	ok(!carried_report(work) && work->landing.counters.result == CF_COUNTERS_LEFT && strstr(work->landing.counters.why, "debugfs"),
	   "and stands in the receipt: %s", work->landing.counters.why);
	set_out(CF_LEVER_NONE);
	leave();
	carried_look(work);
	carried_let_be(work);
	ok(!carried_report(work) && !work->landing.has_counters, "but not of one that came to stand still");
	shows = true;
	set_out(CF_LEVER_NONE);
	leave();
	carried_look(work);
	bring();
	work->brought->point.at.raw.ns -= CF_S;
	shows = false;
	carried_look(work);
	shows = true;
	act(CF_KVM_CARRIED);
	ok(carried_report(work) && cf_interval_has(work->landing.counters.residual, (cf_span){ 0 }),
	   "what cannot be asked any more changes nothing of what was");

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

	set_out(CF_LEVER_KVM);
	leave();
	carried_look(work);
	commit.paused = true;
	ok(carried_arm(work, &commit, why) && is_unarmed(), "so is one of which the commit alone says so");
	carried_arm_again(work, &commit);
	ok(is_unarmed() && !carried_report(work) && !work->landing.has_counters, "and nothing is said of its clocks");
}

/* What the source's agent says of a pause. */
static void say_paused(bool paused)
{
	struct cf_record *record = malloc(sizeof(*record));

	*record = *work->record;
	record->paused = paused;
	work_take_record(work, record);
}

static void test_pause_there(void)
{
	set_out(CF_LEVER_NONE);
	comes(has_pushed);
	bring();
	carried_look(work);
	ok(armed_for() == CF_KVM_DESTINATION, "the destination is armed with no commit in sight");
	say_paused(true);
	carried_look(work);
	ok(is_unarmed(), "and no more once it hears of a pause");
	bring();
	carried_look(work);
	say_paused(false);
	carried_look(work);
	ok(is_unarmed(), "nor by what had come before the guest went on");
	bring();
	carried_look(work);
	ok(armed_for() == CF_KVM_DESTINATION, "but by what comes after it");
	carried_let_be(work);
	ok(is_unarmed() && !carried_report(work) && !work->landing.has_counters,
	   "where it comes to stand still it is let be, and nothing is said of its clocks");
	work->has_record = false;
	work->carried = carried_free(work->carried);
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
	comes(has_pushed);
	happens(true, false, true);
	capture();
	comes(has_pushed_stop);
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
	comes(has_pushed);
	happens(true, false, true);
	capture();
	comes(has_pushed_stop);
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
	test_destination();
	test_loaded();
	test_left();
	test_required();
	test_pause_there();
	test_doubt();
	test_after_restart();
	test_kept();
	work_unmade(work);
	return done();
}
