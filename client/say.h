/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines for a person.
 *
 * What agents say comes from guests and other hosts, and a terminal obeys what
 * it is sent: control characters inside a line are shown as '?'.  On a terminal
 * long lines are folded between words; elsewhere a line stays one line.  Nobody
 * looks at results here; main() asks the stream once, at the end.
 */

#include <stdio.h>

#include "proto/field.h"
#include "proto/text.h"

#define SAY_LABEL 16	/* columns of a label */

/* One line; its end is added. */
void say(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An empty line and one line. */
void say_heading(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line; where it is folded, it goes on `hang` columns in. */
void say_hanging(FILE *to, size_t hang, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * "  label           text"; an empty label goes on under the one before.  A label that
 * is too long, as names of hosts are, has a line of its own.
 */
void say_row(FILE *to, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * A row whose text is a list: as many of its parts to a line as are well read, the
 * rest below.  Zero it but for `to` and `label`; say_part() as often as there are
 * parts, say_parts_end() once.
 */
struct say_parts {
	FILE *to;
	const char *label;
	char line[512];
	bool any;
};
void say_part(struct say_parts *parts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void say_parts_end(struct say_parts *parts, const char *none);	/* none: what to say where there were no parts */

/* Columns and rows of the terminal that `to` is, or 0: it is none, or does not tell. */
size_t say_columns(FILE *to);
size_t say_rows(FILE *to);

/*
 * A text and the line's end, the first word at column `at`: folded for a terminal
 * of so many columns, with `hang` blanks before each line but the first.  0: never.
 */
void say_folded(FILE *to, size_t columns, size_t at, size_t hang, const char *text);

/* A line without an end that takes the place of the one before on a terminal of so many columns. */
void say_over(FILE *to, size_t columns, const char *text);

/* What is absent was not measured, and is never a figure. */
#define SAY_ABSENT "not measured"
const char *interval_or_absent(bool has, struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM]);

/* "512 MiB", "1.21 GiB", "17 bytes". */
#define BYTES_TEXT_ROOM 32
const char *bytes_text(int64_t bytes, char ret[static BYTES_TEXT_ROOM]);

/* "2900 MHz", "2893321 kHz": every digit that is there. */
#define HERTZ_TEXT_ROOM 32
const char *hertz_text(int64_t hertz, char ret[static HERTZ_TEXT_ROOM]);

/* "2026-01-31T12:00:00.123Z": cut, not rounded, to milliseconds. */
const char *moment_text(cf_real t, char ret[static CF_REAL_TEXT_ROOM]);
