/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One elapsed time for everything, and all clocks or none.
 *
 * The TSC offsets come first, because KVM takes its master clock from the TSCs
 * when kvmclock is set; each from its own source offset, so that equal ones stay
 * equal to the bit, without which there is no master clock.  Setting an
 * offset does not move a timer that is armed for a TSC value: IA32_TSC_DEADLINE is
 * written back, and KVM arms it anew.  kvmclock is then set with the CLOCK_REALTIME
 * that belongs to it, so that what passes on the way is added by the kernel.
 */

#include "kvm/carry.h"

#include <errno.h>

#include "kvm/instant.h"
#include "kvm/machine.h"
#include "kvm/outcome.h"
#include "policy/counter.h"

#define MSR_IA32_TSC 0x10
#define MSR_IA32_TSC_DEADLINE 0x6e0

/* How far a vCPU's TSC may be from what its offset and scaling make of the host's: TSCs of one host agree far better. */
#define SCALED_SLACK	((cf_span){ 10 * CF_US })

/* How far KVM's own clock may be from where the host's TSC says it is, before it is set. */
#define KEPT_SLACK_NS	(50 * CF_US)
#define KEPT_SLACK_PPM	200

/* How closely RAW is known of two instants. */
#define RAW_WIDTH	((cf_span){ 4 * CF_US })

static void begin(struct vm *vm, const struct kvm_clock_data *data)
{
	outcome_begin(vm, data->clock);
	vm->acted = vm->asked.serial;
	for (uint32_t i = 0; i < vm->n; i++)
		vm->vcpus[i].flags &= ~(CF_KVM_VCPU_SET | CF_KVM_VCPU_DEADLINE);
}

static struct cf_ratio ratio_of(struct cf_kvm_scale scale)
{
	return (struct cf_ratio){ scale.ratio, scale.frac_bits };
}

/* The guest's TSC in Hz; 0 where nobody knows. */
static uint64_t guest_hz(struct vm *vm, struct vcpu *vcpu)
{
	int khz;

	if (vm->asked.guest_hz)
		return vm->asked.guest_hz;
	if (!vcpu->khz) {
		khz = vm_ioctl(vm, vcpu->fd, KVM_GET_TSC_KHZ, NULL);
		vcpu->khz = khz > 0 ? (uint64_t)khz : 0;
	}
	return vcpu->khz * 1000;
}

/* This host's clocks now, and how long the guest has been away. */
static bool anchor(struct vm *vm, const struct kvm_clock_data *data)
{
	const struct cf_kvm_asked *asked = &vm->asked;
	struct cf_kvm_outcome *outcome = &vm->outcome;
	struct kvm_clock_data now = { 0 };
	struct cf_elapsed e = {
		.captured = asked->record.realtime,
		.captured_tai_s = asked->record.tai_s,
		.offset = asked->offset,
	};
	bool clamped;

	if (x86_get_clock(vm, KVM_GET_CLOCK, &now, &outcome->anchor) < 0)
		return outcome_fail(vm, CF_KVM_STEP_ANCHOR, errno);
	e.now = outcome->anchor.realtime;
	e.now_tai_s = outcome->anchor.tai_s;
	/* A value that was foreseen, not captured: on the source it was read that much after the record. */
	e.captured = cf_real_add(e.captured, (cf_span){ (int64_t)(data->clock - asked->record.clock) });
	if (data->clock != asked->record.clock)
		outcome->flags |= CF_KVM_OUTCOME_MAPPED;

	outcome->elapsed = cf_counter_elapsed(&e, &clamped);
	if (clamped)
		outcome->flags |= CF_KVM_OUTCOME_CLAMPED;
	if (cf_span_cmp(outcome->elapsed, asked->limit) > 0)
		return outcome_fail(vm, CF_KVM_STEP_LIMIT, 0);
	return true;
}

