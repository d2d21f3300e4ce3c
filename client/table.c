/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/table.h"

#include <errno.h>
#include <libsmartcols.h>

struct table {
	struct libscols_table *scols;
	size_t n_columns;
};

static int fail(struct cf_error *err, int r)
{
	return cf_fail(err, r < 0 ? -r : ENOMEM, CF_HOST, "cannot build a table");
}

int table_new(struct table **ret, const struct table_column *columns, size_t n, struct cf_error *err)
{
	CF_AUTO(table_free) struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return fail(err, -ENOMEM);
	table->n_columns = n;
	table->scols = scols_new_table();
	if (!table->scols)
		return fail(err, -ENOMEM);

	/* A table that is cut to the width of a terminal hides what it was asked for. */
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	scols_table_set_column_separator(table->scols, "  ");
	for (size_t i = 0; i < n; i++)
		if (!scols_table_new_column(table->scols, columns[i].heading, 0,
					    columns[i].flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0))
			return fail(err, -ENOMEM);

	*ret = CF_TAKE(table);
	return 0;
}

void table_free(struct table *table)
{
	if (!table)
		return;

	scols_unref_table(table->scols);
	free(table);
}

int table_add(struct table *table, const char *const *cells, struct cf_error *err)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (!line)
		return fail(err, -ENOMEM);
	for (size_t i = 0; i < table->n_columns; i++) {
		int r = scols_line_set_data(line, i, cells[i]);

		if (r < 0)
			return fail(err, r);
	}
	return 0;
}

int table_print(struct table *table, FILE *to, struct cf_error *err)
{
	int r;

	scols_table_set_stream(table->scols, to);
	r = scols_print_table(table->scols);
	if (r < 0)
		return fail(err, r);
	return 0;
}
