/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Migrations between a QEMU that does as QEMU does and a KVM that does as Linux does
 * (tests/fake-kvm.h), with both agents played here.  The measure is the guest that stayed: its
 * counters are lines, and after a migration they are to be the same lines.
 */

#include <string.h>
#include <unistd.h>

#include "daemon/virt/kvm-page.h"
#include "tests/fake-qemu-x86.h"
#include "tests/tap.h"

/* The agents */

static struct cf_kvm_said said;
static struct cf_kvm_asked asked;
static struct cf_error err;

static inline const struct cf_kvm_said *hear(void)
{
	static struct kvm_page *page;

	if (!page && kvm_page_open("/proc", getpid(), &page, &err) < 0)
		printf("# %s\n", err.text);
	memset(&said, 0, sizeof(said));
	if (!page || kvm_page_read(page, &said, &err) < 0)
		printf("# %s\n", err.text);
	return &said;
}

static inline void tell(enum cf_kvm_direction direction)
{
	static struct kvm_page *page;

	if (!page && kvm_page_open("/proc", getpid(), &page, &err) < 0)
		printf("# %s\n", err.text);
	asked.direction = direction;
	if (direction == CF_KVM_UNARMED)
		kvm_page_disarm(page, NULL);
	else if (kvm_page_arm(page, &asked, &err) < 0)
		printf("# %s\n", err.text);
}

/* What the source's agent sends: its newest capture and the vCPUs'. */
static inline void take_record(void)
{
	hear();
	asked = (struct cf_kvm_asked){
		.record = said.capture, .clock_low = said.capture.clock, .clock_high = said.capture.clock,
		.limit = { 60 * CF_S }, .n_vcpus = said.n_vcpus,
	};
	for (uint32_t i = 0; i < said.n_vcpus; i++) {
		asked.vcpus[i] = (struct cf_kvm_asked_vcpu){ .id = said.vcpus[i].id, .offset = said.vcpus[i].offset };
		asked.guest_hz = said.vcpus[i].khz * 1000;
	}
}

/* A migration, up to where QEMU sets the clock on the destination */

struct trip {
	const struct fake_host *from, *to;
	int n;
	bool apart;			/* each vCPU has an offset of its own */
	uint64_t ratio;			/* of the destination */
	int64_t blackout;
	int64_t error;			/* of what the agents take for the hosts' offset */
};

static inline void leave(const struct trip *trip)
{
	fake_kind = (struct fake_kind){ 0 };
	fake_on(trip->from);
	start(trip->n);
	for (int i = 0; trip->apart && i < trip->n; i++)
		fake_vm.vcpus[i].offset -= 1000003 * i;
	run();
	fake_now += 20 * CF_S;
	run();
	for (int i = 0; i < trip->n; i++)
		msr(qemu.fds[i], MSR_IA32_TSC_DEADLINE, true, fake_guest_counter(i) + trip->from->hz * 10);
	stop();
	fake_now += trip->blackout / 2;
	get_clock();
	stayed = fake_vm;
	stayed_on = trip->from;
	take_record();
}

static inline void arrive(const struct trip *trip)
{
	struct qemu left = qemu;

	fake_now += trip->blackout / 2;
	fake_kind.ratio = trip->ratio;
	fake_on(trip->to);
	start(trip->n);
	load(&left);
	asked.offset.ns = trip->to->realtime - trip->from->realtime + trip->error;
	asked.expires.ns = fake_raw() + 30 * CF_S;
	for (uint32_t i = 0; trip->ratio && i < asked.n_vcpus; i++)
		asked.vcpus[i].destination = (struct cf_kvm_scale){ trip->ratio, 48, 0 };
	tell(CF_KVM_DESTINATION);
}

static inline bool near(int64_t a, int64_t b, int64_t slack)
{
	return a - b <= slack && b - a <= slack;
}

/* All clocks are ahead by `by`, and vCPUs as far apart as they were. */
static inline bool carried(int n, int64_t by)
{
	for (int i = 0; i < n; i++)
		if (!near(ahead_tsc(i), by, 5) ||
		    fake_guest_offset(i) - fake_guest_offset(0) != stayed.vcpus[i].offset - stayed.vcpus[0].offset)
			return false;
	return near(ahead_clock(), by, CF_US);
}

/* What is not the resume that is meant goes through: the same call, the same result, nothing else. */
static inline bool passes(uint64_t clock)
{
	struct fake_vm before = fake_vm;
	int calls = fake_calls(KVM_SET_CLOCK), attributes = fake_calls(KVM_SET_DEVICE_ATTR);
	uint64_t serial = hear()->outcome.serial;
	bool same = set_clock(clock) == 0 && fake_calls(KVM_SET_CLOCK) == calls + 1 &&
		fake_calls(KVM_SET_DEVICE_ATTR) == attributes && near((int64_t)fake_guest_clock(), (int64_t)clock, CF_US);

	for (int i = 0; i < fake_vm.n; i++)
		same = same && fake_vm.vcpus[i].offset == before.vcpus[i].offset;
	return same && hear()->outcome.serial == serial;
}
