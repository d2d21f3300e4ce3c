/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded before libfaketime, which takes the time of every absolute timerfd
 * for one of CLOCK_REALTIME: on a host that is 2 s ahead a timer of
 * CLOCK_MONOTONIC goes off 2 s too soon, and one that is due at once is refused;
 * on one that is an hour behind it goes off an hour too late.  Timers go by the
 * true clocks here.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

__attribute__((visibility("default")))
int timerfd_settime(int fd, int flags, const struct itimerspec *fresh, struct itimerspec *old)
{
	return (int)syscall(SYS_timerfd_settime, fd, flags, fresh, old);
}

__attribute__((visibility("default")))
int timerfd_gettime(int fd, struct itimerspec *left)
{
	return (int)syscall(SYS_timerfd_gettime, fd, left);
}
