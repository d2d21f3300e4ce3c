/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * arm64's part of libclockferry-kvm.so, between a QEMU that does as QEMU does
 * (target/arm/kvm.c of 7.2 and 10.0) and a KVM that does as Linux does.  Runs
 * natively and under emulation (tests/kvm-arm64.sh).
 */

#include <errno.h>
#include <string.h>

#include "proto/base.h"
#include "tests/fake-qemu-arm64.h"
#include "tests/tap.h"

/* The agents */

static struct cf_kvm_asked asked;

static void tell(enum cf_kvm_direction direction)
{
	asked.direction = direction;
	arm(&asked);
}

static void take_record(void)
{
	const struct cf_kvm_said *said = hear();

	asked = (struct cf_kvm_asked){
		.record = said->capture, .limit = { 60 * CF_S }, .n_vcpus = said->n_vcpus, .guest_hz = said->hz,
		.virt = said->virt, .phys = said->phys,
		.flags = (said->vm_flags & CF_KVM_VM_COUNTERS ? CF_KVM_ASKED_VIRT : 0) |
			(said->vm_flags & CF_KVM_VM_PHYS ? CF_KVM_ASKED_PHYS : 0),
	};
	for (uint32_t i = 0; i < said->n_vcpus; i++)
		asked.vcpus[i] = (struct cf_kvm_asked_vcpu){ .id = said->vcpus[i].id, .cnt = said->vcpus[i].cnt,
							     .cnt_last = said->vcpus[i].cnt_last, .pcnt = said->vcpus[i].pcnt };
}

/* A migration up to the load */

static struct qemu left;

static void leave(int n, bool no_adjvtime)
{
	fake_kind = (struct fake_kind){ 0 };
	fake_on(&here);
	start(n);
	qemu.no_adjvtime = no_adjvtime;
	run_and_save();
	take_record();
	left = qemu;
	fake_now += 200 * CF_MS;
}

static void arrive(const struct fake_host *host)
{
	fake_on(host);
	start(left.n);
	asked.offset.ns = host->realtime - here.realtime;
	asked.expires.ns = fake_raw() + 30 * CF_S;
	tell(CF_KVM_DESTINATION);
}

static bool near(int64_t a, int64_t b, int64_t slack)
{
	return a - b <= slack && b - a <= slack;
}

/* 62.5 MHz: half a microsecond; what a call takes, from the look at the counter before to the one after. */
#define SLACK 40

static void test_capture(void)
{
	const struct cf_kvm_said *said;

	leave(3, false);
	said = hear();
	ok(said->n_vcpus == 3 && said->hz == 62500000 && said->vm_flags == (CF_KVM_VM_COUNTERS | CF_KVM_VM_PHYS),
	   "three vCPUs, a frequency, and both counters are told");
	ok((int64_t)(fake_vm.virt - said->virt.low) >= 0 && (int64_t)(said->virt.high - fake_vm.virt) >= 0 &&
	   said->virt.high - said->virt.low <= SLACK, "CNTVCT's offset is in an interval of %llu ticks",
	   (unsigned long long)(said->virt.high - said->virt.low));
	ok((int64_t)(0 - said->phys.low) >= 0 && (int64_t)(said->phys.high - 0) >= 0, "CNTPCT of a new guest is its host's");
	ok(said->vcpus[1].cnt == qemu.vtime[1] && said->vcpus[1].cnt_last > said->vcpus[1].cnt &&
	   said->vcpus[2].pcnt == qemu.pcnt[2], "with each value that may travel");
	ok(near((int64_t)said->capture.clock, (int64_t)(said->capture.host - fake_vm.virt), SLACK) &&
	   said->capture.width.ns > 0, "and an instant");
}

static void test_carried(bool no_adjvtime)
{
	const struct cf_kvm_outcome *outcome;
	const char *how = no_adjvtime ? "kvm-no-adjvtime" : "adjvtime";

	leave(3, no_adjvtime);
	arrive(&there);
	ok(load(&left) == 0 && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK),
	   "%s: loaded, both counters go on (%lld, %lld ticks)", how, (long long)ahead_virt(), (long long)ahead_phys());
	fake_now += 100 * CF_MS;
	ok(cont() == 0 && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK), "%s: and so they do when it runs", how);
	outcome = &hear()->outcome;
	ok(outcome->result == CF_KVM_CARRIED && outcome->flags == (CF_KVM_OUTCOME_READ | CF_KVM_OUTCOME_PHYS) &&
	   near(outcome->residual.ns, 0, CF_US) && near(outcome->residual_phys.ns, 0, CF_US) &&
	   outcome->residual_width.ns > 0 && outcome->residual_width.ns < 2 * CF_US && near(outcome->elapsed.ns, 200 * CF_MS, 60 * CF_MS),
	   "%s: the outcome says so (residual %lld ns, %lld ns wide)", how, (long long)outcome->residual.ns,
	   (long long)outcome->residual_width.ns);
	ok(!fake_vm.vm_wide, "%s: without what sticks to a VM for life", how);
}

