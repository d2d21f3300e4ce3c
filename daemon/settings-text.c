/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings-text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"

#define ROOM (256 << 10)

/* What ends a word in libconfuse's lexer. */
#define NO_WORD " #\"'\t\n\r={}()+,"

struct scan {
	char *at;
	char *text;
	int line;
	int depth;	/* of braces */
	int opened;	/* line of the outermost one */
};

static int wrong(struct scan *scan, int line, struct cf_error *err, const char *what)
{
	scan->line = line;
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s", what);
}

static bool at_word(const struct scan *scan)
{
	return scan->at == scan->text || strchr(NO_WORD, scan->at[-1]);
}

/* scan->at is on the opening quote, and ends behind the closing one. */
static int skip_string(struct scan *scan, struct cf_error *err)
{
	int begin = scan->line;
	char quote = *scan->at++;

	for (; *scan->at != quote; scan->at++) {
		if (quote == '"' && strncmp(scan->at, "${", 2) == 0)
			return wrong(scan, scan->line, err,
				     "${...} is not replaced here: write the value, or \\$");
		if (*scan->at == '\\' && scan->at[1])
			scan->at++;
		if (!*scan->at)
			return wrong(scan, begin, err, "the text that begins here has no closing quote");
		if (*scan->at == '\n')
			scan->line++;
	}

	scan->at++;
	return 0;
}

static void blank_line(struct scan *scan)
{
	while (*scan->at && *scan->at != '\n')
		*scan->at++ = ' ';
}

static int blank_block(struct scan *scan, struct cf_error *err)
{
	int begin = scan->line;
	char *end = strstr(scan->at + 2, "*/");

	if (!end)
		return wrong(scan, begin, err, "the comment that begins here has no end");

	for (; scan->at < end + 2; scan->at++) {
		if (*scan->at == '\n')
			scan->line++;
		else
			*scan->at = ' ';
	}
	return 0;
}

static int plain(struct scan *scan, struct cf_error *err)
{
	if (strncmp(scan->at, "${", 2) == 0)
		return wrong(scan, scan->line, err, "${...} is not replaced here: write the value");
	if (*scan->at == '*' || (*scan->at == '+' && scan->at[1] != '='))
		return wrong(scan, scan->line, err, "a value with * or + in it has to stand in quotes");
	if (*scan->at == '+')
		scan->at++;
	if (*scan->at == '\n')
		scan->line++;
	if (*scan->at == '{' && scan->depth++ == 0)
		scan->opened = scan->line;
	if (*scan->at == '}')
		scan->depth--;

	scan->at++;
	return 0;
}

static int step(struct scan *scan, struct cf_error *err)
{
	if (*scan->at == '"' || *scan->at == '\'')
		return skip_string(scan, err);
	if (strncmp(scan->at, "/*", 2) == 0)
		return blank_block(scan, err);
	if (*scan->at == '#' || (strncmp(scan->at, "//", 2) == 0 && at_word(scan))) {
		blank_line(scan);
		return 0;
	}
	return plain(scan, err);
}

int settings_blank_comments(char *text, int *line, struct cf_error *err)
{
	struct scan scan = { .at = text, .text = text, .line = 1 };
	int r = 0;

	while (*scan.at && r == 0)
		r = step(&scan, err);
	if (r == 0 && scan.depth > 0)
		r = wrong(&scan, scan.opened, err, "the brace that opens here is not closed");

	*line = scan.line;
	return r;
}

static int load(int fd, const char *path, char *text, struct cf_error *err)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, text + n, ROOM - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cf_fail(err, errno, CF_HOST, "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		n += got;
		if (n == ROOM)
			return cf_fail(err, EFBIG, CF_BAD_REQUEST, "%s: larger than %d KiB", path,
				       ROOM >> 10);
	}

	text[n] = '\0';
	if (strlen(text) != n)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s: is not a text", path);
	return 0;
}

int settings_load(const char *path, char **ret, struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = malloc(ROOM);
	int fd, r;

	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", path, strerror(errno));

	r = load(fd, path, text, err);
	close(fd);
	if (r < 0)
		return r;

	*ret = CF_TAKE(text);
	return 0;
}
