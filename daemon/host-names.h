/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names of one host.  A certificate may have several, and which of them others know it by is theirs to choose. */

#include <stdbool.h>
#include <stddef.h>

#include "proto/version.h"

#define HOST_NAMES_MAX 8

struct host_names {
	size_t n;
	char list[HOST_NAMES_MAX][CF_HOST_ROOM];	/* in lower case, each once */
};

/* What is beyond the room there is, is left out. */
void host_names_add(struct host_names *names, const char *name);

/* Is that one of them?  "" is nobody's name. */
bool host_names_have(const struct host_names *names, const char *name);
