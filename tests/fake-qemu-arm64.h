/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A QEMU that makes its calls into KVM as QEMU does, arm64; two hosts; and the guest that stayed. */

#include <string.h>
#include <sys/ioctl.h>

#include "kvm/vm.h"
#include "tests/fake-inside.h"

/* QEMU hands requests on as int. */
#define call(fd, request, ...) ioctl(fd, (unsigned long)(int)(request), __VA_ARGS__)

/* Hosts of different up-times: on one machine CNTPCT never jumps, and proves nothing. */
static const struct fake_host here = { .counter = UINT64_C(62500000) * 5000, .hz = 62500000,
				       .realtime = INT64_C(1700000000) * CF_S, .raw = 5000 * CF_S, .tai_s = 37 };
static const struct fake_host there = { .counter = UINT64_C(62500000) * 40, .hz = 62500000,
					.realtime = INT64_C(1700000000) * CF_S - 7 * CF_MS, .raw = 40 * CF_S,
					.tai_s = 37 };

/* A QEMU */

static struct qemu {
	bool no_adjvtime;
	int vm, n, fds[8];
	uint64_t vtime[8], cnt[8], pcnt[8];
} qemu;

static inline uint64_t get(int fd, uint64_t id)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = { id, (uintptr_t)&value };

	call(fd, KVM_GET_ONE_REG, &reg);
	return value;
}

static inline int set(int fd, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { id, (uintptr_t)&value };

	return call(fd, KVM_SET_ONE_REG, &reg);
}

static inline void furnish(int vm, int n, uint32_t features)
{
	struct kvm_vcpu_init init = { .features = { features } };

	qemu = (struct qemu){ .vm = vm, .n = n };
	for (int i = 0; i < n; i++) {
		qemu.fds[i] = call(qemu.vm, KVM_CREATE_VCPU, (unsigned long)i);
		call(qemu.fds[i], KVM_ARM_VCPU_INIT, &init);
	}
}

static inline void start_as(int n, unsigned long type, uint32_t features)
{
	furnish(call(3, KVM_CREATE_VM, type), n, features);
}

static inline void start(int n)
{
	start_as(n, 0, 0);
}

static inline void run(void)
{
	for (int i = 0; i < qemu.n; i++)
		call(qemu.fds[i], KVM_RUN, 0);
}

static inline void stop(void)
{
	for (int i = 0; i < qemu.n && !qemu.no_adjvtime; i++)
		qemu.vtime[i] = get(qemu.fds[i], KVM_REG_ARM_TIMER_CNT);
}

/* The registers are read for the device state, in the order of their ids; the time of the stop goes with adjvtime. */
static inline void save(void)
{
	for (int i = 0; i < qemu.n; i++) {
		qemu.pcnt[i] = get(qemu.fds[i], KVM_REG_ARM_PTIMER_CNT);
		qemu.cnt[i] = get(qemu.fds[i], KVM_REG_ARM_TIMER_CNT);
		if (!qemu.no_adjvtime)
			qemu.cnt[i] = qemu.vtime[i];
	}
}

static inline int load(const struct qemu *from)
{
	int r = 0;

	qemu.no_adjvtime = from->no_adjvtime;
	for (int i = 0; i < qemu.n; i++) {
		r |= set(qemu.fds[i], KVM_REG_ARM_PTIMER_CNT, from->pcnt[i]);
		r |= set(qemu.fds[i], KVM_REG_ARM_TIMER_CNT, from->cnt[i]);
		qemu.vtime[i] = from->cnt[i];
	}
	return r;
}

static inline int cont(void)
{
	int r = 0;

	for (int i = 0; i < qemu.n && !qemu.no_adjvtime; i++)
		r |= set(qemu.fds[i], KVM_REG_ARM_TIMER_CNT, qemu.vtime[i]);
	return r;
}

/* What agents see of the library, and arm it with. */
static inline const struct cf_kvm_said *hear(void)
{
	return &vm_known()->page->said;
}

static inline void arm(struct cf_kvm_asked *asked)
{
	static uint64_t serial;
	struct cf_kvm_asked *to = &vm_known()->page->asked;

	asked->serial = ++serial;
	cf_kvm_write_begin(&to->seq);
	memcpy((char *)to + sizeof(to->seq), (char *)asked + sizeof(asked->seq), sizeof(*asked) - sizeof(asked->seq));
	cf_kvm_write_end(&to->seq);
}

static struct fake_vm stayed;

/* The guest runs for a while, and is stopped to leave; stayed is what it would be here. */
static inline void run_and_save(void)
{
	run();
	fake_now += 30 * CF_S;
	run();
	stop();
	fake_now += 50 * CF_MS;
	save();
	stayed = fake_vm;
}

/* Ticks that a counter of the guest is ahead of where it would be had it stayed. */
static inline int64_t ahead(uint64_t offset, uint64_t stayed_offset)
{
	return (int64_t)(fake_counter() - offset - (fake_counter_at(&here, fake_now) - stayed_offset));
}

static inline int64_t ahead_virt(void)
{
	return ahead(fake_vm.virt, stayed.virt);
}

static inline int64_t ahead_phys(void)
{
	return ahead(fake_vm.phys, stayed.phys);
}
