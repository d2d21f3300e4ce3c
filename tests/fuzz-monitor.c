/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a QEMU says: its events, a line each as "NAME SECONDS MICROS JSON", and
 * behind a first line of "?" its answers to what we ask a binary.
 */

#include <stdio.h>
#include <string.h>

#include "daemon/virt/emulator.h"
#include "daemon/virt/monitor.h"
#include "daemon/virt/notice.h"
#include "tests/fuzz.h"

static void answer(char *text)
{
	struct cf_error err = { 0 };
	bool yes;
	int r = emulator_read(text, &yes, &err);

	must(r == 0 || (r < 0 && err.code == CF_HOST && err.text[0]));
}

static void check(const struct guest_events *events)
{
	must(events->status < MIGRATION_N_STATUSES && events->pass >= 0);
	must(!events->has_stop || (!events->stop_unplaced && events->stop.width.ns >= 0));
	must(!events->has_resume || (!events->resume_unplaced && events->resume.width.ns >= 0));
	must(!events->switchover || events->has_stop || events->stop_unplaced);
}

static bool hear(char *line, struct guest_event *ret)
{
	struct monitor_said said = { .heard = { { 50 * CF_S }, { 1700000000 * CF_S }, { CF_US } } };
	char *rest = line, *seconds, *micros;

	said.name = strsep(&rest, " ");
	seconds = strsep(&rest, " ");
	micros = strsep(&rest, " ");
	said.stamp = cf_real_from(seconds ? strtoll(seconds, NULL, 10) : 0,
				  micros ? (int64_t)strtoul(micros, NULL, 10) % 1000000 * CF_US : 0);
	said.details = rest;
	return monitor_read(&said, ret);
}

static void hear_all(char *text)
{
	struct guest_events here, there;
	struct guest_event event;

	guest_events_begin(&here, CF_SOURCE);
	guest_events_begin(&there, CF_DESTINATION);
	for (char *line; (line = strsep(&text, "\n"));) {
		if (!hear(line, &event))
			continue;
		guest_events_add(&here, &event);
		guest_events_add(&there, &event);
		check(&here);
		check(&there);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	must(notice_returned(text) >= -1);
	if (size > 1 && text[0] == '?' && text[1] == '\n')
		answer(text + 2);
	else
		hear_all(text);
	free(text);
	return 0;
}
