/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-unmeasured.h"

#include <stdarg.h>
#include <stdio.h>

char unmeasured[CF_DETAIL_ROOM];

void work_unmeasured(struct work *work, enum cf_figure figure, const char *fmt, ...)
{
	int at = snprintf(unmeasured, sizeof(unmeasured), "%s: ", cf_figure_words[figure]);
	va_list ap;

	(void)work;
	va_start(ap, fmt);
	vsnprintf(unmeasured + at, sizeof(unmeasured) - at, fmt, ap);
	va_end(ap);
}
