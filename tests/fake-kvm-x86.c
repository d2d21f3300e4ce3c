/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * x86's part, after arch/x86/kvm/x86.c of Linux 6.12: kvm_synchronize_tsc(),
 * kvm_track_tsc_matching(), kvm_vm_ioctl_set_clock(), start_sw_tscdeadline().
 */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/fake-inside.h"

#define MSR_IA32_TSC		0x10
#define MSR_IA32_TSC_DEADLINE	0x6e0
#define FLAGS			(UINT32_C(14))

static uint64_t scaled(uint64_t host)
{
	return fake_kind.ratio ? (uint64_t)((unsigned __int128)host * fake_kind.ratio >> 48) : host;
}

uint64_t fake_guest_counter(int vcpu)
{
	return scaled(fake_counter()) + (uint64_t)fake_vm.vcpus[vcpu].offset;
}

uint64_t fake_guest_clock(void)
{
	return (uint64_t)(fake_raw() + fake_vm.kvmclock_offset);
}

int64_t fake_guest_offset(int vcpu)
{
	return fake_vm.vcpus[vcpu].offset;
}

bool fake_master(void)
{
	return fake_vm.master;
}

int64_t fake_timer(int vcpu)
{
	return fake_vm.vcpus[vcpu].fires;
}

static void update_master(void)
{
	fake_vm.master = !fake_kind.no_master && fake_vm.matched + 1 == fake_vm.n;
}

static void track(struct fake_vcpu *vcpu, int64_t offset, uint64_t tsc, bool matched)
{
	fake_vm.last_ns = fake_raw();
	fake_vm.last_write = tsc;
	fake_vm.last_khz = vcpu->khz;
	fake_vm.last_offset = offset;
	vcpu->offset = offset;
	if (!matched) {
		fake_vm.generation++;
		fake_vm.current_offset = offset;
		fake_vm.matched = 0;
	} else if (vcpu->generation != fake_vm.generation) {
		fake_vm.matched++;
	}
	vcpu->generation = fake_vm.generation;
}

/* By value: what comes within a second of what the last one would be by now is taken for the same. */
static void write_tsc(struct fake_vcpu *vcpu, uint64_t data)
{
	int64_t offset = (int64_t)(data - scaled(fake_counter()));
	uint64_t hz = vcpu->khz * 1000, passed = (uint64_t)(fake_raw() - fake_vm.last_ns);
	uint64_t expected = fake_vm.last_write + (uint64_t)((unsigned __int128)passed * hz / CF_S);
	bool same = data == 0 || (data < expected + hz && data + hz > expected);

	same = same && fake_vm.last_khz == vcpu->khz;
	track(vcpu, same ? fake_vm.current_offset : offset, data, same);
}

static int write_offset(struct fake_vcpu *vcpu, int64_t offset)
{
	bool same = fake_vm.last_khz == vcpu->khz && fake_vm.last_offset == offset;

	if (!fake_kind.deaf)
		track(vcpu, offset, scaled(fake_counter()) + (uint64_t)offset, same);
	return 0;
}

static void arm(struct fake_vcpu *vcpu, uint64_t deadline)
{
	uint64_t now = scaled(fake_counter()) + (uint64_t)vcpu->offset;
	uint64_t left = deadline > now ? deadline - now : 0;

	vcpu->deadline = deadline;
	vcpu->fires = deadline ? fake_now + (int64_t)((unsigned __int128)left * 1000000 / vcpu->khz) : -1;
}

static int msrs(struct fake_vcpu *vcpu, struct kvm_msrs *all, bool set)
{
	struct kvm_msr_entry *entry = all->entries;

	if (entry->index == MSR_IA32_TSC_DEADLINE && fake_kind.no_deadline)
		return 0;
	if (entry->index == MSR_IA32_TSC && set)
		write_tsc(vcpu, entry->data);
	else if (entry->index == MSR_IA32_TSC)
		entry->data = scaled(fake_counter()) + (uint64_t)vcpu->offset;
	else if (entry->index == MSR_IA32_TSC_DEADLINE && set)
		arm(vcpu, entry->data);
	else if (entry->index == MSR_IA32_TSC_DEADLINE)
		entry->data = vcpu->deadline;
	else
		return 0;
	return 1;
}

static int set_clock(const struct kvm_clock_data *data)
{
	uint64_t clock = data->clock;
	int64_t now = fake_real();

	if (data->flags & ~(fake_kind.old ? 0 : FLAGS))
		return -EINVAL;
	update_master();
	/* Forward only. */
	if (data->flags & 4 && now > (int64_t)data->realtime)
		clock += (uint64_t)(now - (int64_t)data->realtime);
	fake_vm.kvmclock_offset = (int64_t)clock - fake_raw();
	return 0;
}

static int get_clock(struct kvm_clock_data *data)
{
	memset(data, 0, sizeof(*data));
	data->clock = fake_guest_clock();
	if (!fake_vm.master)
		return 0;
	data->flags = fake_kind.old ? 2 : FLAGS;
	if (!fake_kind.old) {
		data->realtime = (uint64_t)fake_real();
		data->host_tsc = fake_counter();
	}
	return 0;
}

int fake_vm_call(uint32_t request, void *arg)
{
	switch (request) {
	case (uint32_t)KVM_GET_CLOCK: return get_clock(arg);
	case (uint32_t)KVM_SET_CLOCK: return set_clock(arg);
	default: return -ENOTTY;
	}
}

static int attribute(struct fake_vcpu *vcpu, const struct kvm_device_attr *attr, bool set)
{
	int64_t *offset = (int64_t *)(uintptr_t)attr->addr;

	if (fake_kind.old || attr->group || attr->attr)
		return -ENXIO;
	if (set)
		return write_offset(vcpu, *offset);
	*offset = vcpu->offset;
	return 0;
}

static int enter(struct fake_vcpu *vcpu)
{
	(void)vcpu;
	update_master();
	fake_now += 1000;
	if (fake_in_guest)
		fake_in_guest();
	return 0;
}

int fake_vcpu_call(struct fake_vcpu *vcpu, uint32_t request, void *arg)
{
	switch (request) {
	case (uint32_t)KVM_RUN: return enter(vcpu);
	case (uint32_t)KVM_SET_CPUID2: return 0;
	case (uint32_t)KVM_GET_TSC_KHZ: return (int)vcpu->khz;
	case (uint32_t)KVM_SET_TSC_KHZ: vcpu->khz = (unsigned long)arg; return 0;
	case (uint32_t)KVM_GET_MSRS: return msrs(vcpu, arg, false);
	case (uint32_t)KVM_SET_MSRS: return msrs(vcpu, arg, true);
	case (uint32_t)KVM_GET_DEVICE_ATTR: return attribute(vcpu, arg, false);
	case (uint32_t)KVM_SET_DEVICE_ATTR: return attribute(vcpu, arg, true);
	default: return -ENOTTY;
	}
}
