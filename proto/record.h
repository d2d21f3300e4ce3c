/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's clock: what is known of it while it runs (struct cf_guest_clock),
 * and the clock record that travels with a migration (struct cf_record).
 *
 * Everything is captured, nothing reconstructed; what could not be captured
 * is absent.
 */

#include "proto/limits.h"
#include "proto/probe.h"

#define CF_VCPUS_MAX  1024
#define CF_TIMERS_MAX 16

/*
 * A vCPU's counter against its host's.  x86: guest = ((host * ratio) >> frac)
 * + offset, from KVM's debugfs (Linux arch/x86/kvm/debugfs.c).
 */
struct cf_vcpu_counter {
	int64_t vcpu;			/* KVM's vcpu_id, which QEMU makes the APIC id */
	bool has_offset;
	int64_t offset;			/* in counter ticks */
	bool has_scaling;
	struct cf_scaling {
		int64_t ratio;		/* tsc-scaling-ratio, the bits of an unsigned number */
		int64_t frac_bits;
	} scaling;
	bool has_guest_mode;
	bool guest_mode;		/* a nested guest ran: offset is L2's, combined */
};

/* A <timer> of the domain's <clock>. */
struct cf_timer {
	char name[32];
	bool has_present;
	bool present;
	bool has_frequency;
	int64_t frequency;		/* Hz */
	char tickpolicy[16];
	char mode[16];
	char track[16];			/* rtc: "guest", "wall" or "" */
};

/* Guest CLOCK_REALTIME minus its host's. */
struct cf_guest_offset {
	struct cf_interval offset;
	struct cf_instant at;		/* the host's clocks at that moment */
	int64_t rounds;			/* of virDomainGetTime it is the best of */
	cf_span slowest;		/* the slowest of them */
	bool has_rate;
	struct cf_rate {
		double ppm;		/* how fast the guest's clock gained on its host's RAW, from earlier readings */
		double bound_ppm;	/* +- */
	} rate;
	bool has_rate_over;
	cf_span rate_over;		/* the time from the first of those to this one: of a longer time that rate says nothing */
};

#define CF_LIBRARY_ROOM 256

/* What a domain's XML has for QEMU past libvirt: <qemu:commandline>, <qemu:override>. */
struct cf_passthrough {
	bool preloads;			/* <qemu:env> sets LD_PRELOAD, in place of what libvirt hands on */
	char library[CF_LIBRARY_ROOM];	/* libclockferry-kvm.so in that, by its path; "" it is not in it */
	bool more;			/* there is anything else */
};

/* What a host can give the QEMU of a guest that comes in. */
struct cf_kvm_offer {
	bool handed_on;			/* its QEMU gets libclockferry-kvm.so: by its own XML, or as every one that libvirt starts */
	int64_t version;		/* of the library's page: the newest that the agent knows */
	char why[CF_DETAIL_ROOM];	/* why it does not get it, or it would be of no use */
};

struct cf_guest_clock {
	char domain[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	char type[16];			/* "kvm" or "qemu" (TCG) */
	char arch[32];
	char machine[64];
	char emulator[128];		/* "QEMU 7.2.22" */
	char clock_offset[32];		/* <clock offset=...>: utc, localtime, variable ... */
	size_t n_timers;
	struct cf_timer timers[CF_TIMERS_MAX];
	bool kvmclock;			/* the domain has a kvmclock device */
	bool has_vmclock;
	bool vmclock;			/* QEMU's device vmclock is in it, by its XML */
	bool self_correcting;		/* its QEMU has x-account-downtime and moves the clock itself */
	bool has_clocksource;
	char clocksource[32];		/* the guest kernel's, where known */
	bool has_counter_hz;
	int64_t counter_hz;		/* guest counter frequency */
	bool counter_promised;		/* the domain was promised a counter rate (timer tsc, invtsc) */
	bool agent_configured;		/* it has a guest agent channel */
	bool agent_connected;
	bool has_guest_offset;
	struct cf_guest_offset guest_offset;
	char guest_offset_why[CF_DETAIL_ROOM];	/* why there is none */
	size_t n_vcpus;
	struct cf_vcpu_counter vcpus[CF_VCPUS_MAX];
	enum cf_lever lever;		/* the best that exists now */
	bool has_kvm_version;
	int64_t kvm_version;		/* libclockferry-kvm.so is in its QEMU: the version of its page */
	bool has_kvm_why;
	char kvm_why[CF_DETAIL_ROOM];	/* why the lever kvm does not exist, of a guest that runs with KVM */
	size_t n_findings;		/* what speaks against migrating it: blockers and warnings */
	struct cf_finding findings[16];
};

/* The clock record, as PUT to the destination before the copy and completed at STOP. */
struct cf_record {
	struct cf_guest_clock guest;
	struct cf_instant host_at;	/* the source's clocks when it was captured */
	bool has_tai;
	int64_t tai_s;			/* the source kernel's TAI offset */
	bool has_host_counter;
	int64_t host_counter;		/* read at host_at */
	bool has_host_counter_hz;
	int64_t host_counter_hz;
	bool has_stop;
	struct cf_instant stop;		/* QEMU's STOP, on the source's clocks */
	bool has_disruption;
	int64_t disruption;		/* marker of the guest's vmclock before it left, its 64 bits */
	bool paused;			/* somebody paused the guest during the copy: it is to stay so */
	bool has_raw_offset;
	struct cf_interval raw_offset;	/* destination RAW - source RAW at stop, before there is one at host_at */
	char destination_boot[CF_BOOT_ROOM];	/* for which boot of the destination that holds */
};

extern const struct cf_shape cf_scaling_shape;
extern const struct cf_shape cf_rate_shape;
extern const struct cf_shape cf_guest_offset_shape;
extern const struct cf_shape cf_passthrough_shape;
extern const struct cf_shape cf_kvm_offer_shape;
extern const struct cf_shape cf_guest_clock_shape;
extern const struct cf_shape cf_record_shape;
