/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks chronyd on this host what it knows: tracking, and the source it follows.
 *
 * Three ways: its Unix socket, then 127.0.0.1 port 323, then [::1].  The socket
 * is preferred because only the system can stand behind it; it needs to be root
 * or chronyd's user, because a socket of our own has to be bound next to
 * chronyd's for the answer.  UDP is open to every local user of the host.
 */

#include "policy/clock.h"
#include "proto/error.h"

struct chrony_how {
	enum cf_via only;	/* CF_VIA_UNKNOWN: each in turn until one answers */
	const char *socket;	/* NULL: /run/chrony/chronyd.sock */
	int port;		/* 0: 323 */
	cf_span timeout;	/* of one try, of which each request gets two; 0: 500 ms */
	cf_span deadline;	/* of everything; 0: 3 s */
};

/*
 * One reading.  Blocks, on the caller's thread, no longer than the deadline.
 * -ETIMEDOUT, or the error of the last way tried; the text tells of all of them.
 * May be called from any number of threads.
 */
int chrony_read(const struct chrony_how *how, struct cf_tracking_reading *ret, struct cf_error *err);
