/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent: the loop, and who talks to whom.  No logic of its own. */

#include "proto/base.h"
#include "proto/error.h"

struct agent;

struct agent_options {
	const char *settings_path;
};

/* Everything up and listening, nothing served yet. */
int agent_new(struct agent **ret, const struct agent_options *options, struct cf_error *err);
void agent_free(struct agent *agent);
CF_DEFINE_AUTO(struct agent *, agent_free)

/* Serve until SIGTERM or SIGINT. */
int agent_run(struct agent *agent, struct cf_error *err);
