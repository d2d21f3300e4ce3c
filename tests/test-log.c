/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tap.h"

static int saved, pipe_end;

static void begin(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		abort();
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	pipe_end = ends[0];
}

/* What was logged since begin(). */
static const char *end(void)
{
	static char text[4 * LINE_MAX];
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(pipe_end, text, sizeof(text) - 1);
	close(pipe_end);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#define LOGGED(call) (begin(), (call), end())

int main(void)
{
	char *long_text = malloc(3 * LINE_MAX);
	const char *text;

	unsetenv("JOURNAL_STREAM");

	text = LOGGED(log_notice("%d guests", 3));
	ok(strcmp(text, "<5>3 guests\n") == 0, "a line has its priority in front");

	text = LOGGED(log_error_about(LOG_ABOUT(.id = LOG_ID_MIGRATION_ABORTED, .migration = "17", .domain = "db",
						.peer = "hB"), "gone"));
	ok(strcmp(text, "<3>gone (migration=17, domain=db, peer=hB)\n") == 0, "what it is about stands behind");

	text = LOGGED(log_notice_about(LOG_ABOUT(.peer = "", .domain = "web"), "seen"));
	ok(strcmp(text, "<5>seen (domain=web)\n") == 0, "what it is not about is left out");

	text = LOGGED(log_warning_about(LOG_ABOUT(.domain = "a\n<0>b"), "one\nline\033[2J"));
	ok(strcmp(text, "<4>one?line?[2J (domain=a?<0>b)\n") == 0, "nobody's name can forge a line");

	memset(long_text, 'x', 3 * LINE_MAX - 1);
	long_text[3 * LINE_MAX - 1] = '\0';
	text = LOGGED(log_write(LOG_INFO, LOG_ABOUT(.migration = long_text, .domain = long_text, .peer = long_text),
				"%s", long_text));
	ok(strlen(text) < 2 * LINE_MAX && text[strlen(text) - 1] == '\n', "a line too long is cut");

	free(long_text);
	return done();
}
