/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A watchdog, and what waits for it. */

#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/watchdog.h"

#define PATIENCE ((cf_span){ 20 * CF_S })

static struct watchdog *dog;

static inline cf_mono in(int64_t ns)
{
	return cf_mono_add(kernel_raw(), (cf_span){ ns });
}

static inline void rest(int64_t ns)
{
	nanosleep(&(struct timespec){ .tv_sec = ns / CF_S, .tv_nsec = ns % CF_S }, NULL);
}

static inline struct guard_end ended(const struct guard *guard)
{
	cf_mono limit = cf_mono_add(kernel_raw(), PATIENCE);
	struct guard_end end;

	for (guard_read(guard, &end); !end.cut && cf_mono_cmp(kernel_raw(), limit) < 0; guard_read(guard, &end))
		rest(100 * CF_US);
	return end;
}
