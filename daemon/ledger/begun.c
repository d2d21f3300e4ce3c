/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * That a ledger was begun anew, and what for: in a file beside it, until what it lacks has been looked for.
 * An agent that ends before that leaves it to the next, which would take the ledger for whole.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger/private.h"

#define BEGUN ".begun"

/* An empty note leaves another one there is. */
static int put(int fd, const char *note)
{
	ssize_t n = (ssize_t)strlen(note);

	if (n > 0 && (ftruncate(fd, 0) < 0 || write(fd, note, (size_t)n) != n))
		return -1;
	return fsync(fd);
}

int begun_put(const char *path, const char *note, struct cf_error *err)
{
	char beside[STORE_PATH_ROOM];
	int fd, r = 0;

	store_name_beside(path, BEGUN, beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || put(fd, note) < 0)
		r = cf_fail(err, errno, CF_HOST, "%.120s: %s", beside, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r == 0 ? store_keep_names(path, err) : r;
}

void begun_get(const char *path, struct store_loss *ret)
{
	char beside[STORE_PATH_ROOM];
	ssize_t n;
	int fd;

	store_name_beside(path, BEGUN, beside);
	fd = open(beside, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, ret->note, sizeof(ret->note) - 1);
	close(fd);
	ret->note[n > 0 ? n : 0] = '\0';
	ret->begun = true;
	ret->happened = n > 0;
}

void begun_forget(const char *path)
{
	char beside[STORE_PATH_ROOM];

	store_name_beside(path, BEGUN, beside);
	unlink(beside);
}
