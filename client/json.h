/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON for --json: the agent's own text, spread over lines.
 *
 * It is not decoded and encoded again, so that what a newer agent says is
 * there too.  The text has been decoded before and is known to be JSON.
 */

#include <stdio.h>

#include "proto/error.h"
#include "proto/field.h"

/* One value, indented by depth levels; no end of line after it. */
void json_put(FILE *to, const char *text, size_t size, int depth);

/* One value and the end of its line. */
void json_print(FILE *to, const char *text, size_t size);

/* The same of what no agent said. */
int json_print_message(FILE *to, const struct cf_shape *shape, const void *message, struct cf_error *err);
