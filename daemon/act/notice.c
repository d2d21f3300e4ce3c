/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/notice.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/notice.h"
#include "proto/codec.h"
#include "proto/notice.h"

static void spell(struct work *work, struct cf_notice_message *ret)
{
	const struct cf_landing *landing = &work->landing;	/* nobody else changes it */
	size_t n = landing->n_residuals;

	*ret = (struct cf_notice_message){ .void_until = kernel_instant().real };
	snprintf(ret->migration, sizeof(ret->migration), "%s", work->id);
	ret->has_void_from = work->has_record && work->record->has_stop;
	if (ret->has_void_from)
		ret->void_from = work->record->stop.real;
	ret->has_residual = n > 0;
	if (n > 0)
		ret->residual = landing->residuals[n - 1].residual;
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
