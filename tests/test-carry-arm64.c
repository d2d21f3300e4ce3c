/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A guest's counters from page to receipt, arm64: the library between a QEMU and a KVM that are played
 * (tests/fake-kvm.h), and what the two agents make of its page.  The measure is the guest that stayed: what the receipt
 * says of the residual has to hold how far the guest's counters are from that one's.  Runs natively and under emulation
 * (tests/kvm-arm64.sh).
 */

#include <string.h>

#include "policy/carry.h"
#include "tests/fake-qemu-arm64.h"
#include "tests/tap.h"

static struct cf_kvm_asked asked;
static struct cf_counters came;
static struct cf_counter_point point;
static struct cf_counter_report report;
static char why[CF_DETAIL_ROOM];

struct journey {
	int n;
	bool no_adjvtime;
	bool one_offset;		/* the guest was made with one for both counters */
	bool no_phys;			/* the destination cannot set CNTPCT */
	int64_t off;			/* the middle of what is known of the RAW clocks is off by this */
	int64_t half;			/* its half width */
	int64_t slewed;			/* the destination's REALTIME, after the library was armed */
	int64_t drifted;		/* its RAW clock, since the source's instant */
};

static const struct journey plain = { .n = 2, .half = 40 * CF_US };

/* QEMU reads the counters of a guest that stands, and the source's agent tells them. */
static void leave(const struct journey *journey)
{
	static const struct cf_guest_clock guest = { .kvm_version = 1 };
	const struct cf_interval offset = cf_interval_around((cf_span){ there.raw - here.raw + journey->off }, (cf_span){ journey->half });

	fake_kind = (struct fake_kind){ 0 };
	fake_on(&here);
	start(journey->n);
	qemu.no_adjvtime = journey->no_adjvtime;
	if (journey->one_offset)
		fake_vm.phys = fake_vm.virt;
	run_and_save();
	point = cf_carry_point(&hear()->capture, CF_KVM_ARCH_ARM64, offset);
	cf_carry_tell(hear(), &point, true, &guest, &came);
}

/* The destination's agent arms for what came. */
static bool ask(void)
{
	const struct cf_carry carry = {
		.counters = &came, .point = &point, .arch = CF_KVM_ARCH_ARM64, .now = { .raw = { fake_raw() }, .real = { fake_real() } },
		.limit = { 60 * CF_S }, .expires = { 60 * CF_S },
	};

	*why = '\0';
	if (!cf_carry_ask(&carry, &asked, why))
		return false;
	asked.direction = CF_KVM_DESTINATION;
	arm(&asked);
	return true;
}

/* Up to where QEMU loads the guest; what is armed by then is up to the caller. */
static struct qemu left;

static void arrive(const struct journey *journey)
{
	left = qemu;
	fake_now += 200 * CF_MS;
	fake_kind.no_phys = journey->no_phys;
	fake_on(&there);
	start(journey->n);
}

static void land(void)
{
	fake_now += 100 * CF_MS;
	cont();
	cf_carry_report(&(struct cf_carried){ .said = hear(), .arch = CF_KVM_ARCH_ARM64, .asked = &asked, .point = &point }, &report);
}

static bool migrates(const struct journey *journey)
{
	static struct fake_host slewed;

	leave(journey);
	arrive(journey);
	if (!ask()) {
		printf("# %s\n", why);
		return false;
	}
	slewed = there;
	slewed.realtime += journey->slewed;
	slewed.raw += journey->drifted;
	fake_host = &slewed;
	load(&left);
	land();
	return report.result == CF_COUNTERS_CARRIED;
}

static cf_span in_time(int64_t ticks)
{
	return (cf_span){ ticks * CF_S / (int64_t)here.hz };
}

/* What two oscillators may differ by since the source's instant, at most 250 ppm (policy/offset.h). */
static bool is_bound(const struct journey *journey, struct cf_interval residual)
{
	return cf_interval_half(residual).ns <= journey->half + 6 * CF_US + 400 * CF_MS / 4000;
}

/* How far the guest's counters are ahead stands in the receipt, and its bound is no wider than it has to be. */
static bool is_told(const struct journey *journey)
{
	bool virt = report.has_residual && cf_interval_has(report.residual, in_time(ahead_virt())) && is_bound(journey, report.residual);
	bool phys = report.physical_set == !journey->no_phys && report.has_physical == !journey->no_phys;

	if (report.has_physical)
		phys = phys && cf_interval_has(report.physical, in_time(ahead_phys())) && is_bound(journey, report.physical);
	if (!virt || !phys)
		printf("# %lld .. %lld and %lld .. %lld do not hold %lld and %lld\n", (long long)report.residual.low.ns,
		       (long long)report.residual.high.ns, (long long)report.physical.low.ns, (long long)report.physical.high.ns,
		       (long long)in_time(ahead_virt()).ns, (long long)in_time(ahead_phys()).ns);
	return virt && phys;
}

