/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libvirt's hook for domains (/etc/libvirt/hooks/qemu.d), which libvirtd runs at
 * every step of a domain's life: HOOK DOMAIN OPERATION SUB-OPERATION EXTRA.
 *
 * Of all of them it has one question to answer: may this domain be migrated to this
 * host?  The agent knows.  At every other step it says yes before it does anything
 * else: a hook that fails at `reconnect` kills guests that run.
 */

#include "hook/settings.h"

struct hook_places {
	const char *settings;	/* what the agent has written for it */
	const char *socket;	/* the agent's */
	const char *log;	/* the system's log, told of what nobody judged */
};

/* Returns the exit status: 0 to let it go on, 1 with the reason on stderr. */
int hook_run(const struct hook_places *places, int argc, char **argv);
