/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a QEMU has connections to, as the kernel lists them: nothing is taken from the
 * process and nothing asked of it.
 */

#include <sys/types.h>

#include "daemon/virt/counters.h"
#include "policy/foreign.h"

#define OUTBOUND_MAX 64

/*
 * Its TCP connections to other hosts that it, or libvirtd for it, has made: not those
 * that came to a port of its own.  *n is how many there are, at most OUTBOUND_MAX.
 * Errors: what keeps /proc/PID from being read.
 */
int outbound_list(const struct counter_roots *roots, pid_t pid, struct cf_outbound ret[static OUTBOUND_MAX], size_t *n,
		  struct cf_error *err);
