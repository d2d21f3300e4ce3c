/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A QEMU that makes its calls into KVM as QEMU does, x86; two hosts; and the guest that stayed. */

#include <string.h>
#include <sys/ioctl.h>

#include "tests/fake-inside.h"

#define MSR_IA32_TSC		0x10
#define MSR_IA32_TSC_DEADLINE	0x6e0

/* QEMU hands requests on as int. */
#define call(fd, request, ...) ioctl(fd, (unsigned long)(int)(request), __VA_ARGS__)

static const struct fake_host here = { .counter = UINT64_C(7000000000000), .hz = UINT64_C(2500000000),
				       .realtime = INT64_C(1700000000) * CF_S, .raw = 4000 * CF_S, .tai_s = 37 };
static const struct fake_host there = { .counter = UINT64_C(123000000000), .hz = UINT64_C(2500000000),
					.realtime = INT64_C(1700000000) * CF_S + 5 * CF_MS, .raw = 90 * CF_S,
					.tai_s = 37 };

/* A QEMU */

static struct qemu {
	int vm, n, fds[FAKE_VCPUS];
	uint64_t clock, tsc[FAKE_VCPUS], deadline[FAKE_VCPUS], khz[FAKE_VCPUS];
} qemu;

static inline uint64_t msr(int fd, uint32_t index, bool set, uint64_t value)
{
	struct {	/* struct kvm_msrs with one entry */
		uint32_t nmsrs, pad;
		struct kvm_msr_entry entry;
	} one = { .nmsrs = 1, .entry = { .index = index, .data = value } };

	call(fd, set ? KVM_SET_MSRS : KVM_GET_MSRS, &one);
	return one.entry.data;
}

static inline void start(int n)
{
	qemu = (struct qemu){ .vm = call(3, KVM_CREATE_VM, 0), .n = n };
	for (int i = 0; i < n; i++) {
		qemu.fds[i] = call(qemu.vm, KVM_CREATE_VCPU, (unsigned long)i * 2);
		call(qemu.fds[i], KVM_SET_CPUID2, &(struct kvm_cpuid2){ 0 });
		msr(qemu.fds[i], MSR_IA32_TSC, true, 0);
	}
}

/* libvirtd, when it is asked what the host can do (virHostCPUGetTscInfo). */
static inline void probe(void)
{
	int vm = call(3, KVM_CREATE_VM, 0), vcpu = call(vm, KVM_CREATE_VCPU, 0);

	call(vcpu, KVM_GET_TSC_KHZ, 0);
	call(vm, KVM_CHECK_EXTENSION, 0);
}

static inline void run(void)
{
	for (int i = 0; i < qemu.n; i++)
		call(qemu.fds[i], KVM_RUN, 0);
}

static inline int get_clock(void)
{
	struct kvm_clock_data data = { 0 };
	int r = call(qemu.vm, KVM_GET_CLOCK, &data);

	qemu.clock = data.clock;
	return r;
}

static inline int set_clock(uint64_t clock)
{
	struct kvm_clock_data data = { .clock = clock };

	return call(qemu.vm, KVM_SET_CLOCK, &data);
}

static inline void stop(void)
{
	for (int i = 0; i < qemu.n; i++) {
		qemu.tsc[i] = msr(qemu.fds[i], MSR_IA32_TSC, false, 0);
		qemu.deadline[i] = msr(qemu.fds[i], MSR_IA32_TSC_DEADLINE, false, 0);
		qemu.khz[i] = (uint64_t)call(qemu.fds[i], KVM_GET_TSC_KHZ, 0);
	}
	get_clock();
}

static inline void load(const struct qemu *from)
{
	qemu.clock = from->clock;
	for (int i = 0; i < qemu.n; i++) {
		call(qemu.fds[i], KVM_SET_TSC_KHZ, from->khz[i]);
		msr(qemu.fds[i], MSR_IA32_TSC, true, from->tsc[i]);
		msr(qemu.fds[i], MSR_IA32_TSC_DEADLINE, true, from->deadline[i]);
	}
}

static struct fake_vm stayed;
static const struct fake_host *stayed_on;

/* How far the guest is ahead of where it would be had it stayed, in ns. */
static inline int64_t ahead_tsc(int vcpu)
{
	uint64_t line = fake_counter_at(stayed_on, fake_now) + (uint64_t)stayed.vcpus[vcpu].offset;

	return (int64_t)(fake_guest_counter(vcpu) - line) * CF_S / (int64_t)stayed_on->hz;
}

static inline int64_t ahead_clock(void)
{
	return (int64_t)(fake_guest_clock() - (uint64_t)(stayed_on->raw + fake_now + stayed.kvmclock_offset));
}
