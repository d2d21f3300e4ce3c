/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/clock/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 5

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * CF_S + t.tv_nsec;
}

cf_mono kernel_raw(void)
{
	return (cf_mono){ read_clock(CLOCK_MONOTONIC_RAW) };
}

struct cf_instant kernel_instant(void)
{
	struct cf_instant best = { .width = { INT64_MAX } };

	for (int i = 0; i < ATTEMPTS; i++) {
		cf_mono before = kernel_raw();
		cf_real real = { read_clock(CLOCK_REALTIME) };
		cf_span width = cf_mono_since(kernel_raw(), before);

		if (cf_span_cmp(width, best.width) < 0)
			best = (struct cf_instant){ cf_mono_add(before, (cf_span){ width.ns / 2 }), real, width };
	}
	return best;
}

cf_real kernel_midnight(cf_real t)
{
	return (cf_real){ (t.ns / CF_DAY + 1) * CF_DAY };
}

int kernel_clock_read(struct kernel_clock *ret, struct cf_error *err)
{
	struct timex t = { 0 };
	struct kernel_clock clock = { 0 };
	int state = adjtimex(&t);

	if (state < 0)
		return cf_fail(err, errno, CF_HOST, "adjtimex: %s", strerror(errno));

	clock.unsync = t.status & STA_UNSYNC;
	clock.max_error.ns = t.maxerror * CF_US;
	clock.has_tai_s = t.tai != 0;
	clock.tai_s = t.tai;
	/* After the leap second the flag stays until somebody clears it; the state tells. */
	clock.has_leap = (t.status & (STA_INS | STA_DEL)) && state != TIME_WAIT;
	clock.leap.kind = t.status & STA_INS ? CF_LEAP_INSERT : CF_LEAP_DELETE;
	clock.leap.at = kernel_midnight((cf_real){ read_clock(CLOCK_REALTIME) });

	*ret = clock;
	return 0;
}

/* The first line of a file of the kernel's, without its end. */
static int read_line(const char *path, char *ret, size_t size, struct cf_error *err)
{
	char line[128];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", path, strerror(errno));
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return cf_fail(err, EIO, CF_HOST, "%s: cannot be read", path);

	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strlen(line) >= size)
		return cf_fail(err, EMSGSIZE, CF_HOST, "%s: line is too long", path);

	strcpy(ret, line);
	return 0;
}

int kernel_clocksource(char *ret, size_t size, struct cf_error *err)
{
	return read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", ret, size, err);
}

int kernel_boot_id(char ret[static CF_UUID_ROOM], struct cf_error *err)
{
	return read_line("/proc/sys/kernel/random/boot_id", ret, CF_UUID_ROOM, err);
}

int kernel_steps_open(int *ret_fd, struct cf_error *err)
{
	/* Never expires: it is only there to be cancelled. */
	struct itimerspec never = { .it_value.tv_sec = INT64_MAX / CF_S };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "timerfd: %s", strerror(errno));
	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0) {
		int error = errno;

		close(fd);
		return cf_fail(err, error, CF_HOST, "timerfd: %s", strerror(error));
	}
	*ret_fd = fd;
	return 0;
}

bool kernel_steps_seen(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
}
