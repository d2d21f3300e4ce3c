/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line: options by a table, commands by theirs. */

#include "client/command.h"

/* What is left to do after the command line was read. */
enum options { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

/*
 * Read the command line into *ask, defaults and environment included; its
 * texts are argv's and the environment's.  Returns an enum options, or
 * -EINVAL with CF_BAD_REQUEST and what was wrong.
 */
int options_read(int argc, char **argv, struct ask *ask, struct cf_error *err);

/* --help: of a command, or of all when it is NULL. */
void options_help(FILE *to, const struct command *command);
