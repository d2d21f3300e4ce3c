/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * arm64's part, after arch/arm64/kvm/arch_timer.c of Linux 6.12: both offsets are
 * the VM's, a value written makes the offset of the moment it is written at, and
 * KVM_ARM_SET_COUNTER_OFFSET is for the life of the VM.
 */

#include <errno.h>
#include <sys/ioctl.h>

#include "tests/fake-inside.h"

struct counter_offset {
	uint64_t counter_offset;
	uint64_t reserved;
};
#define SET_COUNTER_OFFSET _IOW(KVMIO, 0xb5, struct counter_offset)

uint64_t fake_guest_counter(int vcpu)
{
	(void)vcpu;
	return fake_counter() - fake_vm.virt;
}

uint64_t fake_guest_clock(void)
{
	return fake_counter() - fake_vm.phys;
}

int fake_vm_call(uint32_t request, void *arg)
{
	if (request != (uint32_t)SET_COUNTER_OFFSET)
		return -ENOTTY;
	fake_vm.virt = fake_vm.phys = ((struct counter_offset *)arg)->counter_offset;
	fake_vm.vm_wide = true;
	return 0;
}

static int one_reg(struct kvm_one_reg *reg, bool set)
{
	uint64_t *value = (uint64_t *)(uintptr_t)reg->addr;
	uint64_t *offset = reg->id == KVM_REG_ARM_TIMER_CNT ? &fake_vm.virt : &fake_vm.phys;

	if (reg->id != KVM_REG_ARM_TIMER_CNT && reg->id != KVM_REG_ARM_PTIMER_CNT)
		return -ENOENT;
	if (!set)
		*value = fake_counter() - *offset;
	else if (fake_kind.no_phys && reg->id == KVM_REG_ARM_PTIMER_CNT)
		return -EINVAL;
	else if (!fake_vm.vm_wide)
		*offset = fake_counter() - *value;
	return 0;
}

int fake_vcpu_call(struct fake_vcpu *vcpu, uint32_t request, void *arg)
{
	(void)vcpu;
	switch (request) {
	case (uint32_t)KVM_RUN:
		fake_now += 1000;
		if (fake_in_guest)
			fake_in_guest();
		return 0;
	case (uint32_t)KVM_ARM_VCPU_INIT: return 0;
	case (uint32_t)KVM_GET_ONE_REG: return one_reg(arg, false);
	case (uint32_t)KVM_SET_ONE_REG: return one_reg(arg, true);
	default: return -ENOTTY;
	}
}
