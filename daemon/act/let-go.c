/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/let-go.h"

#include <errno.h>
#include <time.h>

#include "daemon/act/gated.h"
#include "daemon/act/hang.h"
#include "daemon/clock/kernel.h"
#include "daemon/fault.h"
#include "daemon/log.h"
#include "daemon/virt/leftover.h"

#define CONFIRM_PATIENCE ((cf_span){ 10 * CF_S })
#define REMOVE_PATIENCE  ((cf_span){ 10 * CF_S })
#define TRIES            5	/* by a libvirtd that answers */
#define AGAIN            ((struct timespec){ .tv_sec = 1 })

static int confirm(struct work *work, struct cf_error *err)
{
	struct drive_end end;

	if (!work->drive)
		return -ENOTCONN;
	drive_wait(work->drive, (cf_span){ 0 }, &end);
	if (end.state == DRIVE_SUCCEEDED)
		return 0;
	if (end.state != DRIVE_LOADED)
		return -ENOTCONN;
	return drive_settle(work->drive, true, work->finish_cookie.data, work->finish_cookie.size,
			    cf_mono_add(kernel_raw(), CONFIRM_PATIENCE), err);
}

void let_go_of_source(struct work *work)
{
	bool persistent = work->receipt->has_persistence && work->receipt->persistence.persistent;
	struct cf_error err = { 0 };
	int r;

	if (gated_decision(work->context, work->id) == CF_DECISION_LEFT)	/* before this agent: what is here since is none of ours */
		return;
	FAULT(CONFIRM_BEFORE);
	r = confirm(work, &err);
	for (int i = 0; r < 0 && (i < TRIES || hang_wait(work)) && !work_stopping(work); i++) {
		if (i > 0)
			nanosleep(&AGAIN, NULL);
		r = leftover_remove(work->context->virt, work->reservation.uuid, persistent,
				    cf_mono_add(kernel_raw(), REMOVE_PATIENCE), &err);
	}
	FAULT(CONFIRM_AFTER);
	cf_blob_wipe(&work->finish_cookie);
	if (r == 0) {
		gated_settle(work, CF_DECISION_LEFT);
		return;
	}
	log_error_about(LOG_ABOUT(.id = LOG_ID_LEFTOVER, .migration = work->id, .domain = work->reservation.domain,
				  .peer = work->reservation.destination),
			"migration %s: %s runs on %s, and its paused copy is still here: %s", work->id,
			work->reservation.domain, work->reservation.destination, err.text);
	work_unmeasured(work, CF_FIGURE_OTHER, "a paused copy of the guest was left at the source: %.150s", err.text);
}
