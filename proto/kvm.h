/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What libclockferry-kvm.so inside a QEMU and the agent outside tell each other:
 * one piece of shared memory, a sealed memfd which the library makes when the
 * first vCPU is furnished and the agent takes with pidfd_getfd(2).  There is no
 * connection, so that a QEMU outlives a hundred agents.
 *
 * A layout that was released never changes.  A new one has a new version, and
 * the agent, which is always younger than some QEMU, speaks every one there ever
 * was (daemon/virt/kvm-page.c).  Numbers have the byte order of the host.
 *
 * Each direction has one writer and a sequence, odd while it is being written:
 * who reads copies first and then looks whether it moved.  The library believes
 * the agent, but for what could make it touch memory that is not its own.  The
 * agent believes nothing: a guest that has taken over its QEMU writes here what
 * it likes, and must spoil no more than its own clock.
 *
 * How it is used.  `wanted` plus one asks for a `sample` of a guest that runs.
 * On its way to the kernel a QEMU's own KVM_GET_CLOCK becomes a `capture`.  On
 * the destination the agent fills `asked` before the guest may run: the source's
 * capture, offsets and the offset of the hosts; and the library acts on the one
 * KVM_SET_CLOCK (arm64: write of a counter) whose value lies in [clock_low,
 * clock_high] (arm64: is one of cnt, cnt_last and pcnt of its vCPU).  Before the
 * commit that is a window: any value that QEMU may still read of the map that
 * `record` is a point of.  Only the commit narrows it to the value that travelled,
 * bit for bit; where there is no commit, or it names no value because a capture
 * was missed, the window stays.  On the source, armed, it keeps the clock going if QEMU would
 * set it back to the newest capture: the migration failed.  A guest that somebody
 * paused looks the same, so an agent that sees STOP without a switchover disarms:
 * in the copy that shows with QEMU's next MIGRATION_PASS, as libvirt calls a pause
 * the migration's own then; one that ends before it is no pause to the clocks.
 * `expires` alone may also be put off without the sequence, in one store.
 * Everything else goes through to the kernel unchanged.
 */

#include "proto/time.h"

#define CF_KVM_MAGIC	UINT64_C(0x314d564b59524643)	/* "CFRYKVM1" */
#define CF_KVM_VERSION	1
#define CF_KVM_VCPUS	1024
#define CF_KVM_MEMFD	"clockferry-kvm"		/* /proc/PID/fd/N reads "/memfd:clockferry-kvm (deleted)" */

enum cf_kvm_arch { CF_KVM_ARCH_UNKNOWN, CF_KVM_ARCH_X86, CF_KVM_ARCH_ARM64 };

enum cf_kvm_direction { CF_KVM_UNARMED, CF_KVM_SOURCE, CF_KVM_DESTINATION };

/* What became of an arming. */
enum cf_kvm_result {
	CF_KVM_NOTHING,			/* nothing yet */
	CF_KVM_CARRIED,			/* destination: every clock was set */
	CF_KVM_KEPT,			/* source: the clocks went on as if QEMU had never stopped */
	CF_KVM_LEFT,			/* left to QEMU as if we were not here; `step` and `error` say why */
	CF_N_KVM_RESULTS
};

/* Where it ended when it was left to QEMU. */
enum cf_kvm_step {
	CF_KVM_STEP_NONE,
	CF_KVM_STEP_DESCRIPTORS,	/* a descriptor is no longer what it was */
	CF_KVM_STEP_RUNNING,		/* a vCPU is in the guest */
	CF_KVM_STEP_RECORD,		/* the record lacks a vCPU, or makes no sense */
	CF_KVM_STEP_LIMIT,		/* the elapsed time is above what the agent allows */
	CF_KVM_STEP_FREQUENCY,		/* arm64: CNTFRQ differs; x86: a TSC is not scaled as `asked` has it, or its rate is not known */
	CF_KVM_STEP_PROTECTED,		/* arm64: a protected VM */
	CF_KVM_STEP_NESTED,		/* arm64: a guest that is a hypervisor owns an offset of its own */
	CF_KVM_STEP_ITSELF,		/* this QEMU corrects by itself */
	CF_KVM_STEP_ANCHOR,		/* the host's counter and clock could not be read together */
	CF_KVM_STEP_OFFSETS,		/* reading or writing a vCPU's TSC offset; arm64: a counter */
	CF_KVM_STEP_DEADLINES,		/* IA32_TSC_DEADLINE could not be written back */
	CF_KVM_STEP_CLOCK,		/* KVM_SET_CLOCK */
	CF_N_KVM_STEPS
};

