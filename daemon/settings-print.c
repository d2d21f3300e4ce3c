/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <stdlib.h>
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
	size_t n = setting_count(row, base);

	if (!setting_is_list(row)) {
		setting_text(row, base, 0, text);
		if (row->kind == SETTING_INT && !row->unit)
			fputs(text, out);
		else
			print_quoted(text, out);
		return;
	}

	fputc('{', out);
	for (size_t i = 0; i < n; i++) {
		setting_text(row, base, i, text);
		fputs(i ? ", " : "", out);
		print_quoted(text, out);
	}
	fputc('}', out);
}

/* Is the value what it is there too? */
static bool is_same(const struct setting *row, const void *base, const void *otherwise)
{
	char text[SETTING_VALUE_ROOM], other[SETTING_VALUE_ROOM];
	size_t n = setting_count(row, base);

	if (n != setting_count(row, otherwise))
		return false;
	for (size_t i = 0; i < n; i++) {
		setting_text(row, base, i, text);
		setting_text(row, otherwise, i, other);
		if (strcmp(text, other) != 0)
			return false;
	}
	return true;
}

static void print_meaning(const struct setting *row, const void *base, const void *otherwise, const char *indent,
			  FILE *out)
{
	char range[SETTING_VALUE_ROOM], other[SETTING_VALUE_ROOM], comment[2048];
	bool tell = !setting_is_list(row) && !is_same(row, base, otherwise);

	setting_range(row, range);
	setting_text(row, otherwise, 0, other);
	snprintf(comment, sizeof(comment), "%s%s%s%s%s%s%s", row->meaning, *range ? " (" : "", range,
		 *range ? ")" : "", tell ? " (default: " : "", tell ? other : "", tell ? ")" : "");
	print_comment(indent, comment, out);
}

static void print_row(const struct setting *row, const void *base, const void *otherwise, const char *indent,
		      FILE *out)
{
	fprintf(out, "%s%s%s = ", indent, is_same(row, base, otherwise) ? "# " : "", row->key);
	print_value(row, base, out);
	fputc('\n', out);
}

/* How a group is printed: one that is only an example is marked with '#' as a whole. */
enum manner { IN_FULL, AS_EXAMPLE, WITHOUT_MEANINGS };

static void print_group(const struct setting_group *group, const char *title, const void *base,
			const void *otherwise, enum manner manner, FILE *out)
{
	const char *mark = manner == AS_EXAMPLE ? "# " : "";
	const char *indent = manner == AS_EXAMPLE ? "#\t" : group->name ? "\t" : "";

	if (group->name && title)
		fprintf(out, "%s%s \"%s\" {\n", mark, group->name, title);
	else if (group->name)
		fprintf(out, "%s%s {\n", mark, group->name);

	for (size_t i = 0; i < group->n_rows; i++) {
		if (i > 0 && manner != WITHOUT_MEANINGS)
			fprintf(out, "%s\n", manner == AS_EXAMPLE ? "#" : "");
		if (manner != WITHOUT_MEANINGS)
			print_meaning(&group->rows[i], base, otherwise, indent, out);
		print_row(&group->rows[i], base, otherwise, indent, out);
	}

	if (group->name)
		fprintf(out, "%s}\n", mark);
}

static void print_peers(const struct setting_group *group, const struct settings *settings, FILE *out)
{
	struct settings_peer peer;

	if (settings_peer_default(&peer, group->title, NULL) < 0)
		return;
	for (size_t i = 0; i < settings->n_peers; i++)
		print_group(group, settings->peers[i].name, &settings->peers[i], &peer, IN_FULL, out);
	if (settings->n_peers == 0)
		print_group(group, group->title, &peer, &peer, AS_EXAMPLE, out);
}

/* The first says what the keys mean; the others have the same. */
static void print_policies(const struct setting_group *group, const struct settings *settings, size_t n, FILE *out)
{
	struct settings_policy otherwise;

	for (size_t i = 0; i < n; i++) {
		const struct settings_policy *policy = &settings->policies[i];

		if (settings_policy_default(&otherwise, policy->name, NULL) == 0)
			print_group(group, policy->name, policy, &otherwise, i == 0 ? IN_FULL : WITHOUT_MEANINGS, out);
	}
}

void settings_print(const struct settings *settings, FILE *out)
{
	CF_AUTO(settings_free) struct settings *plain = NULL;
	const struct settings *printed;

	fputs("# Settings of clockferryd; clockferryd.conf(5) has the syntax.\n", out);
	fputs("# What is commented out has the value shown.\n", out);
	if (settings_begin(&plain, NULL) < 0)
		return;
	printed = settings ? settings : plain;

	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		const struct setting_group *group = &setting_groups[i];

		fputc('\n', out);
		print_comment("", group->meaning, out);
		if (!group->name)
			fputc('\n', out);
		if (group->kind == GROUP_PEERS)
			print_peers(group, printed, out);
		else if (group->kind == GROUP_POLICIES)
			print_policies(group, printed, settings ? settings->n_policies : 1, out);
		else
			print_group(group, NULL, printed, plain, IN_FULL, out);
	}
}
