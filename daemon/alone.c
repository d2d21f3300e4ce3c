/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"

/* Made by root, by hand, it is still that user's whose folder it is in; where that is not to be, it is locked all the same. */
static void hand_over(int fd, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", path);
	if (stat(dirname(folder), &st) == 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		hand_over(fd, path);
	else if (errno == EEXIST)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd;
}

/* The process's own, not the descriptor's: no child has it, and the kernel says whose it is. */
static bool lock_it(int fd, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return true;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		*ret_holder = lock.l_pid;
	return false;
}

int alone_lock(const char *path, cf_span patience, struct cf_error *err)
{
	const struct timespec turn = { .tv_nsec = 20 * CF_MS };
	cf_mono deadline = cf_mono_add(kernel_raw(), patience);
	int fd = open_lock(path);
	pid_t holder = 0;

	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", path, strerror(errno));
	while (!lock_it(fd, &holder)) {
		if (cf_mono_cmp(kernel_raw(), deadline) >= 0) {
			close(fd);
			return cf_fail(err, EADDRINUSE, CF_HOST, "%s is in use by another agent, process %d", path, (int)holder);
		}
		nanosleep(&turn, NULL);
	}
	return 0;
}
