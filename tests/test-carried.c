/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The destination's acts around the KVM library, against a page that this process plays the library
 * behind, with what a source's agent has brought: what it is armed for and when, what stands in the
 * receipt, and when it falls to the next lever.
 */

#include "tests/tap.h"
#include "tests/trip-carried.h"

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

static bool is_there(void)
{
	return carried_there(work);
}

/* arm64: both counters are read at STOP and, where the time of that is to go along, once more; a QEMU waits here. */
static void leave_arm64(enum cf_lever required, bool adjvtime)
{
	*why = '\0';
	at->said.vcpus[0].flags = at->said.vcpus[1].flags = 0;
	set_out(CF_LEVER_KVM);
	comes(has_pushed);
	happens(true, false, true);
	for (uint32_t i = 0; i < 2; i++) {
		read_counter(i);
		at->said.vcpus[i].cnt_last = at->said.vcpus[i].cnt + adjvtime * 1000;
	}
	comes(is_there);
	commit = (struct cf_commit){ 0 };
	carried_commit(work, &commit);
	work->carrier = carrier_free(work->carrier);
	bring();
	work->limits.limits.require_lever = required;
}

static void load(void)
{
	for (uint32_t i = 0; i < 2; i++)
		write_counter(i, came->vcpus[i].cnt.first == came->vcpus[i].cnt.last ? at->said.vcpus[i].cnt_last : at->said.vcpus[i].cnt);
	loads(ratio);
}

static void test_late(void)
{
	at->arch = CF_KVM_ARCH_ARM64;
	leave_arm64(CF_LEVER_KVM, false);
	ok(carried_arm(work, &commit, why) && armed_for() == CF_KVM_DESTINATION, "arm64: before QEMU has loaded it is armed %s", why);
	leave_arm64(CF_LEVER_KVM, true);
	load();
	ok(carried_arm(work, &commit, why) && armed_for() == CF_KVM_DESTINATION,
	   "after it, too, where the counters are set once more when the guest is to run %s", why);
	leave_arm64(CF_LEVER_KVM, false);
	load();
	ok(!carried_arm(work, &commit, why) && strstr(why, "required") && strstr(why, "adjvtime"), "where they are not, no commit is obeyed: %s", why);
	ok(is_unarmed(), "and nothing stays armed");
	leave_arm64(CF_LEVER_NONE, false);
	load();
	ok(carried_arm(work, &commit, why) && is_unarmed(), "unless policy leaves it to another lever");
	carried_arm_again(work, &commit);
	ok(is_unarmed() && !carried_report(work) && work->landing.counters.result == CF_COUNTERS_LEFT && strstr(work->landing.counters.why, "adjvtime"),
	   "then the receipt says it: %s", work->landing.counters.why);
	leave_arm64(CF_LEVER_KVM, false);
	carried_look(work);
	act(CF_KVM_LEFT);
	load();
	ok(!carried_arm(work, &commit, why) && strstr(why, "could not be set"), "what the library could not do is told as that: %s", why);
	leave_arm64(CF_LEVER_KVM, false);
	at->said.seq |= 1;
	ok(!carried_arm(work, &commit, why) && strstr(why, "being written"), "nor is one obeyed of which nobody can tell: %s", why);
	at->said.seq++;
	work->carried = carried_free(work->carried);
	at->arch = CF_KVM_ARCH_X86;
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

int main(void)
{
	work = work_made(&context);
	test_destination();
	test_loaded();
	test_left();
	test_required();
	test_pause_there();
	test_late();
	work_unmade(work);
	return done();
}
