/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/stuck.h"

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/job.h"

#define PATIENCE      ((cf_span){ 5 * CF_S })	/* an end that comes by itself takes moments */
#define PEER_PATIENCE ((cf_span){ 40 * CF_S })	/* for libvirtd's word with the destination's, which ends after 30 s of silence (qemu.conf) */
#define CALL_PATIENCE ((cf_span){ 5 * CF_S })

/* Was its guest paused? */
static bool unblock(struct work *work, const char *over)
{
	struct cf_error err = { 0 };
	struct virt_link *link = work_link(work, &err);

	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: %s, and libvirtd does not end it: "
			  "the domain is paused for a moment, which frees libvirtd", work->id, over);
	if (link && job_unblock(link, work->reservation.uuid, cf_mono_add(kernel_raw(), CALL_PATIENCE), &err) == 0)
		return true;
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
			  "migration %s: libvirtd could not be freed: %s", work->id, err.text);
	return false;
}

/* over: who says that it is. */
static void look(struct stuck *stuck, struct work *work, bool is, cf_span patience, const char *over)
{
	if (!is) {
		stuck->is = false;
		return;
	}
	if (!stuck->is)
		*stuck = (struct stuck){ .is = true, .since = kernel_raw(), .patience = patience };
	if (cf_span_cmp(cf_mono_since(kernel_raw(), stuck->since), stuck->patience) < 0)
		return;
	if (unblock(work, over))
		stuck->patience = cf_span_add(stuck->patience, stuck->patience);
	stuck->since = kernel_raw();
}

void stuck_look(struct stuck *stuck, struct work *work, enum drive_state state, enum cf_there there)
{
	look(stuck, work, !work->driver->foreign && state == DRIVE_RUNNING && there == CF_THERE_DROPPED, PEER_PATIENCE,
	     "the destination has let it go");
}

/* A copy that still flows is none of ours: QEMU has ended it, or all that it said of it was missed. */
static bool has_ended(struct work *work, bool told)
{
	struct guest_events events = { .gap = true };

	if (work->watch)
		guest_watch_read(work->watch, &events);
	return events.undone || events.status == MIGRATION_CANCELLED || events.status == MIGRATION_FAILED ||
	       (told && (events.gap || events.status == MIGRATION_NONE));
}

void stuck_look_back(struct stuck *stuck, struct work *work, const struct domain_standing *standing, bool told)
{
	look(stuck, work, standing->state == CF_DOMAIN_RUNNING && standing->moving && has_ended(work, told), PATIENCE,
	     "its copy is over");
}