/* 1: done; 0, without errno: the vCPU has none of that name, or takes no such value; negative, with errno: the call failed. */
static int one_msr(struct vm *vm, const struct vcpu *vcpu, unsigned long request, uint32_t index, uint64_t *value)
{
	struct {	/* struct kvm_msrs with one entry */
		uint32_t nmsrs, pad;
		struct kvm_msr_entry entry;
	} msrs = { .nmsrs = 1, .entry = { .index = index, .data = *value } };
	int r;

	errno = 0;
	r = vm_ioctl(vm, vcpu->fd, request, &msrs);
	*value = msrs.entry.data;
	return r;
}

/*
 * QEMU gives a vCPU the guest's own frequency with the state that it loads; who looked at its scaling before
 * that saw another, and by then the host has counted for days.  What the TSC shows is right.
 */
static bool is_scaled(struct vm *vm, const struct vcpu *vcpu, int64_t offset, struct cf_ratio ratio, uint64_t hz)
{
	uint64_t slack = cf_counter_ticks(SCALED_SLACK, hz), low, high, tsc = 0;

	low = cf_counter_scaled(machine_counter(), ratio) - slack;
	if (one_msr(vm, vcpu, KVM_GET_MSRS, MSR_IA32_TSC, &tsc) != 1)
		return outcome_fail(vm, CF_KVM_STEP_FREQUENCY, errno);
	high = cf_counter_scaled(machine_counter(), ratio) + slack;
	return tsc - (uint64_t)offset - low <= high - low || outcome_fail(vm, CF_KVM_STEP_FREQUENCY, 0);
}

/* Offsets as they are and as they shall be; *first is the TSC of the first vCPU as it was on the source. */
static bool plan(struct vm *vm, const struct kvm_clock_data *data, struct cf_tsc *first)
{
	const struct cf_kvm_capture *record = &vm->asked.record;
	cf_span passed = cf_span_add((cf_span){ (int64_t)(data->clock - record->clock) }, vm->outcome.elapsed);

	for (uint32_t i = 0; i < vm->n; i++) {
		const struct cf_kvm_asked_vcpu *asked = outcome_asked(vm, i);
		uint64_t hz = guest_hz(vm, &vm->vcpus[i]);
		struct cf_tsc source;

		if (!asked || asked->source.frac_bits > 63 || asked->destination.frac_bits > 63)
			return outcome_fail(vm, CF_KVM_STEP_RECORD, 0);
		if (!hz)
			return outcome_fail(vm, CF_KVM_STEP_FREQUENCY, errno);
		if (x86_offset(vm, &vm->vcpus[i], KVM_GET_DEVICE_ATTR, &vm->before[i]) < 0)
			return outcome_fail(vm, CF_KVM_STEP_OFFSETS, errno);
		if (!is_scaled(vm, &vm->vcpus[i], vm->before[i], ratio_of(asked->destination), hz))
			return false;
		source = (struct cf_tsc){ record->host, ratio_of(asked->source), asked->offset };
		if (i == 0)
			*first = source;
		vm->after[i] = cf_tsc_offset(&source, cf_counter_ticks(passed, hz), vm->outcome.anchor.host,
					     ratio_of(asked->destination));
	}
	return true;
}

/* The timer that waits for a TSC value is armed again with the TSC as it is now. */
static bool rearm(struct vm *vm, struct vcpu *vcpu)
{
	uint64_t deadline = 0;
	int r = one_msr(vm, vcpu, KVM_GET_MSRS, MSR_IA32_TSC_DEADLINE, &deadline);

	/* A vCPU without that kind of timer has nothing that could wait. */
	if (r == 0 || (r == 1 && !deadline))
		return true;
	if (r < 0 || one_msr(vm, vcpu, KVM_SET_MSRS, MSR_IA32_TSC_DEADLINE, &deadline) != 1)
		return false;
	vcpu->flags |= CF_KVM_VCPU_DEADLINE;
	return true;
}

