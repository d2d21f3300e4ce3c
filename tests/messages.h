/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every message of the API and of the ledger, by way of the table of routes. */

#include "proto/field.h"

#define MOST_MESSAGES 256

/* All shapes that are sent or kept, and those inside them, each once, ended by NULL. */
const struct cf_shape *const *messages(void);

/* The one of that name, of length n; NULL when there is none. */
const struct cf_shape *message_of(const char *name, size_t n);
