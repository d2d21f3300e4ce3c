/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* reserved: the destination promises room for the domain, and starts to look out for it. */

#include <stdio.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/gather.h"

#define PATIENCE ((cf_span){ 10 * CF_S })

/* What changed there between the check and now. */
static enum cf_event refused(struct work *work, char why[static CF_DETAIL_ROOM])
{
	const struct cf_lease *lease = &work->lease;
	struct cf_migration *shown = work_show_begin(work);

	for (size_t i = 0; i < lease->n_findings && shown->n_findings < CF_COUNT(shown->findings); i++)
		shown->findings[shown->n_findings++] = lease->findings[i];
	work_show_end(work);
	act_say_refusal(why, "", lease->findings, lease->n_findings);
	return cf_gate_only(lease->findings, lease->n_findings, CF_FINDING_PEER_BUSY) ? CF_EV_BUSY : CF_EV_REFUSED;
}

enum cf_event act_reserve(struct work *work, char why[static CF_DETAIL_ROOM])
{
	const char *segments[] = { work->id };
	struct cf_error err = { 0 };
	struct cf_migration asked;

	if (work_aborted(work, why))
		return CF_EV_ABORT;
	work_shown(work, &asked);
	work->reservation = work->draft;
	work->reservation.dry_run = false;
	work->reservation.n_labels = asked.n_labels;
	memcpy(work->reservation.labels, asked.labels, sizeof(asked.labels));
	work->reservation.has_persistence = work->receipt->has_persistence;
	work->reservation.persistence = work->receipt->persistence;
	work->reservation.has_hears_abort = work->reservation.hears_abort = true;
	if (call_do(work->peer.call, CF_ROUTE_RESERVE, segments, NULL, &work->reservation, &work->lease, PATIENCE,
		    NULL, &err) < 0) {
		act_say(why, "%s", err.text);
		return err.code == CF_BUSY ? CF_EV_BUSY : CF_EV_FAILED;
	}
	return work->lease.granted ? CF_EV_GRANTED : refused(work, why);
}
