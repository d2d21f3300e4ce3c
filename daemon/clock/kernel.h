/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel knows of its clocks.  Every function may be called from any
 * thread, and none blocks.
 */

#include "proto/error.h"
#include "proto/report.h"
#include "proto/time.h"

cf_mono kernel_raw(void);

/* Of what is done every so often: is it time?  Then *next is when it will be again. */
static inline bool kernel_due(cf_mono *next, cf_span every)
{
	cf_mono now = kernel_raw();

	if (cf_mono_cmp(now, *next) < 0)
		return false;
	*next = cf_mono_add(now, every);
	return true;
}

/* REALTIME between two readings of RAW: of five attempts the one with the smallest width. */
struct cf_instant kernel_instant(void);

/* adjtimex(2), read only. */
struct kernel_clock {
	bool unsync;			/* STA_UNSYNC */
	cf_span max_error;		/* the kernel's own belief: grows by 500 ppm until somebody sets it again */
	bool has_tai_s;
	int64_t tai_s;			/* absent where the kernel has 0: nobody ever told it */
	bool has_leap;
	struct cf_leap_pending leap;
};

int kernel_clock_read(struct kernel_clock *ret, struct cf_error *err);

/* The end of the UTC day that t is in, which is when a leap second takes place. */
cf_real kernel_midnight(cf_real t);

/* The clocksource in use, as sysfs spells it: "tsc", "kvm-clock", "arch_sys_counter". */
int kernel_clocksource(char *ret, size_t size, struct cf_error *err);

/* The random id of this boot, without which a cf_mono means nothing to anybody else. */
int kernel_boot_id(char ret[static CF_UUID_ROOM], struct cf_error *err);

/*
 * A descriptor that becomes readable when CLOCK_REALTIME was set (slewing does
 * not count; TAI - UTC and a leap second do).  kernel_steps_seen() tells whether
 * it was since the last call, and makes it wait for the next time.  The caller
 * closes it.
 */
int kernel_steps_open(int *ret_fd, struct cf_error *err);
bool kernel_steps_seen(int fd);
