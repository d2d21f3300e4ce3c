/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/drop-in.h"

#include <stdio.h>

void drop_in_read(const char *path, char ret[static DROP_IN_LIBRARY_ROOM])
{
	FILE *file = fopen(path, "re");
	char line[512];

	ret[0] = '\0';
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		sscanf(line, "Environment=LD_PRELOAD=%255s", ret);
	fclose(file);
}
