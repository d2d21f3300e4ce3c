/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tables, by libsmartcols: readable on a terminal and in a pipe alike. */

#include <stdio.h>

#include "proto/base.h"
#include "proto/error.h"

struct table;

#define TABLE_RIGHT 1	/* align a column to the right */

struct table_column {
	const char *heading;
	int flags;
};

int table_new(struct table **ret, const struct table_column *columns, size_t n, struct cf_error *err);
void table_free(struct table *table);

/* One row: as many cells as there are columns.  They are copied. */
int table_add(struct table *table, const char *const *cells, struct cf_error *err);

int table_print(struct table *table, FILE *to, struct cf_error *err);

CF_DEFINE_AUTO(struct table *, table_free)
