/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a shape looks like on the wire, for a person (api.h): one
 * line per field, with its name, kind, range, and whether and since when it is
 * there; the shapes inside it after it, each once.
 */

#include "proto/field.h"

/* To be freed by the caller; NULL when out of memory.  Pure, any thread. */
char *cf_schema(const struct cf_shape *shape);

/* The same of a query, as that is spelled (query.h). */
char *cf_schema_query(const struct cf_shape *shape);
