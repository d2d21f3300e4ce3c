/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whoever mistypes a name is told which one was probably meant.
 */

#include <stddef.h>

/*
 * Of n names the one that said is nearest to: at most two letters of it, and
 * no more than a third, are wrong, missing, too many or swapped.  NULL if there
 * is none.  The names are those of a table: *first and every const char * that
 * lies stride bytes behind the one before.  Pure; what is returned is one of them.
 */
const char *cf_meant(const char *said, const char *const *first, size_t n, size_t stride);
