/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * arm64: CNTVCT, and CNTPCT where the kernel lets it be set (Linux 6.4 and later).
 *
 * A guest's counter is the host's minus an offset of the whole VM, which no call
 * tells: it is read as the distance of two counters, one of them read on either side of
 * the other, often enough to be narrow.  QEMU writes counters by value: each vCPU
 * the value that it read when the guest stopped, both when it loads a guest and,
 * with adjvtime, when the guest is to run.  An offset is right whenever it is set,
 * so that any of those writes is replaced by one that leads to the offset wanted:
 * by value too, computed at that instant, read back, and done again until what is
 * left is less than what can be seen.
 *
 * KVM_ARM_SET_COUNTER_OFFSET would be exact, but gives both counters one offset,
 * and sticks for the life of the VM: a guest that stock QEMU made has
 * CNTPCT at the host's and CNTVCT elsewhere, and would see one of them jump.  It is
 * used only for a guest that had one offset for both already.
 */

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "kvm/arch.h"
#include "kvm/cnt.h"
#include "kvm/instant.h"
#include "kvm/machine.h"
#include "kvm/outcome.h"
#include "kvm/page.h"
#include "policy/counter.h"

/* Of Linux 6.4 and 6.16. */
struct counter_offset {
	uint64_t counter_offset;
	uint64_t reserved;
};
#define SET_COUNTER_OFFSET	_IOW(KVMIO, 0xb5, struct counter_offset)
#define VCPU_HAS_EL2		7

/* The source */

static bool is_counter(uint64_t id)
{
	return id == KVM_REG_ARM_TIMER_CNT || id == KVM_REG_ARM_PTIMER_CNT;
}

static struct counter *counter_of(struct vm *vm, uint64_t id)
{
	return id == KVM_REG_ARM_TIMER_CNT ? &vm->virt : &vm->phys;
}

static void note_value(struct vm *vm, struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	if (id == KVM_REG_ARM_PTIMER_CNT) {
		vcpu->pcnt = value;
		vcpu->flags |= CF_KVM_VCPU_PCNT;
		return;
	}
	if (vcpu->ran || !(vcpu->flags & CF_KVM_VCPU_CNT))
		vcpu->cnt = value;
	vcpu->cnt_last = value;
	if (vcpu->ran)
		vcpu->flags &= ~CF_KVM_VCPU_WRITTEN;
	vm->has_run = vm->has_run || vcpu->ran;
	vcpu->ran = false;
	vcpu->flags |= CF_KVM_VCPU_CNT;
}

/* QEMU reads a counter of a vCPU that is not in the guest. */
static int on_get(struct vm *vm, struct vcpu *vcpu, unsigned long request, struct kvm_one_reg *one)
{
	struct counter *counter = counter_of(vm, one->id);
	struct cf_kvm_capture at = { 0 };
	int kept = errno, r;
	uint64_t value;

	if (!vm_enter_soon(vm)) {
		vm->page->said.n_missed++;
		return machine_ioctl(vcpu->fd, request, one);
	}
	instant_read(&at);
	r = machine_ioctl(vcpu->fd, request, one);
	if (r == 0) {
		memcpy(&value, (const void *)(uintptr_t)one->addr, sizeof(value));
		cnt_narrow(counter, (struct cf_kvm_counter){ at.host - value, machine_counter() - value });
		cnt_settle(vm, vcpu, one->id, counter);
		note_value(vm, vcpu, one->id, value);
		/* What the guest's counter shows at the instant read: its offset is known better than the value's moment. */
		at.clock = at.host - cnt_middle(vm->virt.offset);
		vm->capture = at;
		if (vm->virt.known)
			page_tell_capture(vm);
		errno = kept;
	}
	vm_leave(vm);
	return r;
}

/* The destination */

/* From here on it shows whether the guest has run.  What was read and written of a vCPU before it ran is of no use. */
static void begin_to_stand(struct vm *vm)
{
	vm->has_run = false;
	for (uint32_t i = 0; i < vm->n; i++) {
		if (vm->vcpus[i].ran)
			vm->vcpus[i].flags &= ~(CF_KVM_VCPU_CNT | CF_KVM_VCPU_WRITTEN);
		vm->vcpus[i].ran = false;
	}
}

static bool has_run(const struct vm *vm)
{
	if (vm->has_run)
		return true;
	for (uint32_t i = 0; i < vm->n; i++)
		if (vm->vcpus[i].ran)
			return true;
	return false;
}

