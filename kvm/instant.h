/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's counter and clocks, read together. */

#include "proto/kvm.h"

/*
 * Fills host, realtime, raw, width and tai_s: CLOCK_REALTIME between two readings of
 * the counter, of a few attempts the closest.  Adds CF_KVM_CLOCK_BRACKETED to flags.
 */
void instant_read(struct cf_kvm_capture *at);

/*
 * The rest of an instant that KVM gave itself (host, realtime): raw and tai_s,
 * as they were when realtime was.
 */
void instant_complete(struct cf_kvm_capture *at);
