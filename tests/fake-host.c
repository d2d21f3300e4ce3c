/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-host.h"

#include <time.h>

#include "daemon/act/work.h"
#include "daemon/clock/kernel.h"

struct fake_host fake;

void fake_begin(cf_span stop)
{
	fake.now.ns = FAKE_BEGIN;
	fake.stops = stop.ns ? cf_mono_add(fake.now, stop) : (cf_mono){ 0 };
}

cf_span fake_took(void)
{
	return cf_mono_since(fake.now, (cf_mono){ FAKE_BEGIN });
}

cf_mono kernel_raw(void)
{
	return fake.now;
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	fake.now = cf_mono_add(fake.now, (cf_span){ wanted->tv_sec * CF_S + wanted->tv_nsec });
	return 0;
}

bool work_stopping(const struct work *work)
{
	(void)work;
	return fake.stops.ns != 0 && cf_mono_cmp(fake.now, fake.stops) >= 0;
}

