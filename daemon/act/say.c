/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How an act ended, in words. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "proto/finding.h"

void act_say(char why[static CF_DETAIL_ROOM], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CF_DETAIL_ROOM, fmt, ap);
	va_end(ap);
}

void act_say_asked(char why[static CF_DETAIL_ROOM], const char *asked, const char *destination)
{
	act_say(why, "%.170s, at %.60s", asked, destination);
}

void act_say_refusal(char why[static CF_DETAIL_ROOM], const char *words, const struct cf_finding *findings, size_t n)
{
	const struct cf_finding *first = NULL;
	char text[CF_FINDING_TEXT_ROOM], more[32] = "";
	size_t refusals = 0;

	for (size_t i = 0; i < n; i++)
		if (cf_finding_refuses(&findings[i]) && refusals++ == 0)
			first = &findings[i];
	if (!first) {
		act_say(why, "%sthe other host refuses and does not say why", words);
		return;
	}
	if (refusals > 1)
		snprintf(more, sizeof(more), "; and %zu more", refusals - 1);
	act_say(why, "%s%.*s%s", words, (int)(CF_DETAIL_ROOM - strlen(words) - strlen(more) - 1),
		cf_finding_text(first, text), more);
}
