/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the hook has to know when there is no agent to ask, in a file that the agent
 * writes when it has read its own settings (daemon/guard.h):
 *
 *	deadline-ms 1000
 *	without-agent closed
 *
 * Lines that are not known are passed over.
 */

#include <stdbool.h>

#include "proto/time.h"

struct hook_settings {
	cf_span deadline;	/* for all of it */
	bool closed;		/* without an answer nothing comes in */
};

/* No file: an agent has never run here.  One that is there and cannot be read: closed. */
void hook_settings_read(const char *path, struct hook_settings *ret);
