/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The disruption marker of a guest's vmclock (QEMU 10), as the guest sees it: in /dev/vmclock0, which Linux has from 6.13
 * on, read by its agent.  libvirt calls the domain tainted from then on (custom-ga-command).
 */

#include "daemon/virt/connect.h"

/* *ret is a number of 64 bits, of which nothing is known but whether it has changed. */
int vmclock_read(struct virt_link *link, const char *uuid, cf_mono deadline, int64_t *ret, struct cf_error *err);

/* Inside: the marker in the agent's reply to guest-file-read. */
int vmclock_marker(const char *reply, int64_t *ret, struct cf_error *err);
