/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/reason.h"

#include "daemon/act/acts.h"

void reason_driver(struct work *work, const struct drive_end *end, const char *otherwise, char why[static CF_DETAIL_ROOM])
{
	work->by_driver = true;
	act_say(why, "%s", *end->error.text ? end->error.text : otherwise);
}

bool reason_asked(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_landing landing;

	if (!work->by_driver)
		return false;
	if (work_aborted(work, why))
		return true;
	if (work_ask_landing(work, &landing, NULL) < 0 || !landing.has_abort_asked)
		return false;
	act_say_asked(why, landing.abort_asked, work->reservation.destination);
	return true;
}
