/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/standstill.h"

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"

#define EVENT_PATIENCE ((cf_span){ CF_S })	/* for the event after STOP, and for any on its way */
#define CALL_PATIENCE  ((cf_span){ 2 * CF_S })

static bool passed(cf_mono since, cf_span span)
{
	return cf_span_cmp(cf_mono_since(kernel_raw(), since), span) > 0;
}

bool standstill_look(struct standstill *still, const struct guest_events *events, const struct flow *flow)
{
	if (!events->stopped) {
		*still = (struct standstill){ 0 };
		return true;
	}
	if (!still->stands)
		*still = (struct standstill){ .stands = true, .since = kernel_raw(), .looks = flow->looks };
	if (events->paused) {
		still->paused = true;
		return true;
	}
	if (!passed(still->since, EVENT_PATIENCE))
		return false;

	if (!still->has_sent && flow->looks > still->looks) {
		still->has_sent = true;
		still->sent = flow->sent;
	}
	if (still->has_sent && !still->flows && flow->sent > still->sent) {
		still->flows = true;
		still->flows_since = kernel_raw();
	}
	still->paused = still->flows && passed(still->flows_since, EVENT_PATIENCE);
	return true;
}

void standstill_again(struct work *work)
{
	const char *uuid = work->reservation.uuid, *domain = work->reservation.domain;
	struct domain_standing standing;
	struct cf_error err = { 0 };

	if (work_link(work, &err) && domain_look(work->context->virt, uuid, &standing, &err) == 0 &&
	    (standing.state != CF_DOMAIN_RUNNING ||
	     job_pause_again(work->link, uuid, cf_mono_add(kernel_raw(), CALL_PATIENCE), &err) == 0))
		return;
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = domain),
			  "migration %s: %s had been paused by somebody, and may run: %s; `virsh suspend %s`", work->id,
			  domain, err.text, domain);
}

void standstill_undone(struct work *work)
{
	struct guest_events events;

	guest_watch_read(work->watch, &events);
	if (!events.switchover)		/* else it shows after all: nobody had paused it */
		standstill_again(work);
}
