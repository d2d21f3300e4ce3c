/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages of any shape, made up from its table: the same ones on every machine and in every run. */

#include "proto/field.h"

uint64_t any_dice(void);

/*
 * Fill *message, which is zeroed, with anything its rows allow; full: with all they
 * allow, every list and text to its end.  cf_message_clear() when done with it.
 */
void any_message(const struct cf_shape *shape, bool full, void *message);

/* Do both say the same?  What is absent is not looked at. */
bool any_same(const struct cf_shape *shape, const void *a, const void *b);