static bool may_act(struct vm *vm)
{
	if (vm->flags & CF_KVM_VM_PROTECTED)
		return outcome_fail(vm, CF_KVM_STEP_PROTECTED, 0);
	if (vm->flags & CF_KVM_VM_NESTED)
		return outcome_fail(vm, CF_KVM_STEP_NESTED, 0);
	if (!vm_descriptors(vm))
		return outcome_fail(vm, CF_KVM_STEP_DESCRIPTORS, 0);
	if (vm_running(vm))
		return outcome_fail(vm, CF_KVM_STEP_RUNNING, 0);
	if (!(vm->asked.flags & CF_KVM_ASKED_VIRT))
		return outcome_fail(vm, CF_KVM_STEP_RECORD, 0);
	if (vm->asked.guest_hz != machine_counter_hz())
		return outcome_fail(vm, CF_KVM_STEP_FREQUENCY, 0);
	return true;
}

/* The offsets that the counters shall have: once for an arming, whatever is written how often. */
static bool aim(struct vm *vm)
{
	const struct cf_kvm_asked *asked = &vm->asked;
	struct cf_kvm_outcome *outcome = &vm->outcome;
	struct cf_elapsed e = {
		.captured = asked->record.realtime,
		.captured_tai_s = asked->record.tai_s,
		.offset = asked->offset,
	};
	uint64_t ticks;
	bool clamped;

	instant_read(&outcome->anchor);
	e.now = outcome->anchor.realtime;
	e.now_tai_s = outcome->anchor.tai_s;
	outcome->elapsed = cf_counter_elapsed(&e, &clamped);
	if (clamped)
		outcome->flags |= CF_KVM_OUTCOME_CLAMPED;
	if (cf_span_cmp(outcome->elapsed, asked->limit) > 0)
		return outcome_fail(vm, CF_KVM_STEP_LIMIT, 0);
	ticks = cf_counter_ticks(outcome->elapsed, asked->guest_hz);
	vm->target_virt = cf_cnt_offset(asked->record.host, cnt_middle(asked->virt), ticks, outcome->anchor.host);
	vm->target_phys = cf_cnt_offset(asked->record.host, cnt_middle(asked->phys), ticks, outcome->anchor.host);
	vm->targets = asked->serial;
	begin_to_stand(vm);
	return true;
}

/* Had the guest one offset for both counters? */
static bool has_one_offset(const struct cf_kvm_asked *asked)
{
	return asked->flags & CF_KVM_ASKED_PHYS && (int64_t)(asked->phys.low - asked->virt.high) <= 0 &&
	       (int64_t)(asked->virt.low - asked->phys.high) <= 0;
}

static bool set_vm_wide(struct vm *vm, const struct vcpu *vcpu)
{
	struct counter_offset one = { .counter_offset = vm->target_virt };

	if (!has_one_offset(&vm->asked) || vm_ioctl(vm, vm->fd, SET_COUNTER_OFFSET, &one) < 0)
		return false;
	vm->virt = vm->phys = (struct counter){ 0 };
	cnt_settle(vm, vcpu, KVM_REG_ARM_TIMER_CNT, &vm->virt);
	cnt_settle(vm, vcpu, KVM_REG_ARM_PTIMER_CNT, &vm->phys);
	vm->outcome.flags |= CF_KVM_OUTCOME_VM_WIDE | CF_KVM_OUTCOME_PHYS;
	return true;
}

/* CNTPCT is carried where it can be; where it cannot, CNTVCT is carried all the same. */
static void set_phys(struct vm *vm, const struct vcpu *vcpu)
{
	if (!(vm->asked.flags & CF_KVM_ASKED_PHYS))
		return;
	if (cnt_set(vm, vcpu, KVM_REG_ARM_PTIMER_CNT, &vm->phys, vm->target_phys))
		vm->outcome.flags |= CF_KVM_OUTCOME_PHYS;
	else
		vm->phys = (struct counter){ 0 };
}

static cf_span residual(const struct vm *vm, const struct counter *counter, uint64_t target)
{
	/* An offset that is too large is a counter that is behind. */
	return cf_counter_distance(target, cnt_middle(counter->offset), vm->asked.guest_hz);
}

