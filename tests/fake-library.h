/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In place of libclockferry-kvm.so in a QEMU: a page, its bells, and a thread that answers. */

#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "tests/kvm-made.h"

static struct cf_kvm_page *at;
static atomic_bool answers = true, ends;

static inline void make_page(void)
{
	at = kvm_page_made();
	at->said.n_vcpus = 2;
	at->said.vcpus[1].id = 1;
	at->magic = CF_KVM_MAGIC;
}

/* The guest's clock runs with RAW; each look at it is a new one. */
static inline struct cf_kvm_capture capture_now(uint64_t number)
{
	struct cf_instant now = kernel_instant();

	return (struct cf_kvm_capture){ .number = number, .clock = (uint64_t)now.raw.ns + 1000, .host = (uint64_t)now.raw.ns * 2,
					.realtime = now.real, .raw = now.raw, .flags = 14 };
}

static inline void ring(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static inline void *library(void *unused)
{
	uint64_t number = 1000;

	(void)unused;
	while (!ends) {
		uint32_t wanted = __atomic_load_n(&at->wanted, __ATOMIC_ACQUIRE);

		if (answers && wanted != at->sampled.wanted) {
			cf_kvm_write_begin(&at->sampled.seq);
			at->sampled.sample = capture_now(++number);
			at->sampled.wanted = wanted;
			cf_kvm_write_end(&at->sampled.seq);
			ring(at->event_capture);
		}
		nanosleep(&(struct timespec){ .tv_nsec = CF_MS }, NULL);
	}
	return NULL;
}

/* QEMU stops the guest, and reads its clock. */
static inline void capture(void)
{
	cf_kvm_write_begin(&at->said.seq);
	at->said.before = at->said.capture;
	at->said.capture = capture_now(at->said.capture.number + 1);
	for (uint32_t i = 0; i < at->said.n_vcpus; i++) {
		at->said.vcpus[i].flags = CF_KVM_VCPU_OFFSET;
		at->said.vcpus[i].offset = -777;
		at->said.vcpus[i].khz = 2000000;
	}
	cf_kvm_write_end(&at->said.seq);
	ring(at->event_capture);
}

/* arm64: of the guest that stands, QEMU reads one vCPU's counter. */
static inline void read_counter(uint32_t vcpu)
{
	cf_kvm_write_begin(&at->said.seq);
	at->said.capture = capture_now(at->said.capture.number + 1);
	at->said.vcpus[vcpu].flags |= CF_KVM_VCPU_CNT;
	at->said.vcpus[vcpu].cnt = at->said.capture.clock;
	cf_kvm_write_end(&at->said.seq);
	ring(at->event_capture);
}

/* ... and writes it past the library, in its place. */
static inline void write_counter(uint32_t vcpu, uint64_t value)
{
	cf_kvm_write_begin(&at->said.seq);
	at->said.vcpus[vcpu].flags |= CF_KVM_VCPU_WRITTEN;
	at->said.vcpus[vcpu].offset = (int64_t)value;
	cf_kvm_write_end(&at->said.seq);
}

/* What it was armed for happens. */
static inline void act(enum cf_kvm_result result)
{
	cf_kvm_write_begin(&at->said.seq);
	at->said.outcome = (struct cf_kvm_outcome){
		.serial = at->asked.serial, .direction = at->asked.direction, .result = result,
		.step = result == CF_KVM_LEFT ? CF_KVM_STEP_OFFSETS : CF_KVM_STEP_NONE, .flags = CF_KVM_OUTCOME_READ | CF_KVM_OUTCOME_STABLE,
		.n_vcpus = 2, .clock = at->asked.record.clock, .anchor = capture_now(1),
	};
	memcpy(at->said.outcome.migration, at->asked.migration, sizeof(at->asked.migration));
	at->said.outcome.elapsed = cf_real_since(at->said.outcome.anchor.realtime,
						 cf_real_add(at->asked.record.realtime, at->asked.offset));
	for (uint32_t i = 0; i < at->said.n_vcpus; i++) {
		at->said.vcpus[i].flags |= CF_KVM_VCPU_SET;
		at->said.vcpus[i].before = -777;
		at->said.vcpus[i].after = -888;
	}
	cf_kvm_write_end(&at->said.seq);
	ring(at->event_outcome);
}
