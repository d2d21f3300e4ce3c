/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/at-stop.h"

#include "daemon/act/record.h"
#include "daemon/clock/kernel.h"
#include "daemon/peer/probe.h"

#define ROUNDS          8
#define SOME_ROUNDS     4	/* while the last of the memory may still be on its way */
#define ROUND_PATIENCE  ((cf_span){ 100 * CF_MS })
#define ROUNDS_PATIENCE ((cf_span){ 2 * CF_S })

/* STOP as QEMU stamped it, or why it is not known. */
void at_stop_note(struct work *work)
{
	struct guest_events events = { 0 };

	if (work->receipt->has_stop)	/* the agent had seen it before it was restarted */
		return;
	if (work->watch)
		guest_watch_read(work->watch, &events);
	work->receipt->stop_slack = work->settings->stop_slack;
	if (events.has_stop && events.switchover) {
		work->receipt->has_stop = work->record->has_stop = true;
		work->receipt->stop = work->record->stop = events.stop;
		work->peer.has_at_stop = work->peer.offset.rounds > 0;
		work->peer.at_stop = cf_offset_raw(&work->peer.offset, events.stop.raw);
	} else if (events.paused) {
		work->record->paused = true;
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "somebody had paused the guest");
	} else if (events.stop_unplaced) {
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "STOP's time stamp fits none of the source's clocks");
	} else {
		work_unmeasured(work, CF_FIGURE_BLACKOUT, "STOP was not seen%s",
				work->again ? " (the agent was restarted)" :
				events.gap  ? " (libvirt's connection was lost)" : "");
	}
}

/*
 * The rounds before STOP and those right after it bound the offset at STOP from both
 * sides.  Later ones say less: two oscillators drift.
 */
static void narrow(struct work *work, int rounds, cf_span patience)
{
	struct work_peer *peer = &work->peer;
	struct cf_interval after;
	struct cf_error err = { 0 };

	if (!work->receipt->has_stop || work_calls(work, &err) < 0 ||
	    probe_rounds(peer->probes, rounds, &peer->offset, peer->boot, patience, &err) < 0)
		return;
	after = cf_offset_raw(&peer->offset, work->receipt->stop.raw);
	if (!peer->has_at_stop || !cf_interval_meet(peer->at_stop, after, &peer->at_stop))
		peer->at_stop = after;	/* the offset began anew: a host was suspended meanwhile */
	peer->has_at_stop = true;
}

void at_stop_narrow(struct work *work)
{
	narrow(work, SOME_ROUNDS, ROUND_PATIENCE);
}

/* After a restart the destination has a better one than we could make now, unless STOP is known. */
void at_stop_send(struct work *work, cf_span patience)
{
	struct cf_error err = { 0 };

	if (work->again && !work->record->has_stop)
		return;
	if (work_calls(work, &err) < 0 || record_send(work, patience, &err) < 0)
		work_unmeasured(work, CF_FIGURE_OTHER, "the completed clock record did not reach the destination: %s",
				err.text);
	else
		work->record_there = work->record->has_stop;
}

/*
 * The copy's own traffic is over, and rounds are quick again.  The destination learns
 * of it while its guest's agent is still waking up.
 */
void at_stop_refine(struct work *work)
{
	struct cf_error err = { 0 };

	if (work->peer.refined || !work->receipt->has_stop)
		return;
	work->peer.refined = true;
	narrow(work, ROUNDS, ROUNDS_PATIENCE);
	if (work_calls(work, &err) == 0)
		record_send(work, AT_STOP_PATIENCE, &err);	/* should that fail, it has one that will do */
}
