/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ledger-harm.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base.h"

struct ledger_made made;
struct cf_error err;
struct ledger_state state;

int write_one(int n)
{
	return ledger_made_write(&made, ledger_made_line(n, CF_PHASE_DONE, true), PATIENCE, &err);
}

void fill(int rows)
{
	ledger_made_begin(&made);
	ledger_made_open(&made);
	for (int n = 0; n < rows; n++)
		write_one(n);
	ledger_made_close(&made);
}

int readable(int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++) {
		CF_AUTO(cf_free) struct ledger_row *row = NULL;

		n += ledger_find(made.ledger, ledger_made_id(i), &row, NULL) == 0 && !*row->fault;
	}
	return n;
}

void reopen(void)
{
	ledger_made_close(&made);
	ledger_made_open(&made);
	ledger_state(made.ledger, &state);
}

void scribble(const char *path, off_t at, size_t n)
{
	char garbage[8192];
	int fd = open(path, O_WRONLY);

	memset(garbage, 0xa5, sizeof(garbage));
	if (pwrite(fd, garbage, n, at) != (ssize_t)n)
		abort();
	close(fd);
}

off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

size_t aside(char name[static PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found;
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s.damaged-*Z", made.options.path);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	if (n)
		snprintf(name, PATH_MAX, "%s", found.gl_pathv[0]);
	globfree(&found);
	return n;
}

void command(const char *what)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "cd '%s' && %s", made.folder, what);
	if (system(text) != 0)
		abort();
}
