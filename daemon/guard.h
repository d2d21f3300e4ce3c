/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libvirt's hook on this host, as the agent has to do with it: what it is told for
 * the time when there is no agent, and whether libvirt runs it.
 */

#include "policy/doctor.h"
#include "daemon/settings.h"

#define GUARD_FILE LOCALSTATEDIR "/lib/clockferry/hook"	/* as hook/settings.h has it */

/* What the hook finds there from now on; nothing while the settings have a fault.  0 or -errno. */
int guard_tell(const char *path, const struct settings *settings, struct cf_error *err);

/* The places that are looked into; a test brings its own. */
struct guard_roots {
	const char *link;		/* CF_HOOK_LINK */
	const char *run, *proc;		/* "/run" and "/proc": where the daemons' pids are */
	const char *loaded;		/* CF_HOOK_LOADED */
	const char *file;		/* GUARD_FILE */
};

extern const struct guard_roots guard_roots;

/* Is it there, could it be told, and has libvirt loaded it?  asked: when it last asked, zeroed for never. */
void guard_look(const struct guard_roots *roots, const struct settings *settings, struct cf_instant asked,
		struct cf_hook_evidence *ret);
