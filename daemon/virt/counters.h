/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The counters guests derive their clocks from: this host's, and each vCPU's
 * against it as KVM's debugfs has it (Linux arch/x86/kvm/debugfs.c; root only).
 * There is nothing for a TCG guest, nor on arm64.
 */

#include <sys/types.h>

#include "proto/error.h"
#include "proto/record.h"

/* The folders that are read; a test brings its own. */
struct counter_roots {
	const char *debugfs;	/* "/sys/kernel/debug/kvm" */
	const char *proc;	/* "/proc" */
	const char *run;	/* "/run/libvirt/qemu" */
};

extern const struct counter_roots counter_roots;

/* The process that runs the domain: libvirt's pid file, held against the uuid on its command line. */
int counters_pid(const struct counter_roots *roots, const char *name, const char *uuid, pid_t *ret,
		 struct cf_error *err);

/*
 * Every vCPU of the process, ordered by vcpu_id; *n is how many there are,
 * 0 where KVM has none for it (TCG).  A file that is not there leaves its
 * member absent; one that does not hold one plain number is an error.  When
 * one process has several VMs, the vCPUs are those whose thread is the process' own; before a vCPU
 * has run it has none, and then there must be one VM.
 */
int counters_read(const struct counter_roots *roots, pid_t pid,
		  struct cf_vcpu_counter vcpus[static CF_VCPUS_MAX], size_t *n, struct cf_error *err);

/* One reading of the host's counter, taken between the readings that `at` is made of. */
struct counter_reading {
	struct cf_instant at;
	int64_t ticks;		/* the bits of an unsigned number */
};

/* false where this machine has no counter we know. */
bool counter_read(struct counter_reading *ret);
