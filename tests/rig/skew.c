/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded beside libfaketime, to say what libvirt does not pass on: it hands
 * LD_PRELOAD to QEMU but cleans the environment that libfaketime reads.
 * CLOCK_MONOTONIC(_RAW) and file times stay true, the offset in
 * /etc/faketimerc is looked at again every second.
 *
 * And the kernel's time stamps on packets would be true while the clock is
 * not: chronyd, which would compare the two, does without them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

__attribute__((constructor)) static void set_environment(void)
{
	setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
	setenv("FAKETIME_CACHE_DURATION", "1", 1);
	setenv("NO_FAKE_STAT", "1", 1);
}

static int is_stamp(int option)
{
	return option == SO_TIMESTAMP || option == SO_TIMESTAMPNS || option == SO_TIMESTAMPING;
}

__attribute__((visibility("default")))
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	int (*real)(int, int, int, const void *, socklen_t);

	if (level == SOL_SOCKET && is_stamp(option)) {
		errno = ENOPROTOOPT;
		return -1;
	}

	*(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
	return real(fd, level, option, value, size);
}