/* KVM's own flags of a clock reading (linux/kvm.h), and one of ours. */
#define CF_KVM_CLOCK_STABLE	(UINT32_C(1) << 1)	/* the guest's vCPUs agree: the master clock is on */
#define CF_KVM_CLOCK_REALTIME	(UINT32_C(1) << 2)	/* KVM gave `realtime` of the same instant ... */
#define CF_KVM_CLOCK_HOST	(UINT32_C(1) << 3)	/* ... and the host counter */
#define CF_KVM_CLOCK_BRACKETED	(UINT32_C(1) << 16)	/* it did not: they were read around it, `width` says how closely */

/* A guest's clock beside its host's, at one instant. */
struct cf_kvm_capture {
	uint64_t number;		/* 1 and up; 0: there is none */
	uint64_t clock;			/* x86: kvmclock, ns; arm64: CNTVCT */
	uint64_t host;			/* host TSC; arm64: the host's counter */
	cf_real realtime;
	cf_mono raw;			/* the same instant, within some 100 ns */
	cf_span width;			/* realtime and host belong together within +- half of this; 0: exactly */
	uint32_t flags;
	int32_t tai_s;			/* CLOCK_TAI - CLOCK_REALTIME; 0: nobody told the kernel */
};

/* Host counter minus guest counter, in ticks and modulo 2^64: from low on, high - low ticks wide. */
struct cf_kvm_counter {
	uint64_t low;
	uint64_t high;
};

/* A hardware scaled TSC: guest = ((host * ratio) >> frac_bits) + offset.  Ratio 0: not scaled. */
struct cf_kvm_scale {
	uint64_t ratio;
	uint32_t frac_bits;		/* below 64 */
	uint32_t pad;
};

/* Library to agent */

#define CF_KVM_VCPU_OFFSET	(UINT32_C(1) << 0)	/* offset and khz were read at the newest capture */
#define CF_KVM_VCPU_CNT		(UINT32_C(1) << 1)	/* cnt: QEMU has read it since the vCPU ran */
#define CF_KVM_VCPU_PCNT	(UINT32_C(1) << 2)	/* pcnt: QEMU has read it */
#define CF_KVM_VCPU_SET		(UINT32_C(1) << 3)	/* before and after are those of the newest outcome */
#define CF_KVM_VCPU_DEADLINE	(UINT32_C(1) << 4)	/* its timer was armed again */
#define CF_KVM_VCPU_WRITTEN	(UINT32_C(1) << 5)	/* arm64: QEMU wrote CNTVCT past the library since the vCPU ran; offset: what */

struct cf_kvm_vcpu {
	uint32_t id;			/* KVM's vcpu_id */
	uint32_t flags;
	int64_t offset;			/* x86: TSC, L1's own */
	uint64_t khz;			/* guest TSC as KVM has it */
	uint64_t cnt;			/* arm64: CNTVCT as QEMU first read it since the vCPU ran (it travels with adjvtime) ... */
	uint64_t cnt_last;		/* ... and as it read it last (kvm-no-adjvtime) */
	uint64_t pcnt;			/* CNTPCT, last */
	int64_t before;			/* TSC offset before and after it was set */
	int64_t after;
};

