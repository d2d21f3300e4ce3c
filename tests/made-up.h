/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages of two hosts and a guest that never were, for tests of what is made of them. */

#include "proto/field.h"

struct made_up {
	const char *name;
	const struct cf_shape *shape;
	const void *message;
};

extern const struct made_up made_up[];
extern const size_t n_made_up;

/* The one of that name, or NULL. */
const struct made_up *made_up_find(const char *name);
