/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's clocks of this host. */

#include "daemon/clock/kernel.h"

#include <string.h>

#include "tests/tap.h"

static void test_kernel(void)
{
	struct cf_instant a = kernel_instant(), b = kernel_instant();
	struct kernel_clock clock;
	struct cf_error err;
	char boot[CF_UUID_ROOM], source[32];
	int fd;

	ok(b.raw.ns > a.raw.ns && a.width.ns >= 0, "RAW goes forward");
	ok(cf_span_abs(cf_span_sub(cf_instant_difference(a), cf_instant_difference(b))).ns <
	   a.width.ns + b.width.ns + CF_US + cf_span_ppm(cf_mono_since(b.raw, a.raw), 1e5).ns,
	   "two instants agree on REALTIME - RAW within their widths");
	ok(kernel_clock_read(&clock, &err) == 0 && clock.max_error.ns >= 0, "adjtimex can be read");
	ok(!clock.has_tai_s || clock.tai_s != 0, "an unknown TAI offset is absent");
	ok(kernel_boot_id(boot, &err) == 0 && strlen(boot) == 36, "the boot has an id");
	ok(kernel_clocksource(source, sizeof(source), &err) == 0 && *source, "the clocksource is %s", source);
	ok(kernel_clocksource(source, 2, &err) < 0, "a name that does not fit is an error");
	ok(kernel_midnight((cf_real){ 0 }).ns == CF_DAY && kernel_midnight((cf_real){ CF_DAY - 1 }).ns == CF_DAY &&
	   kernel_midnight((cf_real){ CF_DAY }).ns == 2 * CF_DAY, "midnight is the end of the day");
	ok(kernel_steps_open(&fd, &err) == 0 && !kernel_steps_seen(fd), "nobody set the clock just now");
}

int main(void)
{
	test_kernel();
	return done();
}