#define CF_KVM_OUTCOME_CLAMPED	(UINT32_C(1) << 0)	/* less than nothing had elapsed: the clocks stand, none goes back */
#define CF_KVM_OUTCOME_MAPPED	(UINT32_C(1) << 1)	/* the value was in the window, not the capture's own: mapped from it */
#define CF_KVM_OUTCOME_STABLE	(UINT32_C(1) << 2)	/* the read-back has the master clock on */
#define CF_KVM_OUTCOME_READ	(UINT32_C(1) << 3)	/* readback, residual and routes are there */
#define CF_KVM_OUTCOME_BY_VALUE	(UINT32_C(1) << 4)	/* KVM took no REALTIME with the clock: it was computed here */
#define CF_KVM_OUTCOME_VM_WIDE	(UINT32_C(1) << 5)	/* arm64: KVM_ARM_SET_COUNTER_OFFSET was used, for the life of the VM */
#define CF_KVM_OUTCOME_PHYS	(UINT32_C(1) << 6)	/* arm64: CNTPCT was carried, too */
#define CF_KVM_OUTCOME_UNDONE	(UINT32_C(1) << 7)	/* left to QEMU, and what had been set was put back */
#define CF_KVM_OUTCOME_STUCK	(UINT32_C(1) << 8)	/* ... but not all of it could be */

struct cf_kvm_outcome {
	uint64_t serial;		/* of the arming that it is of; 0: there is none */
	uint8_t migration[16];
	uint32_t direction;
	uint32_t result;
	uint32_t step;
	int32_t error;			/* errno of the step, or 0 */
	uint32_t flags;
	uint32_t n_vcpus;
	uint64_t clock;			/* what QEMU was about to set */
	cf_span elapsed;
	struct cf_kvm_capture anchor;	/* this host's clocks, from which elapsed was taken */
	struct cf_kvm_capture readback;	/* x86: kvmclock after; arm64: CNTVCT after */
	cf_span residual;		/* read-back minus what it should be; x86: kvmclock, arm64: CNTVCT */
	cf_span residual_phys;		/* arm64: CNTPCT */
	cf_span residual_width;		/* how closely a residual is known: +- half of it */
	cf_span routes;			/* x86: what vCPU 0's TSC would be further by had it been set through kvmclock */
	cf_span took;			/* inside the interposed call, all in all ... */
	cf_span bare;			/* ... and in the kernel for it */
	cf_mono at;			/* when it was over */
};

/* What the whole VM is like. */
#define CF_KVM_VM_ITSELF	(UINT32_C(1) << 0)	/* QEMU was seen to correct the clocks by itself */
#define CF_KVM_VM_PROTECTED	(UINT32_C(1) << 1)	/* arm64 */
#define CF_KVM_VM_NESTED	(UINT32_C(1) << 2)	/* arm64: a vCPU with EL2 */
#define CF_KVM_VM_COUNTERS	(UINT32_C(1) << 3)	/* arm64: `virt` is known */
#define CF_KVM_VM_PHYS		(UINT32_C(1) << 4)	/* arm64: `phys` is known */
#define CF_KVM_VM_NO_OFFSETS	(UINT32_C(1) << 5)	/* x86: the kernel has no TSC offsets (Linux before 5.16) */

struct cf_kvm_said {
	uint32_t seq;
	uint32_t vm_flags;
	uint64_t hz;			/* arm64: CNTFRQ; x86: 0, see khz of the vCPUs */
	struct cf_kvm_counter virt;	/* arm64: CNTVCT */
	struct cf_kvm_counter phys;	/* arm64: CNTPCT */
	struct cf_kvm_capture capture;	/* the newest, of a stopped guest; and the one before */
	struct cf_kvm_capture before;
	struct cf_kvm_outcome outcome;
	uint32_t n_vcpus;
	uint32_t n_missed;		/* captures that another thread stood in the way of */
	struct cf_kvm_vcpu vcpus[CF_KVM_VCPUS];
};

