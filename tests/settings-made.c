/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/settings-made.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/base.h"

const char settings_made_path[] = "test-settings.conf";
static char folder[] = "/tmp/test-settings-XXXXXX";

int settings_made_try(const char *text, struct settings **ret, struct cf_error *err)
{
	FILE *file = fopen(settings_made_path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
	return settings_read(settings_made_path, ret, err);
}

struct settings *settings_made(const char *text)
{
	struct settings *settings = NULL;
	struct cf_error err = { 0 };

	if (settings_made_try(text, &settings, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return settings;
}

static void from_root(const char *name)
{
	const char *there = getenv(name);
	CF_AUTO(cf_free) char *whole = realpath(there ? there : ".", NULL);

	setenv(name, whole ? whole : there ? there : ".", 1);
}

void settings_made_begin(void)
{
	from_root("srcdir");
	from_root("builddir");
	if (!mkdtemp(folder) || chdir(folder) < 0)
		abort();
}

void settings_made_end(void)
{
	unlink(settings_made_path);
	rmdir(folder);
}
