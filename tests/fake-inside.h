/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between tests/fake-kvm.c, the machine, and what is x86's or arm64's of it. */

#include <linux/kvm.h>

#include "tests/fake-kvm.h"

enum { FAKE_VCPUS = 1100, FAKE_FD = 1000 };

struct fake_vcpu {
	int fd;
	uint32_t id;
	int64_t offset;
	uint64_t khz;
	uint64_t deadline;
	int64_t fires;
	uint64_t generation;
};

struct fake_vm {
	int fd;
	int n;
	struct fake_vcpu vcpus[FAKE_VCPUS];
	int64_t kvmclock_offset;	/* kvmclock - RAW */
	bool master;
	/* as in struct kvm_arch: what the last TSC written was */
	int64_t last_ns;
	uint64_t last_write, last_khz, generation;
	int64_t last_offset, current_offset;
	int matched;
	/* arm64 */
	uint64_t virt, phys;
	bool vm_wide;
};

extern struct fake_vm fake_vm;
extern const struct fake_host *fake_host;

int64_t fake_raw(void);
int64_t fake_real(void);
uint64_t fake_counter(void);

/* The VM's and a vCPU's calls; -errno or the result. */
int fake_vm_call(uint32_t request, void *arg);
int fake_vcpu_call(struct fake_vcpu *vcpu, uint32_t request, void *arg);
