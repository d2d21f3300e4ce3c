/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* QEMU's own events, as its monitor tells them to libvirt and libvirt to us.  Pure. */

#include "daemon/virt/switchover.h"

/* These are asked for: others may come by the thousand. */
#define MONITOR_EVENTS "^(STOP|RESUME|MIGRATION|MIGRATION_PASS|BLOCK_IO_ERROR|GUEST_PANICKED|SHUTDOWN|RESET)$"

struct monitor_said {
	const char *name;		/* "STOP" */
	const char *details;		/* JSON of the event's data, or NULL */
	cf_real stamp;			/* QEMU's own, in whole microseconds */
	struct cf_instant heard;
};

/* What the event was; false when it is nothing to a watch.  What QEMU says is not trusted to be well-formed. */
bool monitor_read(const struct monitor_said *said, struct guest_event *ret);
