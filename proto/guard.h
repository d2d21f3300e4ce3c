/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Migrations that others drive: what libvirt's hook asks of the agent before it lets
 * one in.
 */

#include "proto/field.h"
#include "proto/finding.h"
#include "proto/version.h"

/* Where libvirt looks for it; the program itself comes with the agent. */
#define CF_HOOK_FOLDER "/etc/libvirt/hooks/qemu.d"
#define CF_HOOK_LINK   CF_HOOK_FOLDER "/50-clockferry"

/* Written when libvirt was told to look for hooks again, which leaves no trace of its own. */
#define CF_HOOK_LOADED RUNDIR "/clockferry/hook-loaded"

/* What becomes of a migration whose clocks are not good enough. */
enum cf_guard_mode {
	CF_GUARD_UNKNOWN,
	CF_GUARD_OFF,			/* nothing is judged */
	CF_GUARD_OBSERVE,		/* it is let in, and the log says why it should not have been */
	CF_GUARD_ENFORCE,
	CF_N_GUARD_MODES,
};

struct cf_guard_request {
	char domain[CF_NAME_ROOM];	/* its name, for the log; "" where that is not plain */
	bool has_uuid;
	char uuid[CF_UUID_ROOM];
};

struct cf_guard_answer {
	bool let_in;
	char text[CF_FINDING_TEXT_ROOM + 32];	/* why not, or why it should not have been: one line; "" */
	enum cf_guard_mode mode;
	bool expected;			/* there is a lease for it: clockferry drives it */
	size_t n_findings;
	struct cf_finding findings[16];
};

extern const char *const cf_guard_mode_words[CF_N_GUARD_MODES];
extern const struct cf_shape cf_guard_request_shape;
extern const struct cf_shape cf_guard_answer_shape;
