/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A machine below libclockferry-kvm.so: two hosts' clocks as lines over one true
 * time, and a KVM that does what Linux' does with a guest's counters.  It
 * implements kvm/machine.h; each look at a clock and each call takes its time.
 */

#include "kvm/machine.h"

struct fake_host {
	uint64_t counter;		/* at true time 0 */
	uint64_t hz;
	int64_t realtime;
	int64_t raw;
	int32_t tai_s;
};

/* What somebody else does at that true time or soon after it, once. */
void fake_then(int64_t at, void (*what)(void));

/* What kind of KVM it is. */
struct fake_kind {
	bool old;			/* before 5.16: flags are refused, there are no TSC offsets */
	bool no_master;			/* the master clock never comes on */
	bool no_deadline;		/* a vCPU has no IA32_TSC_DEADLINE */
	bool deaf;			/* TSC offsets are taken and ignored, as for a TDX guest */
	uint64_t ratio;			/* hardware scaling of the guest's TSC, 48 bits of fraction; 0: none */
	bool no_phys;			/* arm64 before 6.4: CNTPCT cannot be set */
	bool no_noexec;			/* before 6.3: memory that cannot be executed is not known */
	bool noexec_only;		/* no other is given */
};

extern int64_t fake_now;		/* true time, ns */
extern struct fake_kind fake_kind;
extern void (*fake_in_guest)(void);	/* what takes place while a vCPU is in KVM_RUN */

/* From here on everything takes place on this host. */
void fake_on(const struct fake_host *host);
uint64_t fake_counter_at(const struct fake_host *host, int64_t t);

/* The nth call from now on with this request fails, n from 1; fake_fails(0, 0, 0) takes it back. */
void fake_fails(unsigned long request, int nth, int error);
/* All calls with it, since fake_on(). */
int fake_calls(unsigned long request);

/* What else a descriptor may be by now, as after a close() nobody saw. */
void fake_is(int fd, const char *name);

/* The guest, of the newest VM. */
uint64_t fake_guest_counter(int vcpu);
uint64_t fake_guest_clock(void);
int64_t fake_guest_offset(int vcpu);
bool fake_master(void);
/* When the timer of a vCPU fires, in true time; -1: not armed. */
int64_t fake_timer(int vcpu);
