/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/host-names.h"

#include <stdio.h>
#include <strings.h>

void host_names_add(struct host_names *names, const char *name)
{
	if (!*name || names->n == HOST_NAMES_MAX || host_names_have(names, name))
		return;
	snprintf(names->list[names->n], CF_HOST_ROOM, "%s", name);
	for (char *c = names->list[names->n]; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 0x20;
	names->n++;
}

bool host_names_have(const struct host_names *names, const char *name)
{
	for (size_t i = 0; *name && i < names->n; i++)
		if (strcasecmp(names->list[i], name) == 0)
			return true;

	return false;
}
