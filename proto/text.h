/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Times and spans as people read and write them.
 *
 * Every ..._text() writes into the caller's buffer, whose size its macro says,
 * with a NUL, for any value, and returns that buffer, so that it can stand
 * among the arguments of printf().  Pure, any thread, whatever the locale.
 */

#include "proto/error.h"
#include "proto/time.h"

#define CF_SPAN_TEXT_ROOM	40
#define CF_INTERVAL_TEXT_ROOM	80
#define CF_REAL_TEXT_ROOM	32

/*
 * "1.234 ms", "-300 us", "2.001 s", "1 h 0 min 2 s", "0 s": the nearest value
 * of four digits, trailing zeros dropped; from a minute on whole seconds.
 */
char *cf_span_text(cf_span s, char ret[static CF_SPAN_TEXT_ROOM]);

/* "90 s", "1500 ms", "-2 d", "0 s": to the nanosecond, in the largest unit that it is a whole number of. */
char *cf_span_exact_text(cf_span s, char ret[static CF_SPAN_TEXT_ROOM]);

/*
 * "-1.25 ms .. +3.40 ms".  Each end has as many digits as the width of the
 * interval makes sensible, three at least, and is rounded outwards: what is
 * shown always holds what was measured.
 */
char *cf_interval_text(struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM]);

/*
 * The same as "+1.08 ms +- 2.33 ms".  The middle has no more digits than the
 * half width leaves it; the half width is rounded up so that it covers that
 * rounding too.
 */
char *cf_interval_around_text(struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM]);

/* RFC 3339, UTC, nine digits: "2026-01-31T12:00:00.000000000Z".  POSIX time: no leap seconds. */
char *cf_real_text(cf_real t, char ret[static CF_REAL_TEXT_ROOM]);

/*
 * Reads exactly what cf_real_text() writes, from 1970 to the end of the type
 * (2262-04-11T23:47:16.854775807Z): nine digits, capital T and Z, a date that
 * exists.  Second 60 is refused, as no cf_real can hold it.
 * EINVAL or ERANGE, CF_BAD_REQUEST; the text does not repeat the input.
 */
int cf_real_parse(const char *text, cf_real *ret, struct cf_error *err);

/*
 * Reads a span of a setting or an option: "500 us", "25ms", "1.5 s", "5 min",
 * "1h", "-2 s", "0".  A whole or decimal number that comes to whole
 * nanoseconds, then ns, us, ms, s, min, h (3600 s) or d (86400 s), with blanks
 * allowed only between the two.  EINVAL when it is not that; ERANGE when it is
 * below min, above max or beyond the type; CF_BAD_REQUEST.  The text says what
 * would have been right.
 */
int cf_span_parse(const char *text, cf_span min, cf_span max, cf_span *ret, struct cf_error *err);
