/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/grow.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wipe.h"

static bool make_room(struct cf_grow *g, size_t n)
{
	size_t room = g->room ? g->room : 256;
	char *text;

	if (g->failed)
		return false;
	if (n <= g->room - g->used)
		return true;

	while (room - g->used < n)
		room *= 2;
	text = cf_wipe_grow(g->text, g->used, room);
	if (!text) {
		g->failed = true;
		return false;
	}
	g->text = text;
	g->room = room;
	return true;
}

char *cf_grow_room(struct cf_grow *g, size_t n)
{
	char *at;

	if (!make_room(g, n))
		return NULL;
	at = g->text + g->used;
	g->used += n;
	return at;
}

void cf_grow_add(struct cf_grow *g, const char *text, size_t n)
{
	char *at = cf_grow_room(g, n);

	if (at)
		memcpy(at, text, n);
}

void cf_grow_char(struct cf_grow *g, char c)
{
	cf_grow_add(g, &c, 1);
}

void cf_grow_printf(struct cf_grow *g, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < sizeof(text));
	cf_grow_add(g, text, n);
}

char *cf_grow_take(struct cf_grow *g)
{
	struct cf_grow done;

	cf_grow_char(g, '\0');
	done = *g;
	*g = (struct cf_grow){ 0 };
	if (done.failed)
		cf_wipe(CF_TAKE(done.text), done.used);
	return done.text;
}
