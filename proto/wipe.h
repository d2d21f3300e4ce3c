/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory that messages go through.  Some carry a domain's XML or libvirt's cookies, in which
 * there are secrets, so whatever holds the text of any of them is wiped before it is given back.
 * What the libraries copy on its way from and to the socket is theirs.
 */

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

static inline void cf_wipe(void *memory, size_t size)
{
	if (memory)
		explicit_bzero(memory, size);
	free(memory);
}

static inline void cf_text_wipe(char *text)
{
	cf_wipe(text, text ? strlen(text) : 0);
}
CF_DEFINE_AUTO(char *, cf_text_wipe)

/* As realloc(), for memory of which so much is used; it leaves nothing behind. */
static inline void *cf_wipe_grow(void *memory, size_t used, size_t room)
{
	void *grown = malloc(room);

	if (!grown)
		return NULL;
	if (memory)
		memcpy(grown, memory, used);
	cf_wipe(memory, used);
	return grown;
}
