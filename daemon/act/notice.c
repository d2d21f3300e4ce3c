/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/notice.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/notice.h"
#include "daemon/virt/vmclock.h"
#include "proto/codec.h"
#include "proto/notice.h"

static void spell(struct work *work, struct cf_notice_message *ret)
{
	const struct cf_interval *residual = cf_landing_residual(&work->landing);	/* nobody else changes it */

	*ret = (struct cf_notice_message){ .void_until = kernel_instant().real };
	snprintf(ret->migration, sizeof(ret->migration), "%s", work->id);
	ret->has_void_from = work->has_record && work->record->has_stop;
	if (ret->has_void_from)
		ret->void_from = work->record->stop.real;
	ret->has_residual = residual;
	if (residual)
		ret->residual = *residual;
}

void notice_give(struct work *work)
{
	enum cf_notice how = cf_limits_aftercare(&work->limits.limits).notice;
	cf_mono deadline = cf_mono_add(kernel_raw(), work->settings->guest.timeout);
	CF_AUTO(cf_free) char *text = NULL;
	struct cf_notice_message message;
	struct cf_landing *landing;
	struct cf_error err = { 0 };

	if (how <= CF_NOTICE_NONE || !work_link(work, &err))
		return;
	spell(work, &message);
	text = cf_encode(&cf_notice_message_shape, &message, CF_MINOR);
	if (!text)
		cf_fail(&err, ENOMEM, CF_HOST, "out of memory");
	else if (how == CF_NOTICE_EXEC)
		notice_exec(work->link, work->reservation.uuid, work->settings->guest.notice_path, text, deadline, &err);
	else
		notice_file(work->link, work->reservation.uuid, work->settings->guest.notice_path, text, deadline, &err);

	landing = work_landing_begin(work);
	landing->has_notice = true;
	landing->notice.how = how;
	landing->notice.after = landing->has_resume ? cf_mono_since(kernel_raw(), landing->resume.raw) : (cf_span){ 0 };
	snprintf(landing->notice.why, sizeof(landing->notice.why), "%s", err.text);
	work_landing_end(work);
}

static bool is_to_be_asked(const struct work *work)
{
	const struct cf_guest_clock *guest = &work->record->guest;

	return guest->has_vmclock && guest->vmclock && cf_limits_aftercare(&work->limits.limits).notice > CF_NOTICE_NONE;
}

static int read_marker(struct work *work, cf_span patience, int64_t *ret, struct cf_error *err)
{
	struct virt_link *link = work_link(work, err);

	return link ? vmclock_read(link, work->record->guest.uuid, cf_mono_add(kernel_raw(), patience), ret, err) : -ENOTCONN;
}

void notice_marker_before(struct work *work, cf_span patience)
{
	struct cf_record *record = work->record;
	struct cf_error err = { 0 };

	if (!is_to_be_asked(work))
		return;
	record->has_disruption = read_marker(work, patience, &record->disruption, &err) == 0;
	if (!record->has_disruption)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = record->guest.domain),
				  "migration %s: the guest's vmclock was not read before it left: %s", work->id, err.text);
}

void notice_marker_after(struct work *work)
{
	struct cf_landing *landing;
	struct cf_error err = { 0 };
	int64_t after;

	if (!work->has_record || !is_to_be_asked(work))
		return;
	if (!work->record->has_disruption) {
		work_unmeasured(work, CF_FIGURE_DISRUPTION, "it was not read before the guest left");
		return;
	}
	if (read_marker(work, work->settings->guest.timeout, &after, &err) < 0) {
		work_unmeasured(work, CF_FIGURE_DISRUPTION, "%s", err.text);
		return;
	}
	landing = work_landing_begin(work);
	landing->has_disruption = true;
	landing->disruption = (struct cf_disruption){ work->record->disruption, after };
	work_landing_end(work);
}
