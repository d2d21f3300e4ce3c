/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Percent-encoded text, as paths and queries of URLs have it (RFC 3986).
 *
 * Pure, any thread.
 */

#include <stddef.h>

#include "proto/grow.h"

/*
 * Decode *text up to its end or the first of the characters in stop, into the
 * room bytes at ret, with a NUL; *text is moved to where that was.  -EINVAL for
 * an escape that is none or stands for NUL, -E2BIG when it does not fit; nothing
 * but ret is touched then.
 */
int cf_percent_decode(const char **text, const char *stop, char *ret, size_t room);

/* Append the text, every byte encoded that is not unreserved. */
void cf_percent_encode(struct cf_grow *to, const char *text);