/* A record that comes after the load does for QEMU's second write. */
static void test_late(void)
{
	leave(2, false);
	arrive(&there);
	vm_known()->page->asked.direction = CF_KVM_UNARMED;
	load(&left);
	ok(ahead_virt() < -12000000, "unarmed, the load is QEMU's own");
	tell(CF_KVM_DESTINATION);
	ok(cont() == 0 && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK),
	   "armed by the time it runs, both counters are carried");
}

/* What the page says that QEMU wrote of this vCPU past the library; 0: nothing. */
static uint64_t written(int vcpu)
{
	return hear()->vcpus[vcpu].flags & CF_KVM_VCPU_WRITTEN ? (uint64_t)hear()->vcpus[vcpu].offset : 0;
}

static void test_written(void)
{
	leave(2, true);
	arrive(&there);
	vm_known()->page->asked.direction = CF_KVM_UNARMED;
	for (int i = 0; i < 2; i++)
		set(qemu.fds[i], KVM_REG_ARM_TIMER_CNT, 1000);
	ok(written(0) == 1000 && written(1) == 1000, "what QEMU writes past the library is told: when it begins");
	load(&left);
	ok(written(0) == left.cnt[0] && written(1) == left.cnt[1], "and when it loads");
	tell(CF_KVM_DESTINATION);
	get(qemu.fds[0], KVM_REG_ARM_TIMER_CNT);
	ok(written(0) == left.cnt[0] && hear()->outcome.serial != asked.serial, "... still when it has been armed, and somebody looks at the counters");
	load(&left);
	ok(!written(0) && !written(1) && hear()->outcome.result == CF_KVM_CARRIED, "loaded once more they are carried, and nothing else was written");
	set(qemu.fds[1], KVM_REG_ARM_TIMER_CNT, left.cnt[1] + 5);
	ok(!written(1) && near(ahead_virt(), 0, SLACK), "nor is what is swallowed");
	run();
	fake_now += CF_S;
	save();
	set(qemu.fds[1], KVM_REG_ARM_TIMER_CNT, 77);
	ok(!written(0) && written(1) == 77, "of a guest that has run what was written since is told");
	run();
	save();
	ok(!written(1), "until it has run again");
}

/* The agents heard of the last vCPU's counters before QEMU read them for good. */
static void test_reread(void)
{
	leave(3, true);
	asked.vcpus[2].cnt_last -= 1000;
	asked.vcpus[2].cnt = asked.vcpus[2].cnt_last;
	asked.vcpus[2].pcnt -= 1000;
	arrive(&there);
	ok(load(&left) == 0 && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK),
	   "another value of one vCPU takes nothing from what was carried (%lld, %lld ticks)", (long long)ahead_virt(),
	   (long long)ahead_phys());
	ok(hear()->outcome.result == CF_KVM_CARRIED, "which is told");

	leave(2, true);
	asked.vcpus[1].cnt_last -= 1000;
	asked.vcpus[1].cnt = asked.vcpus[1].cnt_last;
	asked.flags &= ~CF_KVM_ASKED_PHYS;
	arrive(&there);
	load(&left);
	ok(near(ahead_virt(), 0, SLACK) && near((int64_t)(fake_counter() - fake_vm.phys), (int64_t)left.pcnt[1], 300),
	   "nor does CNTPCT, which is as QEMU sets it where it is not carried");
}

static void test_unmatched(void)
{
	uint64_t virt, serial = hear()->outcome.serial;

	leave(2, false);
	arrive(&there);
	set(qemu.fds[0], KVM_REG_ARM_TIMER_CNT, left.cnt[0] + 1);
	ok(near((int64_t)fake_guest_counter(0), (int64_t)left.cnt[0], SLACK) && hear()->outcome.serial == serial,
	   "a value that did not travel is QEMU's own business");
	load(&left);
	run();
	fake_now += CF_S;
	stop();
	fake_now += CF_S;
	virt = fake_vm.virt;
	cont();
	ok(near((int64_t)(fake_vm.virt - virt), 62500000, 1000), "a stop and cont afterwards loses what QEMU lets it lose");
	load(&left);
	ok(near((int64_t)fake_guest_counter(0), (int64_t)left.cnt[1], 300), "the same value once the guest has run is a snapshot");
}

