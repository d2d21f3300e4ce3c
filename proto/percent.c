/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/percent.h"

#include <errno.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int cf_percent_decode(const char **text, const char *stop, char *ret, size_t room)
{
	const char *p = *text;
	size_t n = 0;

	for (; *p && !strchr(stop, *p); p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

			if (low < 0 || (high == 0 && low == 0))
				return -EINVAL;
			c = high << 4 | low;
			p += 2;
		}
		if (n + 1 >= room)
			return -E2BIG;
		ret[n++] = c;
	}

	ret[n] = '\0';
	*text = p;
	return 0;
}

void cf_percent_encode(struct cf_grow *to, const char *text)
{
	for (const char *p = text; *p; p++) {
		char c = *p;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '-' || c == '.' || c == '_' || c == '~')
			cf_grow_char(to, c);
		else
			cf_grow_printf(to, "%%%02X", (unsigned char)c);
	}
}
