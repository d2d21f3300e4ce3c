/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest that somebody pauses during the copy.
 *
 * A STOP that no switchover follows is a pause.  QEMU lets it be told from its
 * own only when it has been through the memory once more, and that can take
 * minutes.  But between its own STOP and the event after it, it sends no memory
 * (migration_completion() in QEMU 7.2 to 10.2): memory that flows while the guest
 * stands is a pause, unless that event is still on its way.
 */

#include "daemon/act/work.h"

/* What was sent so far, as often as it was looked at. */
struct flow {
	int looks;
	int64_t sent;		/* bytes, at the last of them */
};

struct standstill {
	bool stands;
	cf_mono since;
	int looks;		/* how many there had been */
	bool has_sent;
	int64_t sent;		/* bytes, at the first look after that */
	bool flows;
	cf_mono flows_since;
	bool paused;		/* by somebody, surely */
};

/*
 * Look again.  Returns false while the switchover may be beginning: then nothing
 * is asked of libvirt, which might not answer before it is over, only listened to.
 */
bool standstill_look(struct standstill *still, const struct guest_events *events, const struct flow *flow);

/* libvirt starts a domain that it moved or kept, whoever had paused it during the copy: pause it again. */
void standstill_again(struct work *work);

/* The same at the source, after the end of a copy that was ended because of a pause: if it was one. */
void standstill_undone(struct work *work);
