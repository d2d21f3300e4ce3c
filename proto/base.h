/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The few words the rest of the tree is written in.
 */

#include <stddef.h>
#include <stdlib.h>

#define CF_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Run fn(variable) when the variable leaves its scope. */
#define CF_AUTO(fn) __attribute__((cleanup(fn##p)))

/* Give CF_AUTO() a destructor that takes the pointer itself. */
#define CF_DEFINE_AUTO(type, fn)                \
	static inline void fn##p(type *p)       \
	{                                       \
		if (*p)                         \
			fn(*p);                 \
	}

/* CF_AUTO(cf_free) for anything that came from malloc(). */
static inline void cf_freep(void *p)
{
	free(*(void **)p);
}

/* Hand the value to the caller; the scope no longer releases it. */
#define CF_TAKE(p)                              \
	({                                      \
		__typeof__(p) taken_ = (p);     \
		(p) = NULL;                     \
		taken_;                         \
	})
