/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the library's page (proto/kvm.h) and what agents tell each other of a guest's
 * counters (proto/counters.h): what travels, what is asked of the library at the
 * destination, and what its outcome comes to, with its bound.
 *
 * The library takes the elapsed time from CLOCK_REALTIME, as KVM does; the hosts' offset is
 * known of CLOCK_MONOTONIC_RAW.  So what it is told is the difference of the two REALTIMEs as of
 * now, and the residual is reckoned from RAW again: slewing that went on meanwhile shows there.
 */

#include "proto/counters.h"
#include "proto/kvm.h"

/* A capture or sample as a point that travels; raw_offset as of it. */
struct cf_counter_point cf_carry_point(const struct cf_kvm_capture *capture, enum cf_kvm_arch arch, struct cf_interval raw_offset);

/*
 * What debugfs shows of a vCPU while a nested guest runs on it is not the guest's own: it becomes what
 * was kept before of that vCPU, if anything was.
 */
void cf_carry_keep(struct cf_vcpu_counter *vcpus, size_t n, const struct cf_vcpu_counter *before, size_t n_before);

/*
 * What of it travels.  Offsets are the library's own of a guest that stands (point is its
 * newest capture then), else those of debugfs; scaling is debugfs' (guest->vcpus).
 */
void cf_carry_tell(const struct cf_kvm_said *said, const struct cf_counter_point *point, bool stopped,
		   const struct cf_guest_clock *guest, struct cf_counters *ret);

/*
 * Is there of each vCPU what the library needs: its offset on x86, on arm64 what QEMU has read of a guest that stands?
 * vcpus are those that debugfs shows.  false: why says of which it is not.
 */
bool cf_carry_is_whole(const struct cf_counters *counters, enum cf_kvm_arch arch, const struct cf_vcpu_counter *vcpus,
		       size_t n_vcpus, char why[static CF_DETAIL_ROOM]);

/* What the destination knows of its own. */
struct cf_carry {
	const struct cf_counters *counters;	/* as they came */
	const struct cf_counter_point *point;	/* of the commit: the value that travelled; NULL: not known for certain */
	enum cf_kvm_arch arch;
	const struct cf_vcpu_counter *vcpus;	/* of the QEMU that waits, by debugfs */
	size_t n_vcpus;
	struct cf_instant now;
	int64_t host_hz;			/* 0: not known */
	cf_span limit;				/* more than that cannot have elapsed */
	cf_span expires;			/* from now */
};

/*
 * What is asked of the library there; direction and migration are the caller's.  false: nothing
 * can be, and why says what is in the way.
 */
bool cf_carry_ask(const struct cf_carry *carry, struct cf_kvm_asked *ret, char why[static CF_DETAIL_ROOM]);

/* Are the vCPUs, as debugfs has them now, scaled as was asked? */
bool cf_carry_is_scaled(const struct cf_kvm_asked *asked, const struct cf_vcpu_counter *vcpus, size_t n_vcpus);

/*
 * arm64: has QEMU loaded the guest's counters past the library, which was not armed yet, and will not set them again to
 * a value that is asked for?  With adjvtime it loads what it read when the guest stopped, and sets that once more when
 * the guest is to run; else the last that it read, once.  loaded: it is known to have loaded all.
 */
bool cf_carry_is_late(const struct cf_kvm_said *said, const struct cf_kvm_asked *asked, bool loaded);

/*
 * What came of it.  asked and point are those it was armed with, NULL where nobody knows any
 * more: then there is no residual, nor is there one of what was left.  vcpus are those of
 * debugfs, read after it.
 */
struct cf_carried {
	const struct cf_kvm_said *said;
	enum cf_kvm_arch arch;
	const struct cf_kvm_asked *asked;
	const struct cf_counter_point *point;
	const struct cf_vcpu_counter *vcpus;
	size_t n_vcpus;
};
void cf_carry_report(const struct cf_carried *carried, struct cf_counter_report *ret);
