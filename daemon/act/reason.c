/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/reason.h"

#include "daemon/act/acts.h"

#define PATIENCE ((cf_span){ 2 * CF_S })

void reason_driver(struct work *work, const struct drive_end *end, const char *otherwise, char why[static CF_DETAIL_ROOM])
{
	work->by_driver = true;
	act_say(why, "%s", *end->error.text ? end->error.text : otherwise);
}

bool reason_asked(struct work *work, char why[static CF_DETAIL_ROOM])
{
	const char *segments[] = { work->id };
	struct cf_landing landing;

	if (!work->by_driver)
		return false;
	if (work_aborted(work, why))
		return true;
	if (work_calls(work, NULL) < 0 ||
	    call_do(work->peer.call, CF_ROUTE_LANDING, segments, NULL, NULL, &landing, PATIENCE, NULL, NULL) < 0 ||
	    !landing.has_abort_asked)
		return false;
	act_say_asked(why, landing.abort_asked, work->reservation.destination);
	return true;
}
