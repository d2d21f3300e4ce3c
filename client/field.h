/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Members of a message from words of the command line.  The shape of the message
 * says what a word may be, so that the command cannot disagree with the agent.
 */

#include "proto/error.h"
#include "proto/field.h"

/*
 * Take the word as the member of that name: of kind bool ("yes", "no"; NULL is yes),
 * int, span, text, enum, or list of texts (parted by commas; more are appended).
 * EINVAL says what would have been right.
 */
int field_take(const struct cf_shape *shape, const char *name, const char *word, void *message, struct cf_error *err);