/* As it was, for the first n vCPUs.  A timer that was not armed again is still where it was. */
static void undo(struct vm *vm, uint32_t n)
{
	vm->outcome.flags |= CF_KVM_OUTCOME_UNDONE;
	for (uint32_t i = 0; i < n; i++) {
		bool back = x86_offset(vm, &vm->vcpus[i], KVM_SET_DEVICE_ATTR, &vm->before[i]) == 0;

		if (!back || (vm->vcpus[i].flags & CF_KVM_VCPU_DEADLINE && !rearm(vm, &vm->vcpus[i])))
			vm->outcome.flags |= CF_KVM_OUTCOME_STUCK;
	}
}

/* Where a TSC is not KVM's to set (TDX, SEV-SNP, a paravirtual VM) the write may succeed and do nothing. */
static bool set_offset(struct vm *vm, uint32_t i)
{
	int64_t now = 0;

	if (x86_offset(vm, &vm->vcpus[i], KVM_SET_DEVICE_ATTR, &vm->after[i]) < 0 ||
	    x86_offset(vm, &vm->vcpus[i], KVM_GET_DEVICE_ATTR, &now) < 0)
		return outcome_fail(vm, CF_KVM_STEP_OFFSETS, errno);
	return now == vm->after[i] || outcome_fail(vm, CF_KVM_STEP_OFFSETS, EOPNOTSUPP);
}

static bool set_offsets(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->n; i++)
		if (!set_offset(vm, i)) {
			undo(vm, i + 1);
			return false;
		}
	for (uint32_t i = 0; i < vm->n; i++) {
		if (!rearm(vm, &vm->vcpus[i])) {
			outcome_fail(vm, CF_KVM_STEP_DEADLINES, errno);
			undo(vm, vm->n);
			return false;
		}
		vm->vcpus[i].flags |= CF_KVM_VCPU_SET;
	}
	return true;
}

/* kvmclock, which showed `clock` at the anchor. */
static bool set_clock(struct vm *vm, uint64_t clock)
{
	const struct cf_kvm_capture *anchor = &vm->outcome.anchor;
	struct kvm_clock_data data = {
		.clock = clock,
		.flags = CF_KVM_CLOCK_REALTIME,
		.realtime = (uint64_t)anchor->realtime.ns,
	};

	if (vm_ioctl(vm, vm->fd, KVM_SET_CLOCK, &data) >= 0)
		return true;
	if (errno == EINVAL) {
		/* A kernel that takes no flag: by value, late by the way there. */
		vm->outcome.flags |= CF_KVM_OUTCOME_BY_VALUE;
		data = (struct kvm_clock_data){
			.clock = clock + (uint64_t)cf_real_since(machine_realtime(), anchor->realtime).ns,
		};
		if (vm_ioctl(vm, vm->fd, KVM_SET_CLOCK, &data) >= 0)
			return true;
	}
	return outcome_fail(vm, CF_KVM_STEP_CLOCK, errno);
}

/* What it came to.  That it could not be read changes nothing in what was set. */
static void read_back(struct vm *vm, uint64_t clock, const struct cf_tsc *first)
{
	struct cf_kvm_outcome *outcome = &vm->outcome;
	struct kvm_clock_data data = { 0 };
	int64_t documented;
	cf_span since;

	if (x86_get_clock(vm, KVM_GET_CLOCK, &data, &outcome->readback) < 0)
		return;
	since = cf_real_since(outcome->readback.realtime, outcome->anchor.realtime);
	outcome->residual.ns = (int64_t)(outcome->readback.clock - clock) - since.ns;
	outcome->residual_width = cf_span_add(outcome->anchor.width, outcome->readback.width);
	if (outcome->readback.flags & CF_KVM_CLOCK_STABLE)
		outcome->flags |= CF_KVM_OUTCOME_STABLE;

	documented = cf_tsc_offset_by_kvmclock(first, vm->asked.record.clock, outcome->readback.host,
					       outcome->readback.clock, guest_hz(vm, &vm->vcpus[0]));
	outcome->routes = cf_counter_distance((uint64_t)documented, (uint64_t)vm->after[0],
					      guest_hz(vm, &vm->vcpus[0]));
	outcome->flags |= CF_KVM_OUTCOME_READ;
}

