/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* made-up-json FOLDER: every made-up message as FOLDER/NAME.json, for the fake agent to answer with. */

#include <stdio.h>

#include "proto/codec.h"
#include "proto/version.h"
#include "tests/made-up.h"

static int write_one(const char *folder, const struct made_up *m)
{
	CF_AUTO(cf_free) char *json = cf_encode(m->shape, m->message, CF_MINOR);
	char path[4096];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s.json", folder, m->name);
	to = fopen(path, "w");
	if (!json || !to || fputs(json, to) < 0)
		return -1;
	return fclose(to);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < n_made_up; i++)
		if (write_one(argv[1], &made_up[i]) != 0) {
			perror(made_up[i].name);
			return 1;
		}
	return argc != 2;
}