static void test_kinds(void)
{
	leave(2, false);
	arrive(&there);
	fake_kind.no_phys = true;
	load(&left);
	ok(near(ahead_virt(), 0, SLACK) && hear()->outcome.result == CF_KVM_CARRIED &&
	   !(hear()->outcome.flags & CF_KVM_OUTCOME_PHYS) && fake_vm.phys == 0,
	   "a kernel that cannot set CNTPCT: CNTVCT is carried, and it is told apart");

	leave(2, false);
	fake_vm.phys = fake_vm.virt;
	run();
	stop();
	save();
	stayed = fake_vm;
	take_record();
	left = qemu;
	arrive(&there);
	load(&left);
	ok(fake_vm.vm_wide && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK) &&
	   hear()->outcome.flags & CF_KVM_OUTCOME_VM_WIDE, "a guest with one offset for both keeps it, for the life of the VM");

	leave(2, false);
	arrive(&there);
	fake_vm.vm_wide = true;
	load(&left);
	ok(hear()->outcome.result == CF_KVM_LEFT && hear()->outcome.step == CF_KVM_STEP_OFFSETS,
	   "a VM whose counters cannot be written is left");
}

static void test_refusals(void)
{
	const struct fake_host faster = { .counter = 5, .hz = 100000000, .realtime = here.realtime, .raw = CF_S };
	struct { unsigned long type; uint32_t features; enum cf_kvm_step step; const char *what; } rows[] = {
		{ UINT64_C(1) << 31, 0, CF_KVM_STEP_PROTECTED, "a protected VM" },
		{ 0, UINT32_C(1) << 7, CF_KVM_STEP_NESTED, "a guest that may be a hypervisor" },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		leave(2, false);
		fake_on(&there);
		start_as(2, rows[i].type, rows[i].features);
		asked.expires.ns = fake_raw() + CF_S;
		tell(CF_KVM_DESTINATION);
		load(&left);
		ok(hear()->outcome.result == CF_KVM_LEFT && hear()->outcome.step == rows[i].step &&
		   near((int64_t)fake_guest_counter(0), (int64_t)left.cnt[1], 100000), "%s is left alone", rows[i].what);
	}
	leave(2, false);
	arrive(&faster);
	load(&left);
	ok(hear()->outcome.step == CF_KVM_STEP_FREQUENCY, "another CNTFRQ is refused");
	leave(2, false);
	asked.limit.ns = 10 * CF_MS;
	arrive(&there);
	load(&left);
	ok(hear()->outcome.step == CF_KVM_STEP_LIMIT, "more than can have elapsed, too");
	leave(2, false);
	arrive(&there);
	fake_is(fake_vm.vcpus[1].fd, "anon_inode:[eventfd]");
	load(&left);
	ok(hear()->outcome.step == CF_KVM_STEP_DESCRIPTORS, "and a descriptor that is another's");
	leave(2, false);
	arrive(&there);
	fake_fails(KVM_SET_ONE_REG, 1, EIO);
	ok(set(qemu.fds[0], KVM_REG_ARM_TIMER_CNT, left.cnt[0]) == 0 && hear()->outcome.error == EIO &&
	   near((int64_t)fake_guest_counter(0), (int64_t)left.cnt[0], SLACK), "where our own write fails, QEMU's is made");
	fake_fails(KVM_SET_ONE_REG, 1, EPERM);
	ok(set(qemu.fds[0], KVM_REG_ARM_TIMER_CNT, 5) == -1 && errno == EPERM, "and its error is QEMU's");
}

static void test_kept(void)
{
	struct fake_vm before;

	leave(2, false);
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	before = fake_vm;
	ok(cont() == 0 && fake_vm.virt == before.virt && fake_vm.phys == before.phys &&
	   hear()->outcome.result == CF_KVM_KEPT && near(hear()->outcome.elapsed.ns, 250 * CF_MS, CF_MS),
	   "an aborted migration: the guest's counters are what they were, and it has lost nothing");
	ok(cont() == 0 && fake_vm.virt == before.virt, "nor does it when QEMU sets them again before it runs");
	run();
	stop();
	fake_now += 100 * CF_MS;
	before = fake_vm;
	cont();
	ok(near((int64_t)(fake_vm.virt - before.virt), 6250000, 1000), "once it has run, the arming is spent: a pause loses what QEMU lets it lose");
	run();
	stop();
	fake_now += 100 * CF_MS;
	before = fake_vm;
	vm_known()->page->asked.direction = CF_KVM_UNARMED;
	cont();
	ok(near((int64_t)(fake_vm.virt - before.virt), 6250000, 1000), "a plain stop and cont, too");

	leave(2, false);
	run();
	stop();
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	cont();
	tell(CF_KVM_SOURCE);
	run();
	stop();
	fake_now += 100 * CF_MS;
	before = fake_vm;
	ok(cont() == 0 && fake_vm.virt == before.virt && hear()->outcome.serial == asked.serial && hear()->outcome.result == CF_KVM_KEPT,
	   "armed anew it is kept again");
}

