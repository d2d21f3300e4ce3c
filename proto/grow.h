/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A text that grows, and leaves nothing of itself where it was.  Running out of memory is remembered, and asked for once,
 * at the end.
 *
 * Starts zeroed; one owner, any thread.
 */

#include <stdbool.h>
#include <stddef.h>

struct cf_grow {
	char *text;
	size_t used, room;
	bool failed;
};

/* Room for n more characters, which the caller fills; NULL when out of memory. */
char *cf_grow_room(struct cf_grow *g, size_t n);

void cf_grow_add(struct cf_grow *g, const char *text, size_t n);
void cf_grow_char(struct cf_grow *g, char c);

/* For what is short: at most 255 characters. */
void cf_grow_printf(struct cf_grow *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text with its NUL, for the caller to free; NULL when memory ran out on the way.  *g is empty again. */
char *cf_grow_take(struct cf_grow *g);
