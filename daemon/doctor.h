/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looking at this host for `clockferry doctor`: evidence alone, policy judges it. */

#include "daemon/act/context.h"
#include "policy/doctor.h"

/* The folders that are looked into; a test brings its own. */
struct doctor_roots {
	const char *proc;		/* "/proc" */
	const char *runtime;		/* "/run/clockferry" */
	const char *libvirt_pki;	/* "/etc/pki" */
	const char *debugfs;		/* "/sys/kernel/debug/kvm" */
	const char *kvm;		/* "/sys/class/misc/kvm": it has KVM; the agent does not see /dev */
};

extern const struct doctor_roots doctor_roots;

/*
 * What can be seen of clock, libvirt, guests, ledger and folders; what is the server's, and
 * the files of TLS, is left as it is.  Blocks: on a thread of its own.
 */
void doctor_look(const struct doctor_roots *roots, const struct act_context *context, const struct settings *settings,
		 struct cf_host_evidence *ret);

/* Of these parts, those that a test can look at by themselves: who else steers the clock; what the driver lacks; KVM. */
void doctor_rivals(const char *proc, struct cf_host_evidence *ret);
void doctor_driver(const char *pki, const struct settings *settings, struct cf_host_evidence *ret);
void doctor_counters(const struct doctor_roots *roots, struct cf_host_evidence *ret);
