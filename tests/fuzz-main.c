/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over the files given, or over its own corpus in the
 * sources when there are none.  libFuzzer brings its own main().
 */

#ifndef LIBFUZZER

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz.h"
#include "tests/tap.h"

/* The last line of a target that dies says which file it was. */
static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	printf("# %s\n", path);
	fflush(stdout);
	if (!file || fseek(file, 0, SEEK_END) < 0) {
		ok(false, "%s can be read", path);
		return;
	}

	size = ftell(file);
	rewind(file);
	data = malloc(size);
	must(data || size == 0);
	size = fread(data, 1, size, file);
	fclose(file);

	ok(LLVMFuzzerTestOneInput(data, size) == 0, "survives %s", path);
	free(data);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* program is "fuzz-NAME", wherever it is, and however libtool calls it. */
static void replay_corpus(const char *program)
{
	const char *sources = getenv("srcdir"), *name = strstr(program, "fuzz-");
	char folder[PATH_MAX / 2], path[PATH_MAX];
	struct dirent **entries;
	int n;

	must(name);
	snprintf(folder, sizeof(folder), "%s/tests/corpus/%s", sources ? sources : ".",
		 name + strlen("fuzz-"));
	n = scandir(folder, &entries, visible, alphasort);
	ok(n > 0, "there are inputs in %s", folder);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_corpus(argv[0]);

	return done();
}

#endif
