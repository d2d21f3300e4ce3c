/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * x86: kvmclock and the TSC of every vCPU (Linux 5.16 and later).
 *
 * QEMU reads kvmclock when the guest stops and again when it saves the device,
 * and writes that value when the guest is to run; in between no time passes for
 * the guest.  At both readings KVM gives host TSC and CLOCK_REALTIME of the same
 * instant, and the TSC offsets are read beside them.  Before the write the offsets
 * are made such that each vCPU's TSC has gone on by the elapsed time, and
 * kvmclock is set as if it had, too.
 */

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "kvm/arch.h"
#include "kvm/carry.h"
#include "kvm/instant.h"
#include "kvm/machine.h"
#include "kvm/page.h"

/* linux/kvm.h has them since 5.16. */
#define TSC_CTRL	0
#define TSC_OFFSET	0

int x86_offset(struct vm *vm, const struct vcpu *vcpu, unsigned long request, int64_t *offset)
{
	struct kvm_device_attr attr = { .group = TSC_CTRL, .attr = TSC_OFFSET, .addr = (uintptr_t)offset };

	return vm_ioctl(vm, vcpu->fd, request, &attr);
}

int x86_get_clock(struct vm *vm, unsigned long request, struct kvm_clock_data *data, struct cf_kvm_capture *ret)
{
	const uint32_t both = CF_KVM_CLOCK_REALTIME | CF_KVM_CLOCK_HOST;
	struct cf_kvm_capture at = { 0 }, after = { 0 };
	int r;

	instant_read(&at);
	r = vm_ioctl(vm, vm->fd, request, data);
	if (r < 0)
		return r;
	if ((data->flags & both) == both) {
		at.host = data->host_tsc;
		at.realtime = (cf_real){ (int64_t)data->realtime };
		at.flags = 0;
		instant_complete(&at);
	} else {
		/* Halfway between two instants around it. */
		instant_read(&after);
		at.host += (after.host - at.host) / 2;
		at.realtime.ns += cf_real_since(after.realtime, at.realtime).ns / 2;
		at.width = cf_span_add(cf_mono_since(after.raw, at.raw), cf_span_add(at.width, after.width));
		at.raw.ns += cf_mono_since(after.raw, at.raw).ns / 2;
	}
	at.clock = data->clock;
	at.flags |= data->flags & (both | CF_KVM_CLOCK_STABLE);
	*ret = at;
	return r;
}

/* What a kernel says that has no such thing; any other error is one of the moment. */
static bool is_lacking(int error)
{
	return error == ENXIO || error == EINVAL || error == ENOTTY;
}

static void note_offsets(struct vm *vm, bool lacks, bool all)
{
	if (lacks)
		__atomic_or_fetch(&vm->flags, CF_KVM_VM_NO_OFFSETS, __ATOMIC_RELAXED);
	else if (all)
		__atomic_and_fetch(&vm->flags, ~CF_KVM_VM_NO_OFFSETS, __ATOMIC_RELAXED);
}

/* Only of a guest that stands: a vCPU in the guest would be waited for. */
static void read_vcpus(struct vm *vm)
{
	bool can = !vm_running(vm) && vm_descriptors(vm), all = can, lacks = false;

	for (uint32_t i = 0; i < vm->n; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];
		int khz;

		vcpu->flags = 0;
		if (!can)
			continue;
		if (x86_offset(vm, vcpu, KVM_GET_DEVICE_ATTR, &vcpu->offset) < 0) {
			lacks = lacks || is_lacking(errno);
			all = false;
			continue;
		}
		khz = vcpu->khz ? (int)vcpu->khz : vm_ioctl(vm, vcpu->fd, KVM_GET_TSC_KHZ, NULL);
		vcpu->khz = khz > 0 ? (uint64_t)khz : 0;
		vcpu->flags = CF_KVM_VCPU_OFFSET;
	}
	note_offsets(vm, lacks, all);
}

/* QEMU reads kvmclock: of a guest that stops, or whose device is saved. */
static int on_get_clock(struct vm *vm, unsigned long request, struct kvm_clock_data *data)
{
	struct cf_kvm_capture at;
	int kept = errno, r;

	if (!vm_enter_soon(vm)) {
		vm->page->said.n_missed++;
		return machine_ioctl(vm->fd, request, data);
	}
	r = x86_get_clock(vm, request, data, &at);
	if (r >= 0) {
		vm->capture = at;
		read_vcpus(vm);
		page_tell_capture(vm);
		errno = kept;
	}
	vm_leave(vm);
	return r;
}

/* QEMU writes kvmclock.  What is not ours goes on as it came. */
static int on_set_clock(struct vm *vm, unsigned long request, struct kvm_clock_data *data)
{
	int kept = errno, r = -1;
	bool done = false;

	if (page_unarmed(vm) || !vm_enter_soon(vm))
		return machine_ioctl(vm->fd, request, data);
	if (page_asked(vm))
		done = vm->asked.direction == CF_KVM_SOURCE ? x86_keep(vm, data) : x86_carry(vm, data);
	errno = kept;
	if (!done)
		r = machine_ioctl(vm->fd, request, data);
	vm_leave(vm);
	return done ? 0 : r;
}

/* Nobody but a QEMU that corrects by itself sets TSC offsets. */
static bool sets_offset(const struct vm *vm, int fd, const struct kvm_device_attr *attr)
{
	for (uint32_t i = 0; i < vm->n; i++)
		if (vm->vcpus[i].fd == fd)
			return attr->group == TSC_CTRL && attr->attr == TSC_OFFSET;
	return false;
}

bool arch_call(struct vm *vm, int fd, unsigned long request, void *arg, int *ret)
{
	struct vcpu *vcpu;

	switch ((uint32_t)request) {
	case (uint32_t)KVM_GET_CLOCK:
		if (fd != vm->fd)
			return false;
		*ret = on_get_clock(vm, request, arg);
		return true;
	case (uint32_t)KVM_SET_CLOCK:
		if (fd != vm->fd)
			return false;
		if (((struct kvm_clock_data *)arg)->flags & CF_KVM_CLOCK_REALTIME)
			__atomic_or_fetch(&vm->flags, CF_KVM_VM_ITSELF, __ATOMIC_RELAXED);
		*ret = on_set_clock(vm, request, arg);
		return true;
	case (uint32_t)KVM_SET_DEVICE_ATTR:
		if (sets_offset(vm, fd, arg))
			__atomic_or_fetch(&vm->flags, CF_KVM_VM_ITSELF, __ATOMIC_RELAXED);
		return false;
	case (uint32_t)KVM_SET_TSC_KHZ:
		vcpu = vm_vcpu(vm, fd);
		if (vcpu)
			vcpu->khz = 0;
		return false;
	default:
		return false;
	}
}

/* Nobody gives a vCPU features who does not mean to run it. */
bool arch_furnishes(struct vm *vm, unsigned long request, const void *arg)
{
	(void)vm;
	(void)arg;
	return (uint32_t)request == (uint32_t)KVM_SET_CPUID2;
}

bool arch_sample(struct vm *vm, struct cf_kvm_capture *ret)
{
	struct kvm_clock_data data = { 0 };
	char name[32];

	return machine_descriptor(vm->fd, name, sizeof(name)) && strcmp(name, "anon_inode:kvm-vm") == 0 &&
	       x86_get_clock(vm, KVM_GET_CLOCK, &data, ret) >= 0;
}
