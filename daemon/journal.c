/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "daemon/log.h"
#include "proto/base.h"

#define FIELD "CLOCKFERRY_RECEIPT"

static const char *const matches[] = {
	"MESSAGE_ID=" LOG_ID_MIGRATION_CLEAN,	   "MESSAGE_ID=" LOG_ID_MIGRATION_BREACHED,
	"MESSAGE_ID=" LOG_ID_MIGRATION_UNVERIFIED, "MESSAGE_ID=" LOG_ID_MIGRATION_ABORTED,
	"MESSAGE_ID=" LOG_ID_MIGRATION_REFUSED,
};

/* Those of one field are alternatives.  What begins with _ is journald's own word. */
static int match(sd_journal *journal)
{
	char user[32];
	int r;

	snprintf(user, sizeof(user), "_UID=%u", (unsigned)geteuid());
	r = sd_journal_add_match(journal, user, 0);
	for (size_t i = 0; r >= 0 && i < CF_COUNT(matches); i++)
		r = sd_journal_add_match(journal, matches[i], 0);
	return r;
}

static int begin(const struct journal_reading *reading, sd_journal **ret)
{
	CF_AUTO(sd_journal_close) sd_journal *journal = NULL;
	int r;

	if (reading->directory)
		r = sd_journal_open_directory(&journal, reading->directory, 0);
	else
		r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
	if (r >= 0)
		r = sd_journal_set_data_threshold(journal, 0);	/* by default it may cut what is long */
	if (r >= 0)
		r = match(journal);
	if (r >= 0)
		r = reading->cursor ? sd_journal_seek_cursor(journal, reading->cursor) : sd_journal_seek_tail(journal);
	if (r >= 0)
		*ret = CF_TAKE(journal);
	return r;
}

/* 1: there is an older one, and it is not too old. */
static int older(sd_journal *journal, const struct journal_reading *reading)
{
	uint64_t usec;
	int r = sd_journal_previous(journal);

	if (r > 0 && reading->cursor && sd_journal_test_cursor(journal, reading->cursor) > 0)
		r = sd_journal_previous(journal);
	if (r > 0)
		r = sd_journal_get_realtime_usec(journal, &usec) < 0 ? 0 : 1;
	return r > 0 ? (int64_t)usec >= reading->since.ns / CF_US : r;
}

/* One entry without a receipt, or a part of a file that is damaged, is no reason to end. */
static void take(sd_journal *journal, void (*fn)(void *userdata, const char *json, size_t size), void *userdata)
{
	const void *data;
	size_t size;

	if (sd_journal_get_data(journal, FIELD, &data, &size) >= 0 && size > sizeof(FIELD))
		fn(userdata, (const char *)data + sizeof(FIELD), size - sizeof(FIELD));
}

int journal_receipts(struct journal_reading *reading, int n, void (*fn)(void *userdata, const char *json, size_t size),
		     void *userdata, struct cf_error *err)
{
	CF_AUTO(sd_journal_close) sd_journal *journal = NULL;
	char *cursor;
	int done = 0, r;

	r = begin(reading, &journal);
	while (r >= 0 && done < n && (r = older(journal, reading)) > 0) {
		take(journal, fn, userdata);
		r = sd_journal_get_cursor(journal, &cursor);
		if (r >= 0) {
			free(reading->cursor);
			reading->cursor = cursor;
			done++;
		}
	}

	return r < 0 ? cf_fail(err, -r, CF_HOST, "the journal cannot be read: %s", strerror(-r)) : done;
}