static void read_back(struct vm *vm)
{
	struct cf_kvm_outcome *outcome = &vm->outcome;

	instant_read(&outcome->readback);
	outcome->readback.clock = outcome->readback.host - cnt_middle(vm->virt.offset);
	outcome->residual = residual(vm, &vm->virt, vm->target_virt);
	outcome->residual_width = cf_counter_time(cnt_width(&vm->virt), vm->asked.guest_hz);
	outcome->flags |= CF_KVM_OUTCOME_READ;
	if (outcome->flags & CF_KVM_OUTCOME_PHYS)
		outcome->residual_phys = residual(vm, &vm->phys, vm->target_phys);
}

static bool set_both(struct vm *vm, const struct vcpu *vcpu)
{
	if (set_vm_wide(vm, vcpu))
		return true;
	if (!cnt_set(vm, vcpu, KVM_REG_ARM_TIMER_CNT, &vm->virt, vm->target_virt))
		return outcome_fail(vm, CF_KVM_STEP_OFFSETS, errno);
	set_phys(vm, vcpu);
	return true;
}

/* Nothing that QEMU wrote before is left: the offset is the VM's. */
static void forget_written(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->n; i++)
		vm->vcpus[i].flags &= ~CF_KVM_VCPU_WRITTEN;
}

static bool carry(struct vm *vm, const struct vcpu *vcpu, uint64_t clock)
{
	bool again = vm->targets == vm->asked.serial;

	/* Once the guest has run, the same value again is a snapshot that is loaded. */
	if (again && has_run(vm)) {
		vm->acted = vm->asked.serial;
		return false;
	}
	if (again && vm->carried)
		return true;
	outcome_begin(vm, clock);
	if (!may_act(vm) || (!again && !aim(vm)) || !set_both(vm, vcpu))
		return outcome_end(vm, CF_KVM_LEFT);
	vm->carried = true;
	forget_written(vm);
	read_back(vm);
	return outcome_end(vm, CF_KVM_CARRIED);
}

/* One of the values that this vCPU showed on the source. */
static bool travelled(const struct vm *vm, const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	const struct cf_kvm_asked_vcpu *asked = outcome_asked(vm, (uint32_t)(vcpu - vm->vcpus));

	if (!asked)
		return false;
	if (id == KVM_REG_ARM_PTIMER_CNT)
		return value == asked->pcnt && vm->asked.flags & CF_KVM_ASKED_PHYS;
	return value == asked->cnt || value == asked->cnt_last;
}

/*
 * The guest stays, and QEMU is about to set its counter back to where it stopped.
 * The offset is still what it was; leaving it alone is all there is to do.
 */
static bool keep(struct vm *vm, const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	uint64_t hz = machine_counter_hz();
	bool again = vm->outcome.serial == vm->asked.serial;

	if (id != KVM_REG_ARM_TIMER_CNT || vcpu->ran || !(vcpu->flags & CF_KVM_VCPU_CNT) ||
	    (value != vcpu->cnt && value != vcpu->cnt_last))
		return false;
	/* Once the guest has run, somebody has paused it. */
	if (again && has_run(vm)) {
		vm->acted = vm->asked.serial;
		return false;
	}
	if (again)
		return vm->outcome.result == CF_KVM_KEPT;
	outcome_begin(vm, value);
	begin_to_stand(vm);
	if (vm->flags & (CF_KVM_VM_PROTECTED | CF_KVM_VM_NESTED))
		return outcome_fail(vm, vm->flags & CF_KVM_VM_NESTED ? CF_KVM_STEP_NESTED : CF_KVM_STEP_PROTECTED, 0) ||
		       outcome_end(vm, CF_KVM_LEFT);
	instant_read(&vm->outcome.anchor);
	vm->outcome.anchor.clock = vm->outcome.anchor.host - cnt_middle(vm->virt.offset);
	vm->outcome.elapsed = cf_counter_distance(vm->outcome.anchor.clock, value, hz);
	return outcome_end(vm, CF_KVM_KEPT);
}

static bool is_carried(const struct vm *vm, uint64_t id)
{
	return vm->carried && (id == KVM_REG_ARM_TIMER_CNT || vm->asked.flags & CF_KVM_ASKED_PHYS);
}

/*
 * The counter is where it shall be, and the guest has not run since: what QEMU writes now is of the load that brought
 * it there, of a vCPU whose value was read anew at the source after it had been told, or is CNTPCT once more (QEMU
 * before 7.2.6).  As the offset is the VM's, it would move that of every vCPU.
 */