/* Before anything is touched. */
static bool may_act(struct vm *vm)
{
	if (vm->flags & CF_KVM_VM_ITSELF)
		return outcome_fail(vm, CF_KVM_STEP_ITSELF, 0);
	if (!vm_descriptors(vm))
		return outcome_fail(vm, CF_KVM_STEP_DESCRIPTORS, 0);
	if (vm_running(vm))
		return outcome_fail(vm, CF_KVM_STEP_RUNNING, 0);
	return true;
}

bool x86_carry(struct vm *vm, const struct kvm_clock_data *data)
{
	const struct cf_kvm_asked *asked = &vm->asked;
	struct cf_tsc first = { 0 };
	uint64_t clock;

	/* A window need not be wrapped; and the value has to be one that can travel. */
	if (data->clock < asked->clock_low || data->clock > asked->clock_high)
		return false;
	begin(vm, data);
	if (!may_act(vm) || !anchor(vm, data) || !plan(vm, data, &first) || !set_offsets(vm))
		return outcome_end(vm, CF_KVM_LEFT);
	clock = data->clock + (uint64_t)vm->outcome.elapsed.ns;
	if (!set_clock(vm, clock)) {
		undo(vm, vm->n);
		return outcome_end(vm, CF_KVM_LEFT);
	}
	read_back(vm, clock, &first);
	return outcome_end(vm, CF_KVM_CARRIED);
}

/*
 * The guest stays, and QEMU is about to set its kvmclock back to where it stopped.
 * KVM's own never did: it is the same line it was, which no setting could give
 * back to the bit.  So it is held against the host's TSC, and set only if it is
 * not where that says it should be.  The TSC counted all the time.  Where nobody said
 * how fast the host's counts, RAW has to do: the guest's own may be scaled.
 */
bool x86_keep(struct vm *vm, const struct kvm_clock_data *data)
{
	const struct cf_kvm_capture *then = &vm->capture;
	struct cf_kvm_outcome *outcome = &vm->outcome;
	struct kvm_clock_data now = { 0 };
	uint64_t hz = vm->asked.host_hz;
	cf_span slack;
	uint64_t clock;

	if (!then->number || data->clock != then->clock)
		return false;
	begin(vm, data);
	if (!may_act(vm))
		return outcome_end(vm, CF_KVM_LEFT);
	if (x86_get_clock(vm, KVM_GET_CLOCK, &now, &outcome->anchor) < 0) {
		outcome_fail(vm, CF_KVM_STEP_ANCHOR, errno);
		return outcome_end(vm, CF_KVM_LEFT);
	}
	outcome->elapsed = hz ? cf_counter_time(outcome->anchor.host - then->host, hz)
			      : cf_mono_since(outcome->anchor.raw, then->raw);
	clock = then->clock + (uint64_t)outcome->elapsed.ns;
	outcome->readback = outcome->anchor;
	outcome->residual.ns = (int64_t)(now.clock - clock);
	outcome->residual_width = cf_span_add(outcome->anchor.width, then->width);
	if (!hz)
		outcome->residual_width = cf_span_add(outcome->residual_width, RAW_WIDTH);
	outcome->flags |= CF_KVM_OUTCOME_READ | (now.flags & CF_KVM_CLOCK_STABLE ? CF_KVM_OUTCOME_STABLE : 0);

	slack = cf_span_add((cf_span){ KEPT_SLACK_NS }, cf_span_ppm(outcome->elapsed, KEPT_SLACK_PPM));
	slack = cf_span_add(slack, outcome->residual_width);
	if (cf_span_cmp(cf_span_abs(outcome->residual), slack) <= 0)
		return outcome_end(vm, CF_KVM_KEPT);
	if (!set_clock(vm, clock))
		return outcome_end(vm, CF_KVM_LEFT);
	return outcome_end(vm, CF_KVM_KEPT);
}
