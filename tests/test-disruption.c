/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the disruption marker of a guest's vmclock has moved: who is asked for it, when, and what the receipt has. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/notice.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/notice.h"
#include "daemon/virt/vmclock.h"
#include "tests/fake-unmeasured.h"
#include "tests/tap.h"

#define PATIENCE ((cf_span){ 2 * CF_S })

/* In place of the guest, and of libvirt */

static int64_t marker;
static const char *trouble;
static bool hung;
static int asked;

cf_mono kernel_raw(void)
{
	return (cf_mono){ CF_S };
}

struct cf_instant kernel_instant(void)
{
	return (struct cf_instant){ .raw = { CF_S } };
}

struct virt_link *work_link(struct work *work, struct cf_error *err)
{
	(void)work;
	if (!hung)
		return (struct virt_link *)&marker;
	cf_fail(err, ENOTCONN, CF_HOST, "libvirtd is not there");
	return NULL;
}

int vmclock_read(struct virt_link *link, const char *uuid, cf_mono deadline, int64_t *ret, struct cf_error *err)
{
	(void)link, (void)uuid, (void)deadline;
	asked++;
	if (trouble)
		return cf_fail(err, EIO, CF_HOST, "%s", trouble);
	*ret = marker;
	return 0;
}

static int notice(struct cf_error *err)
{
	return cf_fail(err, EIO, CF_HOST, "nobody is told anything here");
}

int notice_file(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err)
{
	(void)link, (void)uuid, (void)path, (void)text, (void)deadline;
	return notice(err);
}

int notice_exec(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err)
{
	(void)link, (void)uuid, (void)path, (void)text, (void)deadline;
	return notice(err);
}

static struct work *work;
static struct cf_record *record;
static struct cf_receipt receipt;

/* A guest with a vmclock, or without one, that is to be told by a file, or nothing. */
static void begin(bool vmclock, enum cf_notice how)
{
	memset(record, 0, sizeof(*record));
	memset(&work->landing, 0, sizeof(work->landing));
	record->guest.has_vmclock = true;
	record->guest.vmclock = vmclock;
	work->has_record = true;
	work->limits.limits.has_aftercare = true;
	work->limits.limits.aftercare.notice = how;
	marker = 5;
	trouble = NULL;
	hung = false;
	asked = 0;
	*unmeasured = '\0';
}

/* It is moved, and its marker is there what it is then. */
static void move(int64_t then)
{
	notice_marker_before(work, PATIENCE);
	marker = then;
	notice_marker_after(work);
	receipt = (struct cf_receipt){ .has_landing = true, .landing = work->landing };
}

int main(void)
{
	static struct settings settings;

	work = calloc(1, sizeof(*work));
	record = calloc(1, sizeof(*record));
	if (!work || !record)
		return 1;
	work->record = record;
	work->settings = &settings;

	begin(true, CF_NOTICE_FILE);
	move(6);
	ok(asked == 2 && work->landing.has_disruption && work->landing.disruption.before == 5 && work->landing.disruption.after == 6,
	   "a marker is read before and after");
	ok(cf_figure_there(&receipt, CF_FIGURE_DISRUPTION) && !*unmeasured, "and is in the receipt");
	begin(true, CF_NOTICE_EXEC);
	move(5);
	ok(work->landing.has_disruption && work->landing.disruption.after == 5, "one that did not move is, too");

	begin(false, CF_NOTICE_FILE);
	move(6);
	ok(asked == 0 && !work->landing.has_disruption && !*unmeasured, "a guest without a vmclock is not asked");
	begin(true, CF_NOTICE_NONE);
	move(6);
	ok(asked == 0 && !work->landing.has_disruption, "nor one that policy has told nothing: its domain would be tainted by it");

	begin(true, CF_NOTICE_FILE);
	trouble = "no such file";
	notice_marker_before(work, PATIENCE);
	ok(!record->has_disruption, "one that cannot be read before");
	trouble = NULL;
	notice_marker_after(work);
	ok(asked == 1 && !work->landing.has_disruption, "... is not read afterwards");
	ok(strcmp(unmeasured, "disruption marker of vmclock: it was not read before the guest left") == 0, "and why is told: %s", unmeasured);

	begin(true, CF_NOTICE_FILE);
	notice_marker_before(work, PATIENCE);
	trouble = "no such file";
	notice_marker_after(work);
	ok(!work->landing.has_disruption, "one that cannot be read afterwards");
	ok(strcmp(unmeasured, "disruption marker of vmclock: no such file") == 0, "... says why: %s", unmeasured);

	begin(true, CF_NOTICE_FILE);
	notice_marker_before(work, PATIENCE);
	hung = true;
	notice_marker_after(work);
	ok(strcmp(unmeasured, "disruption marker of vmclock: libvirtd is not there") == 0, "without libvirt the same: %s", unmeasured);

	begin(true, CF_NOTICE_FILE);
	work->has_record = false;
	notice_marker_after(work);
	ok(asked == 0 && !work->landing.has_disruption, "of a guest that came without a record nothing is known");

	free(record);
	free(work);
	return done();
}
