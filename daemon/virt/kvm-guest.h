/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libclockferry-kvm.so, as the gate has to know of it: is it in the QEMU of a guest and can
 * carry its clocks, and does libvirt give it to the QEMUs that it starts?
 */

#include "daemon/virt/counters.h"
#include "daemon/virt/kvm-page.h"
#include "proto/record.h"

/* The page in the QEMU that libvirt names for that domain, and its pid; -ENOENT: there is none. */
int kvm_guest_open(const struct counter_roots *roots, const char *domain, const char *uuid, struct kvm_page **page,
		   pid_t *pid, struct cf_error *err);

/*
 * Completes the clock state of a guest that runs with KVM, whose vCPUs' counters have been
 * read: kvm_version, kvm_why, and the lever kvm where nothing is in the way.  Whether the library
 * is there the QEMU itself shows; passthrough, of the XML it runs by, may say why it is not.
 * Nothing is asked of the guest.
 */
void kvm_guest_look(const struct counter_roots *roots, const struct cf_passthrough *passthrough,
		    struct cf_guest_clock *guest);

/* A migration's id, as its 16 bytes stand in the page. */
void kvm_guest_id(const char *uuid, unsigned char ret[static 16]);

/* The folders that are read; a test brings its own. */
struct kvm_host_roots {
	const char *proc;	/* "/proc" */
	const char *run;	/* "/run": libvirt's pid files */
	const char *debugfs;	/* "/sys/kernel/debug/kvm" */
};

extern const struct kvm_host_roots kvm_host_roots;

/*
 * Does the QEMU of a domain that comes in get it?  By its own XML's LD_PRELOAD, which takes the
 * place of what libvirt hands on; without one by the environment of libvirt's daemon.  And can
 * it be armed there: on x86 the scaling of a QEMU's counters has to be seen.
 */
void kvm_host_look(const struct kvm_host_roots *roots, const struct cf_passthrough *passthrough,
		   struct cf_kvm_offer *ret);