/* QEMU makes a VM and a vCPU to see what the host can do, throws it away, and makes another. */
static void test_scratch(void)
{
	start(1);
	call(qemu.fds[0], KVM_GET_ONE_REG, &(struct kvm_one_reg){ 77, 0 });
	start(3);
	run();
	stop();
	ok(hear()->n_vcpus == 3, "the VM that runs is the one with the vCPUs, not the one that was tried");
}

/* The order of a real QEMU: the VM that will run is made first, and tried is another in between. */
static void test_scratch_between(void)
{
	const int first = 300;

	vm_created(first, 0);
	start(1);
	call(qemu.fds[0], KVM_GET_ONE_REG, &(struct kvm_one_reg){ 77, 0 });
	fake_vm.fd = first;
	fake_vm.n = 0;
	furnish(first, 2, 0);
	run();
	stop();
	ok(hear()->n_vcpus == 2, "... whichever of the two was made first");
}

/* May what QEMU read of this vCPU travel? */
static bool is_read(int vcpu)
{
	return hear()->vcpus[vcpu].flags & CF_KVM_VCPU_CNT;
}

static void test_sample(void)
{
	struct cf_kvm_page *page;

	leave(2, false);
	cont();
	page = vm_known()->page;
	run();
	page->wanted++;
	run();
	ok(page->sampled.wanted == page->wanted && page->sampled.sample.number &&
	   near((int64_t)page->sampled.sample.clock, (int64_t)(page->sampled.sample.host - fake_vm.virt), 2 * SLACK),
	   "a guest that runs is sampled without a call to KVM");
	ok(!is_read(0) && !is_read(1), "of which nothing that was read before will travel");
	get(qemu.fds[0], KVM_REG_ARM_TIMER_CNT);
	ok(is_read(0) && !is_read(1), "but what is read then, vCPU by vCPU");
}

/* Another thread of QEMU is in there, for ever or until somebody takes it away. */
static void leave_vm(void)
{
	vm_leave(vm_known());
}

static void test_busy(void)
{
	uint64_t number, value;
	uint32_t missed;
	int64_t began;

	leave(2, true);
	number = hear()->capture.number;
	missed = hear()->n_missed;
	vm_enter(vm_known());
	began = fake_now;
	value = get(qemu.fds[0], KVM_REG_ARM_TIMER_CNT);
	ok(near((int64_t)value, (int64_t)fake_guest_counter(0), SLACK) && near(fake_now - began, CF_MS, 20 * CF_US) &&
	   hear()->capture.number == number && hear()->n_missed == missed + 1,
	   "while somebody else is in there a reading waits for a millisecond, and is missed, which is told");
	fake_then(fake_now + 700 * CF_US, leave_vm);
	get(qemu.fds[0], KVM_REG_ARM_TIMER_CNT);
	ok(hear()->capture.number == number + 1 && hear()->n_missed == missed + 1, "who is out by then does not keep it");

	arrive(&there);
	vm_enter(vm_known());
	began = fake_now;
	ok(set(qemu.fds[0], KVM_REG_ARM_TIMER_CNT, left.cnt[0]) == 0 && near((int64_t)fake_guest_counter(0), (int64_t)left.cnt[0], SLACK) &&
	   near(fake_now - began, CF_MS, 20 * CF_US), "so does a write, and is left to QEMU");
	fake_then(fake_now + 700 * CF_US, leave_vm);
	ok(load(&left) == 0 && near(ahead_virt(), 0, SLACK) && near(ahead_phys(), 0, SLACK), "or is carried where it need not wait so long");

	vm_enter(vm_known());
	vm_known()->page->wanted++;
	run();
	ok(vm_known()->page->sampled.wanted != vm_known()->page->wanted, "a sample does not wait at all");
	leave_vm();
	run();
	ok(vm_known()->page->sampled.wanted == vm_known()->page->wanted, "it comes with the next call");
}

int main(void)
{
	fake_on(&here);
	start(1);
	ok(vm_known() != NULL, "a vCPU makes the page");
	test_capture();
	test_carried(false);
	test_carried(true);
	test_late();
	test_written();
	test_reread();
	test_unmatched();
	test_kinds();
	test_refusals();
	test_kept();
	test_scratch();
	test_scratch_between();
	test_sample();
	test_busy();
	return done();
}
