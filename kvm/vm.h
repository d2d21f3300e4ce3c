/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The VM of this process and its vCPUs, learnt from the calls that make them.
 *
 * All of it stands in memory that a fork wipes: a child of QEMU, whose KVM
 * descriptors are dead anyway, finds nothing and passes everything on.  A QEMU may
 * make a VM to try KVM out and another one to run (arm64 does, the latter first),
 * so the VM is the newest that got a vCPU.  Descriptors are not followed when they are closed;
 * before one is used it is looked at again.
 */

#include <stddef.h>

#include "proto/kvm.h"

/* One cache line each: KVM_RUN writes to it. */
struct vcpu {
	int fd;
	uint32_t id;
	bool running;			/* in KVM_RUN now */
	bool ran;			/* was, since its counter was read last */
	uint32_t flags;			/* CF_KVM_VCPU_*: what is valid */
	int64_t offset;			/* x86: TSC offset at the newest capture; arm64: CNTVCT as QEMU wrote it last */
	uint64_t khz;			/* x86: KVM_GET_TSC_KHZ, 0 until read */
	uint64_t cnt;			/* arm64, as in struct cf_kvm_vcpu */
	uint64_t cnt_last;
	uint64_t pcnt;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct vcpu) == 64, "a vCPU has a cache line");

#define VM_DESCRIPTORS 65536

/* A counter of arm64 as it is known so far. */
struct counter {
	bool known;
	bool settled;			/* read often enough */
	struct cf_kvm_counter offset;
};

struct vm {
	struct cf_kvm_page *page;	/* NULL: not made, or forked */
	int fd;
	bool whole;			/* every vCPU is in the table */
	uint32_t flags;			/* CF_KVM_VM_* */
	uint32_t n;
	int busy;			/* somebody works on the page, or on what follows */

	uint64_t captures;		/* how many there were */
	uint64_t acted;			/* serial of the arming that is spent */
	uint32_t given_up;		/* the sequence of one that was waited for in vain */
	uint32_t answered;		/* the newest request for a sample */
	struct cf_kvm_capture capture;	/* own copies: what is decided upon is never read from the page */
	struct counter virt, phys;
	bool carried;			/* arm64: the counters are where they shall be ... */
	uint64_t target_virt, target_phys;	/* ... by these offsets, of arming `targets` */
	uint64_t targets;
	bool has_run;			/* ... and the guest has run since they were made */
	cf_span bare;			/* time in the kernel since it was zeroed */
	struct cf_kvm_outcome outcome;
	struct cf_kvm_asked asked;
	int64_t before[CF_KVM_VCPUS], after[CF_KVM_VCPUS];	/* x86: TSC offsets, as the outcome has it */

	struct vcpu vcpus[CF_KVM_VCPUS];
	uint16_t slots[VM_DESCRIPTORS];	/* descriptor -> place in vcpus, plus 1 */
};

/* KVM_CREATE_VM and KVM_CREATE_VCPU, after they succeeded. */
void vm_created(int fd, unsigned long type);
void vm_vcpu_created(int vm_fd, int fd, unsigned long id);

/* A vCPU of it is to run: the page is made, if there is none; what fails is tried with the next one. */
void vm_furnished(struct vm *vm);

/* The VM that has a page, or NULL; and one that may have none. */
struct vm *vm_known(void);
struct vm *vm_any(void);

static inline struct vcpu *vm_vcpu(struct vm *vm, int fd)
{
	uint16_t slot = fd >= 0 && fd < VM_DESCRIPTORS ? vm->slots[fd] : 0;

	return slot ? &vm->vcpus[slot - 1] : NULL;
}

/* Is a vCPU in the guest, or could be? */
bool vm_running(const struct vm *vm);

/* Are all descriptors still those of this VM and of these vCPUs? */
bool vm_descriptors(const struct vm *vm);

/* To be alone with the VM: at once or not at all; or within a millisecond, which is ages for whoever is in there. */
bool vm_enter(struct vm *vm);
bool vm_enter_soon(struct vm *vm);
void vm_leave(struct vm *vm);

/* machine_ioctl(), whose time is added to vm->bare. */
int vm_ioctl(struct vm *vm, int fd, unsigned long request, void *arg);
