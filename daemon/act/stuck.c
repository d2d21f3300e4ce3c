/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/stuck.h"

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/job.h"

#define PATIENCE      ((cf_span){ 5 * CF_S })	/* an end that comes by itself takes moments */
#define CALL_PATIENCE ((cf_span){ 5 * CF_S })

static void unblock(struct work *work)
{
	struct cf_error err = { 0 };
	struct virt_link *link = work_link(work, &err);

	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: the destination has let it go, and libvirtd does not end it: "
			  "the domain is paused for a moment, which frees libvirtd", work->id);
	if (!link || job_unblock(link, work->record->guest.uuid, cf_mono_add(kernel_raw(), CALL_PATIENCE), &err) < 0)
		log_warning("migration %s: libvirtd could not be freed: %s", work->id, err.text);
}

void stuck_look(struct stuck *stuck, struct work *work, enum drive_state state, enum cf_there there)
{
	if (work->driver->foreign || state != DRIVE_RUNNING || there != CF_THERE_DROPPED) {
		stuck->is = false;
		return;
	}
	if (!stuck->is)
		*stuck = (struct stuck){ .is = true, .since = kernel_raw() };
	if (cf_span_cmp(cf_mono_since(kernel_raw(), stuck->since), PATIENCE) < 0)
		return;
	unblock(work);
	stuck->since = kernel_raw();
}
