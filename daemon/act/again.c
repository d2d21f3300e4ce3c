/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/again.h"

#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/kept.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"

#define TURN          ((cf_span){ CF_S })
#define VIRT_PATIENCE ((cf_span){ 5 * CF_S })

/* What the pair's offset was is lost; it is measured anew, from what the background knows. */
static void open_pair(struct work *work)
{
	struct cf_error err = { 0 };

	if (work_calls(work, &err) < 0) {
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: %s", work->id, err.text);
		return;
	}
	fleet_offset(work->context->fleet, work->reservation.destination, &work->peer.offset, work->peer.boot);
	work->peer.offset.drift_ppm = (double)work->settings->probe.raw_drift_ppm;
	probe_calmly(work->peer.probes, work->settings->probe.rounds, &work->peer.offset, work->peer.boot,
		     work->settings->probe.timeout, &err);
}

static void open_watch(struct work *work, const char *uuid)
{
	struct cf_error err = { 0 };

	if (guest_watch_new(work->context->virt, uuid, work->side, &work->watch, &err) < 0)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: %s", work->id, err.text);
}

/* Its clock is to be looked at soon, and the agent's own connection to libvirt comes when it comes. */
static void open_guest(struct work *work)
{
	open_watch(work, work->reservation.uuid);
	virt_wait(work->context->virt, VIRT_PATIENCE, NULL);
}

/* libvirt goes on with the copy by itself, and the gate is watched again; so is what is told of the guest's counters. */
static void open_copy(struct work *work)
{
	struct cf_error err = { 0 };

	while (!work_stopping(work) && virt_wait(work->context->virt, TURN, &err) < 0)
		;
	work_link(work, NULL);
	if ((work_has_peer(work) && gate_watch(work, &err) < 0) ||
	    work->driver->attach(work->context->virt, work->reservation.uuid, &work->drive, &err) < 0)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: %s", work->id, err.text);
	if (work->watch && work->lookout && work->drive)
		carried_begin(work);
}

/* Did its guest stand still, or may it have, for all that is known?  Its STOP may have gone unseen. */
static bool has_stood(const struct cf_receipt *receipt)
{
	for (size_t i = 0; i < receipt->n_phases; i++)
		if (receipt->phases[i].phase >= CF_PHASE_PAUSED && receipt->phases[i].phase <= CF_PHASE_ROLLING_BACK)
			return true;

	return receipt->has_stop;
}

void again_open(struct work *work, enum cf_act act)
{
	if (work->side == CF_DESTINATION) {
		if (act == CF_ACT_CORRECT || act == CF_ACT_VERIFY || act == CF_ACT_OBEY)	/* the others make theirs */
			open_guest(work);
		return;
	}

	if (work_has_peer(work) && act != CF_ACT_TAKE_BACK)	/* nobody is asked while a guest stands still */
		open_pair(work);
	if (act == CF_ACT_COPY || act == CF_ACT_ASK || act == CF_ACT_TAKE_BACK || act == CF_ACT_RESOLVE)
		open_watch(work, work->reservation.uuid);
	if (act == CF_ACT_ASK || act == CF_ACT_TAKE_BACK || act == CF_ACT_RESOLVE)	/* the guest may stand for long */
		carried_again(work);
	if (act == CF_ACT_UNDO && has_stood(work->receipt) && kept_is_ours(work))
		open_guest(work);
	if (act == CF_ACT_COPY)
		open_copy(work);
	else if (act == CF_ACT_ASK)
		work->driver->attach(work->context->virt, work->reservation.uuid, &work->drive, NULL);
}

void again_pair(struct work *work)
{
	if (work->again >= CF_PHASE_COPYING && work_has_peer(work) && !work->peer.call)
		open_pair(work);
}
