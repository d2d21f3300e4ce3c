/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded beside libfaketime, to say what libvirt does not pass on: it hands
 * LD_PRELOAD to QEMU but cleans the environment that libfaketime reads.
 * CLOCK_MONOTONIC(_RAW) and file times stay true, the offset in
 * /etc/faketimerc is looked at again every second.  libfaketime asks once, at
 * the first look at a clock, which with Debian 13's QEMU is before any
 * constructor of ours: so it is not the environment that answers.
 *
 * And the kernel's time stamps on packets would be true while the clock is
 * not: chronyd, which would compare the two, does without them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const said[] = { "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_CACHE_DURATION", "NO_FAKE_STAT" };

__attribute__((visibility("default")))
char *getenv(const char *name)
{
	static char one[] = "1";
	char *(*real)(const char *);

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (strcmp(name, said[i]) == 0)
			return one;

	*(void **)&real = dlsym(RTLD_NEXT, "getenv");
	return real(name);
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
