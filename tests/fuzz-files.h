/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For targets that read files: a folder of their own, and files in it whose contents are the
 * parts of the input, split at bytes of 0xff.  Goes with the process.
 */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz.h"

static char top[] = "/tmp/clockferry-fuzz-XXXXXX";
static int top_fd;

static int removed(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st; (void)kind; (void)at;
	return remove(path);
}

static void remove_all(void)
{
	nftw(top, removed, 8, FTW_DEPTH | FTW_PHYS);
}

static void furnish(const char *const *folders, size_t n)
{
	must(mkdtemp(top));
	atexit(remove_all);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < n; i++)
		must(mkdirat(top_fd, folders[i], 0700) == 0);
}

/* Its path; good while four more are asked for. */
static const char *in(const char *name)
{
	static char path[5][128];
	static size_t n;

	n = (n + 1) % (sizeof(path) / sizeof(path[0]));
	snprintf(path[n], sizeof(path[n]), "%s/%s", top, name);
	return path[n];
}

/* Without data, a part that is not in the input, the file is not there. */
static void put(const char *file, const uint8_t *data, size_t size)
{
	int fd;

	unlinkat(top_fd, file, 0);
	if (!data)
		return;
	fd = openat(top_fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* Each file gets its part, in the order of the table; what is left of the input is in *data, *size. */
static inline void put_parts(const char *const *files, size_t n_files, const uint8_t **data, size_t *size)
{
	for (size_t i = 0; i < n_files; i++) {
		const uint8_t *end = *data ? memchr(*data, 0xff, *size) : NULL;
		size_t n = end ? (size_t)(end - *data) : *size;

		put(files[i], *data, n);
		*data = end ? end + 1 : NULL;
		*size = end ? *size - n - 1 : 0;
	}
}