/* Of a guest that runs: a point of the map, which stays the same until its clocks are set. */
struct cf_kvm_sampled {
	uint32_t seq;
	uint32_t wanted;		/* the request it answers */
	struct cf_kvm_capture sample;
};

/* Agent to library */

struct cf_kvm_asked_vcpu {
	uint32_t id;
	uint32_t pad;
	int64_t offset;			/* TSC offset on the source */
	struct cf_kvm_scale source;
	struct cf_kvm_scale destination;
	uint64_t cnt;			/* arm64: the values that may travel */
	uint64_t cnt_last;
	uint64_t pcnt;
};

#define CF_KVM_ASKED_VIRT	(UINT32_C(1) << 0)	/* arm64: virt holds the source's */
#define CF_KVM_ASKED_PHYS	(UINT32_C(1) << 1)	/* arm64: phys, too */

struct cf_kvm_asked {
	uint32_t seq;
	uint32_t direction;
	uint64_t serial;		/* another one with every arming; an arming is acted on once */
	uint8_t migration[16];
	cf_mono expires;		/* of this host: an arming must not outlive a dead agent for long */
	uint32_t flags;
	uint32_t n_vcpus;
	uint64_t host_hz;		/* this host's counter; 0: nobody knows */
	uint64_t guest_hz;		/* x86: the guest's TSC on the source; 0: as KVM has it here.  arm64: the source's CNTFRQ */
	uint64_t clock_low;		/* x86: the value that travels; as high once it is known for certain */
	uint64_t clock_high;
	struct cf_kvm_capture record;	/* the source's capture, or a sample */
	cf_span offset;			/* destination's CLOCK_REALTIME minus source's */
	cf_span limit;			/* more than this cannot have elapsed */
	struct cf_kvm_counter virt;
	struct cf_kvm_counter phys;
	struct cf_kvm_asked_vcpu vcpus[CF_KVM_VCPUS];
};

/* The memfd, whole. */
struct cf_kvm_page {
	uint64_t magic;			/* written last: 0 while the page is being made */
	uint32_t version;
	uint32_t size;			/* sizeof(struct cf_kvm_page) */
	uint32_t arch;
	uint32_t pid;			/* the QEMU, in its own pid namespace */
	int32_t memfd;			/* descriptors of the QEMU: this page, */
	int32_t event_capture;		/* an eventfd that counts captures and samples, */
	int32_t event_outcome;		/* and one that counts outcomes */
	uint32_t wanted;		/* the agent adds one */
	uint8_t pad[24];
	struct cf_kvm_said said;
	struct cf_kvm_sampled sampled;
	struct cf_kvm_asked asked;
};

_Static_assert(sizeof(struct cf_kvm_capture) == 56 && sizeof(struct cf_kvm_vcpu) == 64 &&
	       sizeof(struct cf_kvm_asked_vcpu) == 72 && sizeof(struct cf_kvm_outcome) == 232 &&
	       sizeof(struct cf_kvm_page) == 139976,
	       "a layout that was released never changes");

/* Sequences.  A writer is alone; a reader copies between begin and again. */

static inline void cf_kvm_write_begin(uint32_t *seq)
{
	__atomic_store_n(seq, __atomic_load_n(seq, __ATOMIC_RELAXED) | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void cf_kvm_write_end(uint32_t *seq)
{
	__atomic_store_n(seq, (__atomic_load_n(seq, __ATOMIC_RELAXED) | 1) + 1, __ATOMIC_RELEASE);
}

static inline uint32_t cf_kvm_read_begin(const uint32_t *seq)
{
	return __atomic_load_n(seq, __ATOMIC_ACQUIRE);
}

/* Was what was read since `begun` being written? */
static inline bool cf_kvm_read_again(const uint32_t *seq, uint32_t begun)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (begun & 1) || __atomic_load_n(seq, __ATOMIC_RELAXED) != begun;
}
