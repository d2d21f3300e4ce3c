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

/* One entry for the journal, as it is put together. */
struct entry {
	struct iovec *parts;
	size_t n;
};

/* Without memory a field is missing, and the line is not. */
static void add(struct entry *entry, const char *name, const char *value)
{
	char *text;
	int size = value && *value ? asprintf(&text, "%s=%s", name, value) : -1;

	if (size >= 0)
		entry->parts[entry->n++] = (struct iovec){ text, size };
}

static bool send_to_journal(int priority, const struct log_about *about, const char *line)
{
	size_t n_more = about ? about->n_fields : 0;
	struct entry entry = { .parts = calloc(CF_COUNT(fields) + 2 + n_more, sizeof(*entry.parts)) };
	const char number[] = { (char)('0' + priority), '\0' };
	bool sent;

	if (!entry.parts)
		return false;
	add(&entry, "MESSAGE", line);
	add(&entry, "PRIORITY", number);
	for (size_t i = 0; i < CF_COUNT(fields); i++)
		add(&entry, fields[i].field, value_of(about, i));
	for (size_t i = 0; i < n_more; i++)
		add(&entry, about->fields[i].name, about->fields[i].value);

	sent = sd_journal_sendv(entry.parts, entry.n) == 0;
	for (size_t i = 0; i < entry.n; i++)
		free(entry.parts[i].iov_base);
	free(entry.parts);
	return sent;
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
