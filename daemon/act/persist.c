/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/persist.h"

#include <errno.h>
#include <time.h>

#include "daemon/act/hang.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"

#define HOLD_PATIENCE    ((cf_span){ 5 * CF_S })
#define AGAIN            ((struct timespec){ .tv_nsec = 250 * CF_MS })
#define RESTORE_PATIENCE ((cf_span){ 35 * CF_S })	/* libvirt itself waits 30 s for the end of a job */
#define LAND_PATIENCE    ((cf_span){ CF_S })		/* the job is over by then */

static int set(struct work *work, const char *uuid, bool autostart, cf_span patience, struct cf_error *err)
{
	struct virt_link *link = work_link(work, err);

	return link ? job_set_autostart(link, uuid, autostart, cf_mono_add(kernel_raw(), patience), err) : -ENOTCONN;
}

/* A libvirtd that ended may have taken the attempt with it, and be back in a moment; one that hangs is waited for. */
static int set_at_last(struct work *work, cf_span patience, struct cf_error *err)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), patience);
	int r;

	for (;;) {
		r = set(work, work->reservation.uuid, true, RESTORE_PATIENCE, err);
		if (r == 0 || r == -ENOENT || work_stopping(work))
			return r;
		if (!hang_wait(work) && cf_mono_cmp(kernel_raw(), deadline) > 0)
			return r;
		nanosleep(&AGAIN, NULL);
	}
}

static void complain(const struct work *work, const char *host, const struct cf_error *err)
{
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
			  "migration %s: the autostart of %s could not be set on %s: %s; set it with `virsh autostart %s`",
			  work->id, work->reservation.domain, host, err->text, work->reservation.domain);
}

int persist_hold(struct work *work, struct cf_error *err)
{
	if (!work->reservation.persistence.autostart)
		return 0;

	work->autostart_held = true;	/* a call that failed may have done it all the same */
	return set(work, work->reservation.uuid, false, HOLD_PATIENCE, err);
}

/* The host came up and did not start it, because of us. */
static void start_again(struct work *work)
{
	const char *uuid = work->reservation.uuid;
	struct cf_error err = { 0 };
	struct virt_link *link = work_link(work, &err);

	if (link && job_start(link, uuid, cf_mono_add(kernel_raw(), RESTORE_PATIENCE), &err) == 0)
		log_notice_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				 "migration %s: %s is started, as it would have been with this host", work->id,
				 work->reservation.domain);
	else
		log_error_about(LOG_ABOUT(.id = LOG_ID_GUEST_DOWN, .migration = work->id, .domain = work->reservation.domain),
				"migration %s: %s was to start with this host, and cannot be started: %s", work->id,
				work->reservation.domain, err.text);
}

void persist_restore(struct work *work)
{
	const char *uuid = work->reservation.uuid;
	struct domain_standing standing;
	struct cf_error err = { 0 };

	if (!work->autostart_held)
		return;
	/* One that was undefined meanwhile has nothing to start from. */
	if (domain_look(work->context->virt, uuid, &standing, &err) == 0 && !standing.persistent)
		return;
	if (set_at_last(work, RESTORE_PATIENCE, &err) < 0)
		complain(work, work->reservation.source, &err);
	if (work->booted)
		start_again(work);
}

void persist_land(struct work *work)
{
	const struct cf_reservation *asked = &work->reservation;
	struct domain_standing standing;
	struct cf_landing *landing;
	struct cf_error err = { 0 };

	if (asked->persistence.autostart && set_at_last(work, LAND_PATIENCE, &err) < 0)
		complain(work, asked->destination, &err);
	if (domain_look(work->context->virt, asked->uuid, &standing, &err) < 0 || !standing.known)
		return;
	/* By now it may be at work elsewhere, by the hand of whoever saw this host go: it is not started. */
	if (asked->persistence.autostart && work->booted && !standing.active)
		log_error_about(LOG_ABOUT(.id = LOG_ID_GUEST_DOWN, .migration = work->id, .domain = asked->domain, .peer = asked->source),
				"migration %s: this host came up and did not start %s, as it went down before that was set; where it runs "
				"nowhere else: `virsh start %s`", work->id, asked->domain, asked->domain);

	landing = work_landing_begin(work);
	landing->has_persistence = true;
	landing->persistence = (struct cf_persistence){ standing.persistent, standing.autostart };
	work_landing_end(work);
}
