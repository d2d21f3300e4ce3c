/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs of the rig that use daemon/virt by commands: NAME URI COMMAND ARGUMENT... connects to that
 * libvirtd, runs the command, and prints what came of it, a "name=value" a line.
 */

#include "daemon/virt/connect.h"

extern struct virt *virt;
extern struct cf_error err;
extern const char *uri;
extern char **words;		/* what follows the arguments, WORD=VALUE, up to NULL */

#define SECONDS(s) ((cf_span){ (int64_t)((s) * CF_S) })
cf_mono in(double seconds);

/* err as lines; the status to exit with. */
int failed(int r);

struct virt_command {
	const char *name;
	int n_args;			/* at least */
	int (*run)(char **args);	/* up to NULL; the status to exit with */
};

int run_command(const char *program, const struct virt_command *commands, size_t n, int argc, char **argv);
