/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text of a settings file, made fit for libconfuse.
 *
 * libconfuse 3.3 (the one in Debian) counts three lines for one that ends in a
 * comment, fails on a comment inside a list, skips characters it has no use
 * for, puts environment variables in, and takes a group that the end of the
 * file cuts off.  So comments are blanked here, with their newlines kept, and
 * the rest is an error: the lines that libconfuse then reports are true ones.
 */

#include "proto/error.h"

/*
 * Blank the comments of text (#..., //... at the begin of a word, and C's) in
 * place.  EINVAL with what is wrong, and *line is where.
 */
int settings_blank_comments(char *text, int *line, struct cf_error *err);

/* The file at path, on the heap, with its NUL; none of 256 KiB or more, nor one with a NUL in it. */
int settings_load(const char *path, char **ret, struct cf_error *err);
