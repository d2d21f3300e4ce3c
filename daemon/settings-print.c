/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <string.h>

#include "daemon/settings-table.h"

#define WIDTH 79

/* A comment, broken between words. */
static void print_comment(const char *before, const char *text, FILE *out)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column && column + 1 + n > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (!column)
			column = strlen(before) + 1 + fprintf(out, "%s#", before) - strlen(before);
		column += fprintf(out, " %.*s", (int)n, text);
		text += n + strspn(text + n, " ");
	}
	fputc('\n', out);
}

/* A value in quotes, so that libconfuse makes the same text of it. */
static void print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (strchr("\"\\$", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_value(const struct setting *row, const void *base, FILE *out)
{
	char text[SETTING_VALUE_ROOM];

	if (!setting_is_list(row)) {
		setting_text(row, base, 0, text);
		if (row->kind == SETTING_INT && !row->unit)
			fputs(text, out);
		else
			print_quoted(text, out);
		return;
	}

	fputc('{', out);
	for (size_t i = 0; i < setting_count(row, base); i++) {
		setting_text(row, base, i, text);
		fputs(i ? ", " : "", out);
		print_quoted(text, out);
	}
	fputc('}', out);
}

static bool is_default(const struct setting *row, const void *base)
{
	char text[SETTING_VALUE_ROOM];

	if (setting_is_list(row))
		return setting_count(row, base) == 0;
	setting_text(row, base, 0, text);
	return strcmp(text, row->otherwise) == 0;
}

static void print_row(const struct setting *row, const void *base, const char *indent, FILE *out)
{
	char range[SETTING_VALUE_ROOM], comment[1024];
	bool same = is_default(row, base);

	setting_range(row, range);
	snprintf(comment, sizeof(comment), "%s%s%s%s%s%s%s", row->meaning, *range ? " (" : "", range,
		 *range ? ")" : "", same || setting_is_list(row) ? "" : " (default: ",
		 same || setting_is_list(row) ? "" : row->otherwise, same || setting_is_list(row) ? "" : ")");

	print_comment(indent, comment, out);
	fprintf(out, "%s%s%s = ", indent, same ? "# " : "", row->key);
	print_value(row, base, out);
	fputc('\n', out);
}

/* One group; marked with '#' as a whole where it is only an example. */
static void print_group(const struct setting_group *group, const char *title, const void *base, bool example,
			FILE *out)
{
	const char *mark = example ? "# " : "";

	if (group->name && title)
		fprintf(out, "%s%s \"%s\" {\n", mark, group->name, title);
	else if (group->name)
		fprintf(out, "%s%s {\n", mark, group->name);

	for (size_t i = 0; i < group->n_rows; i++) {
		if (i > 0)
			fprintf(out, "%s\n", example ? "#" : "");
		print_row(&group->rows[i], base, example ? "#\t" : group->name ? "\t" : "", out);
	}

	if (group->name)
		fprintf(out, "%s}\n", mark);
}

static void print_peers(const struct setting_group *group, const struct settings *settings, FILE *out)
{
	struct settings_peer peer;

	for (size_t i = 0; i < settings->n_peers; i++)
		print_group(group, settings->peers[i].name, &settings->peers[i], false, out);
	if (settings->n_peers == 0 && settings_peer_default(&peer, group->title, NULL) == 0)
		print_group(group, group->title, &peer, true, out);
}

void settings_print(const struct settings *settings, FILE *out)
{
	CF_AUTO(settings_free) struct settings *plain = NULL;

	fputs("# Settings of clockferryd; clockferryd.conf(5) has the syntax.\n", out);
	fputs("# What is commented out has the value shown.\n", out);
	if (!settings) {
		plain = calloc(1, sizeof(*plain));
		if (!plain || settings_default(plain, NULL) < 0)
			return;
		settings = plain;
	}

	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		fputc('\n', out);
		print_comment("", setting_groups[i].meaning, out);
		if (!setting_groups[i].name)
			fputc('\n', out);
		if (setting_groups[i].many)
			print_peers(&setting_groups[i], settings, out);
		else
			print_group(&setting_groups[i], setting_groups[i].title, settings, false, out);
	}
}
