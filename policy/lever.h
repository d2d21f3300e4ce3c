/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which lever there is for a guest's clock: whether the library in its QEMU can carry its
 * counters at all, and whether it can between two hosts.
 */

#include "policy/gate.h"
#include "proto/kvm.h"

/*
 * Can the library, which is in the guest's QEMU, carry its counters?  By what is known of
 * the guest, its vCPUs' counters included, and what the library says of the VM (vm_flags,
 * proto/kvm.h).  If not, why says what is in the way; else it is "".
 */
bool cf_kvm_usable(const struct cf_guest_clock *guest, enum cf_kvm_arch arch, uint32_t vm_flags,
		   char why[static CF_DETAIL_ROOM]);

/* Does policy hold a migration to this lever?  Else it falls to the next one that there is. */
bool cf_lever_enforced(const struct cf_both_limits *limits, enum cf_lever lever);

/*
 * The best lever for this guest between these hosts.  What its own host says holds for
 * the destination only if a QEMU gets the library there, in the version that the source's
 * speaks: else the next best, and why says what is in the way; else it is "".
 */
enum cf_lever cf_lever_best(const struct cf_guest_clock *guest, const struct cf_pair_evidence *pair,
			    char why[static CF_DETAIL_ROOM]);
