/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "proto/base.h"

static const struct {
	const char *field;	/* in the journal */
	const char *word;	/* on stderr; NULL: not shown there */
	size_t offset;
} fields[] = {
	{ "MESSAGE_ID",           NULL,        offsetof(struct log_about, id) },
	{ "CLOCKFERRY_MIGRATION", "migration", offsetof(struct log_about, migration) },
	{ "CLOCKFERRY_DOMAIN",    "domain",    offsetof(struct log_about, domain) },
	{ "CLOCKFERRY_PEER",      "peer",      offsetof(struct log_about, peer) },
};

static bool to_journal;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * systemd names device and inode of the stream it gave us, so that a program
 * whose stderr somebody redirected can tell.  The socket is looked at because
 * sd_journal_sendv() reports success when nobody listens.
 */
static void choose(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	to_journal = stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode &&
		     access("/run/systemd/journal/socket", W_OK) == 0;
}

static const char *value_of(const struct log_about *about, size_t field)
{
	const char *value = about ? *(const char *const *)((const char *)about + fields[field].offset) : NULL;

	return value && *value ? value : NULL;
}

/* In place; bytes above 127 stay, as names may be UTF-8. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

static bool send_to_journal(int priority, const struct log_about *about, const char *line)
{
	char texts[CF_COUNT(fields) + 2][LINE_MAX + 32];
	struct iovec parts[CF_COUNT(fields) + 2];
	size_t n = 0;

	snprintf(texts[n++], sizeof(texts[0]), "MESSAGE=%s", line);
	snprintf(texts[n++], sizeof(texts[0]), "PRIORITY=%d", priority);
	for (size_t i = 0; i < CF_COUNT(fields); i++)
		if (value_of(about, i))
			snprintf(texts[n++], sizeof(texts[0]), "%s=%s", fields[i].field, value_of(about, i));

	for (size_t i = 0; i < n; i++)
		parts[i] = (struct iovec){ texts[i], strlen(texts[i]) };
	return sd_journal_sendv(parts, n) == 0;
}

/* One write: lines of several threads do not mix. */
static void send_to_stderr(int priority, const struct log_about *about, const char *line)
{
	char text[2 * LINE_MAX], sep[] = " (";
	size_t n;

	n = snprintf(text, LINE_MAX + 8, "<%d>%s", priority, line);
	for (size_t i = 0; i < CF_COUNT(fields); i++) {
		if (!fields[i].word || !value_of(about, i))
			continue;
		n += snprintf(text + n, 400, "%s%s=%.300s", sep, fields[i].word, value_of(about, i));
		sep[0] = ',';
		sep[1] = ' ';
	}
	if (sep[0] == ',')
		text[n++] = ')';
	text[n] = '\0';

	make_plain(text);
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, n) < 0)
		return;
}

void log_write(int priority, const struct log_about *about, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	make_plain(line);

	pthread_once(&once, choose);
	if (to_journal && send_to_journal(priority, about, line))
		return;
	send_to_stderr(priority, about, line);
}