static void test_carried(bool no_adjvtime)
{
	const char *how = no_adjvtime ? "kvm-no-adjvtime" : "adjvtime";
	struct journey journey = plain;

	journey.no_adjvtime = no_adjvtime;
	ok(migrates(&journey) && !*report.why, "%s: a guest's counters are carried from page to page", how);
	ok(report.has_elapsed && report.elapsed.ns >= 200 * CF_MS && report.elapsed.ns < 301 * CF_MS,
	   "%s: by the time that has passed since QEMU last read them: %lld ns", how, (long long)report.elapsed.ns);
	ok(is_told(&journey) && report.has_vm_wide && !report.vm_wide, "%s: the residuals that are told are the guest's", how);
	ok(report.vcpus == 2 && !report.clamped && !report.has_master_clock_before && report.n_runs == 0, "%s: and nothing that is x86's", how);
	for (int64_t off = -40; off <= 40; off += 20) {
		journey.off = off * CF_US;
		ok(migrates(&journey) && is_told(&journey), "%s: an offset that is off by %lld us is within the bound", how, (long long)off);
	}
	journey.off = 0;
	for (int64_t slewed = -500; slewed <= 500; slewed += 250) {
		journey.slewed = slewed * CF_US;
		ok(migrates(&journey) && is_told(&journey), "%s: a clock that was slewed by %lld us meanwhile shows", how, (long long)slewed);
	}
	journey.slewed = 0;
	journey.half = 10 * CF_US;
	for (int64_t drifted = -50; drifted <= 50; drifted += 100) {
		journey.drifted = drifted * CF_US;
		ok(migrates(&journey) && is_told(&journey), "%s: so is an oscillator that ran off by %lld us", how, (long long)drifted);
	}
}

static void test_kinds(void)
{
	struct journey journey = plain;

	journey.n = 8;
	ok(migrates(&journey) && is_told(&journey) && report.vcpus == 8, "many vCPUs have one counter");
	journey.no_phys = true;
	ok(migrates(&journey) && is_told(&journey), "a kernel that cannot set CNTPCT: CNTVCT's residual alone is told");
	journey = plain;
	journey.one_offset = true;
	ok(migrates(&journey) && is_told(&journey) && report.vm_wide, "one offset for both is told, too");
	leave(&plain);
	came.vcpus[1].has_cnt = false;
	arrive(&plain);
	ok(!ask() && strstr(why, "vCPU 1"), "nothing is armed without a vCPU's counter: %s", why);
	leave(&plain);
	came.hz++;
	arrive(&plain);
	ask();
	load(&left);
	land();
	ok(report.result == CF_COUNTERS_LEFT && strstr(report.why, "frequency") && !report.has_residual, "another CNTFRQ is left, and why: %s", report.why);
}

/* The library is armed when QEMU has loaded the guest. */
static void test_late(void)
{
	for (int no_adjvtime = 0; no_adjvtime < 2; no_adjvtime++) {
		struct journey journey = plain;

		journey.no_adjvtime = no_adjvtime;
		leave(&journey);
		arrive(&journey);
		for (int i = 0; i < journey.n; i++)	/* with what it has read when it began */
			set(qemu.fds[i], KVM_REG_ARM_TIMER_CNT, get(qemu.fds[i], KVM_REG_ARM_TIMER_CNT));
		ok(ask() && !cf_carry_is_late(hear(), &asked, false), "before it has, it is in time");
		asked.direction = CF_KVM_UNARMED;
		arm(&asked);
		load(&left);
		ok(ask() && cf_carry_is_late(hear(), &asked, false) == no_adjvtime && cf_carry_is_late(hear(), &asked, true) == no_adjvtime,
		   no_adjvtime ? "with kvm-no-adjvtime it is late then" : "with adjvtime then, too");
		land();
		ok((hear()->outcome.serial == asked.serial && report.result == CF_COUNTERS_CARRIED) == !no_adjvtime, "... which is what comes of it");
	}
}

int main(void)
{
	fake_on(&here);
	start(1);
	test_carried(false);
	test_carried(true);
	test_kinds();
	test_late();
	return done();
}
