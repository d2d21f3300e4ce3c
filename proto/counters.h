/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's counters on their way: what libclockferry-kvm.so in the source's QEMU says of
 * them (struct cf_counters), and what the library at the destination made of it (struct
 * cf_counter_report).
 *
 *	PUT /v1/incoming/{id}/counters   cf_counters -> cf_accepted
 *
 * While the guest runs its clocks are a fixed map of the host's counter, so any point of
 * that map will do.  One is sent every second, and one when the guest has stopped.
 * Counters are 64 bits that wrap; JSON has them as the signed number of the same bits.
 */

#include "proto/record.h"

/* A guest's clock beside its host's, at one instant. */
struct cf_counter_point {
	int64_t clock;			/* x86: kvmclock, ns; arm64: CNTVCT */
	int64_t host;			/* the host's counter */
	struct cf_instant at;		/* the host's clocks */
	cf_span width;			/* counter and clocks belong together within +- half of this; 0: exactly */
	struct cf_interval raw_offset;	/* destination RAW - source RAW, then */
	bool has_master_clock;
	bool master_clock;		/* x86: KVM's was on */
};

/* Host counter minus guest counter, in ticks: from low on, high - low ticks wide. */
struct cf_counter_range {
	int64_t low;
	int64_t high;
};

struct cf_counter_vcpu {
	int64_t vcpu;			/* KVM's vcpu_id */
	bool has_offset;
	int64_t offset;			/* x86: of its TSC */
	bool has_scaling;
	struct cf_scaling scaling;
	bool has_cnt;
	struct cf_counter_values {	/* arm64: those that may travel, as QEMU read them */
		int64_t first;		/* CNTVCT, since the vCPU ran */
		int64_t last;
		int64_t physical;	/* CNTPCT, last */
	} cnt;
};

struct cf_counters {
	int64_t version;		/* of the library's page */
	bool stopped;			/* point is of the guest that stands still, else a sample of one that runs */
	struct cf_counter_point point;
	char destination_boot[CF_BOOT_ROOM];	/* for which boot of the destination its raw_offset holds */
	bool has_hz;
	int64_t hz;			/* of the guest's counter */
	bool has_virt;			/* arm64, likewise: */
	struct cf_counter_range virt;
	bool has_phys;
	struct cf_counter_range phys;
	size_t n_vcpus;
	struct cf_counter_vcpu vcpus[CF_VCPUS_MAX];
};

/* What became of them where the guest ran on. */
enum cf_counter_result {
	CF_COUNTERS_UNKNOWN,
	CF_COUNTERS_CARRIED,		/* all were set: they went on as if the guest had been scheduled out */
	CF_COUNTERS_KEPT,		/* at the source again: they went on as if it had never been stopped */
	CF_COUNTERS_LEFT,		/* left to QEMU, as if the library were not there */
	CF_N_COUNTER_RESULTS,
};

/* vCPUs in a row that are alike. */
struct cf_counter_run {
	int64_t first;			/* vcpu_id */
	int64_t count;
	int64_t before;			/* TSC offset, before it was set and after */
	int64_t after;
	bool has_agrees;
	bool agrees;			/* KVM's debugfs shows `after`, too */
};

struct cf_counter_report {
	enum cf_counter_result result;
	char why[CF_DETAIL_ROOM];	/* why they were left, or why nothing is known */
	bool has_elapsed;
	cf_span elapsed;		/* that was added to every clock */
	bool has_residual;
	struct cf_interval residual;	/* read back: the guest's clock minus where it should be */
	bool clamped;			/* by the clocks less than nothing had passed: they stand, none went back */
	bool master_clock;		/* the vCPUs agree: KVM's master clock is on */
	bool has_master_clock_before;
	bool master_clock_before;	/* x86: it was on where the guest was stopped */
	bool has_own_instant_before;
	bool own_instant_before;	/* x86: where the guest was stopped, KVM gave host counter and clock in one ... */
	bool has_own_instant;
	bool own_instant;		/* ... and here; else they were read around its call */
	bool has_by_value;
	bool by_value;			/* x86: KVM took no instant with kvmclock, which was set late by the way there */
	bool has_physical_set;
	bool physical_set;		/* arm64: CNTPCT was carried, too; before Linux 6.4 it cannot be, and jumped */
	bool has_physical;
	struct cf_interval physical;	/* arm64: the residual of CNTPCT */
	bool has_vm_wide;
	bool vm_wide;			/* arm64: one offset was set for both, for the life of the VM */
	bool has_routes;
	cf_span routes;			/* how much further the TSC would be by the way that Linux documents */
	cf_span took;			/* inside QEMU's call ... */
	cf_span bare;			/* ... and in the kernel for it */
	int64_t vcpus;			/* how many there are */
	size_t n_runs;
	struct cf_counter_run runs[32];	/* x86 */
};

extern const char *const cf_counter_result_words[CF_N_COUNTER_RESULTS];
extern const struct cf_shape cf_counter_point_shape;
extern const struct cf_shape cf_counters_shape;
extern const struct cf_shape cf_counter_report_shape;
