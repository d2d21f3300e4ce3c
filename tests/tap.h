/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Test Anything Protocol, as far as we need it. */

#include <stdio.h>

static int tap_ran, tap_failed;

/* One assertion with a sentence: ok(a == b, "the two agree on %s", what). */
#define ok(cond, ...)                                                             \
	do {                                                                      \
		int good_ = !!(cond);                                             \
		printf("%sok %d - ", good_ ? "" : "not ", ++tap_ran);             \
		printf(__VA_ARGS__);                                              \
		putchar('\n');                                                    \
		if (!good_) {                                                     \
			tap_failed++;                                             \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);       \
		}                                                                 \
		fflush(stdout);	/* or a child that is forked says it, too */      \
	} while (0)

/* Ends main(): prints the plan after the fact, so that nobody has to count. */
static inline int done(void)
{
	printf("1..%d\n", tap_ran);
	return tap_failed != 0;
}
