/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/stuck.h"

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/job.h"

#define PATIENCE      ((cf_span){ 5 * CF_S })	/* an end that comes by itself takes moments */
#define CALL_PATIENCE ((cf_span){ 5 * CF_S })

static void unblock(struct work *work, const char *over)
{
	struct cf_error err = { 0 };
	struct virt_link *link = work_link(work, &err);

	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
				    .peer = work->reservation.destination),
			  "migration %s: %s, and libvirtd does not end it: "
			  "the domain is paused for a moment, which frees libvirtd", work->id, over);
	if (!link || job_unblock(link, work->reservation.uuid, cf_mono_add(kernel_raw(), CALL_PATIENCE), &err) < 0)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: libvirtd could not be freed: %s", work->id, err.text);
}

/* over: who says that it is. */
static void look(struct stuck *stuck, struct work *work, bool is, const char *over)
{
	if (!is) {
		stuck->is = false;
		return;
	}
	if (!stuck->is)
		*stuck = (struct stuck){ .is = true, .since = kernel_raw() };
	if (cf_span_cmp(cf_mono_since(kernel_raw(), stuck->since), PATIENCE) < 0)
		return;
	unblock(work, over);
	stuck->since = kernel_raw();
}

void stuck_look(struct stuck *stuck, struct work *work, enum drive_state state, enum cf_there there)
{
	look(stuck, work, !work->driver->foreign && state == DRIVE_RUNNING && there == CF_THERE_DROPPED,
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
	look(stuck, work, standing->state == CF_DOMAIN_RUNNING && standing->moving && has_ended(work, told),
	     "its copy is over");
}