static bool holds(const struct vm *vm, uint64_t id)
{
	return is_carried(vm, id) && !has_run(vm);
}

/* As it came; and the offset is what the value makes it, as closely as the call is short. */
static int pass(struct vm *vm, const struct vcpu *vcpu, unsigned long request, struct kvm_one_reg *one)
{
	uint64_t before = machine_counter(), value;
	int r = machine_ioctl(vcpu->fd, request, one);

	if (r == 0) {
		memcpy(&value, (const void *)(uintptr_t)one->addr, sizeof(value));
		*counter_of(vm, one->id) = (struct counter){
			.known = true, .offset = { before - value, machine_counter() - value },
		};
		vm->carried = vm->carried && !is_carried(vm, one->id);
	}
	return r;
}

/*
 * QEMU is about to write past us.  With kvm-no-adjvtime what it loads it never writes again, so that an agent
 * that arms after that has to know of it.
 */
static void note_written(struct vm *vm, struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	if (id != KVM_REG_ARM_TIMER_CNT)
		return;
	vcpu->offset = (int64_t)value;
	vcpu->flags |= CF_KVM_VCPU_WRITTEN;
	page_tell_vcpu(vm, vcpu);
}

static bool is_asked(struct vm *vm)
{
	return !page_unarmed(vm) && page_asked(vm);
}

/* Armed: is it done, one way or the other? */
static bool replaced(struct vm *vm, struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	if (vm->asked.direction == CF_KVM_SOURCE)
		return keep(vm, vcpu, id, value);
	return travelled(vm, vcpu, id, value) ? carry(vm, vcpu, value) : holds(vm, id);
}

/* QEMU writes a counter.  What is not ours goes on as it came, and moves the offset. */
static int on_set(struct vm *vm, struct vcpu *vcpu, unsigned long request, struct kvm_one_reg *one)
{
	int kept = errno, r;
	uint64_t value;
	bool asked, done;

	if (!vm_enter_soon(vm))
		return machine_ioctl(vcpu->fd, request, one);
	memcpy(&value, (const void *)(uintptr_t)one->addr, sizeof(value));
	asked = is_asked(vm);
	done = asked && replaced(vm, vcpu, one->id, value);
	if (!done)
		note_written(vm, vcpu, one->id, value);
	if (!asked && is_asked(vm))	/* an agent that has armed meanwhile may have looked before that was there */
		done = replaced(vm, vcpu, one->id, value);
	if (done)
		vcpu->flags &= ~CF_KVM_VCPU_WRITTEN;
	errno = kept;
	r = done ? 0 : pass(vm, vcpu, request, one);
	vm_leave(vm);
	return r;
}

static void on_init(struct vm *vm, const struct kvm_vcpu_init *init)
{
	if (init->features[0] >> VCPU_HAS_EL2 & 1)
		__atomic_or_fetch(&vm->flags, CF_KVM_VM_NESTED, __ATOMIC_RELAXED);
}

bool arch_call(struct vm *vm, int fd, unsigned long request, void *arg, int *ret)
{
	struct vcpu *vcpu = vm_vcpu(vm, fd);
	struct kvm_one_reg *one = arg;

	if (!vcpu)
		return false;
	switch ((uint32_t)request) {
	case (uint32_t)KVM_GET_ONE_REG:
		if (!is_counter(one->id))
			return false;
		*ret = on_get(vm, vcpu, request, one);
		return true;
	case (uint32_t)KVM_SET_ONE_REG:
		if (!is_counter(one->id))
			return false;
		*ret = on_set(vm, vcpu, request, one);
		return true;
	case (uint32_t)KVM_ARM_VCPU_INIT:
		on_init(vm, arg);
		return false;
	default:
		return false;
	}
}

bool arch_furnishes(struct vm *vm, unsigned long request, const void *arg)
{
	if ((uint32_t)request != (uint32_t)KVM_ARM_VCPU_INIT)
		return false;
	on_init(vm, arg);
	return true;
}

/* The offset is the map, and stays what it is while the guest runs. */
bool arch_sample(struct vm *vm, struct cf_kvm_capture *ret)
{
	if (!vm->virt.known)
		return false;
	instant_read(ret);
	ret->clock = ret->host - cnt_middle(vm->virt.offset);
	return true;
}
