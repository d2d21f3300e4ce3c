/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ends: undo what was begun, write the receipt, see that both hosts have it. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/again.h"
#include "daemon/act/errand.h"
#include "daemon/act/gated.h"
#include "daemon/act/gather.h"
#include "daemon/act/kept.h"
#include "daemon/act/obey.h"
#include "daemon/act/ramp.h"
#include "daemon/act/persist.h"
#include "daemon/act/reason.h"
#include "daemon/act/receipt.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/peer/fleet.h"
#include "daemon/peer/probe.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/leftover.h"
#include "policy/outcome.h"

#define PATIENCE      ((cf_span){ 10 * CF_S })
#define CLOSE_WAIT    ((cf_span){ 30 * CF_S })	/* for the source's receipt */

/*
 * The last words, for the receipt.  They are shown when the receipt can be had
 * (work_conclude()): who sees that a migration has ended may ask for it at once.
 */
static void settle(struct work *work, enum cf_outcome outcome, const char *reason)
{
	struct cf_migration *last = &work->receipt->migration;

	work_shown(work, last);
	last->has_outcome = true;
	last->outcome = outcome;
	if (reason)
		snprintf(last->reason, sizeof(last->reason), "%s", reason);
	last->has_ended = true;
	last->ended = kernel_instant().real;
	work->receipt->has_author = true;
	snprintf(work->receipt->author, sizeof(work->receipt->author), "%s", work->settings->host);
	receipt_explain(work);
	receipt_log(work->receipt);
}

/*
 * Hand the receipt to the destination, which may hold a reservation even where its
 * answer was lost, or be about to; without it, that host keeps what it saw itself.
 */
static void hand_over(struct work *work)
{
	const char *segments[] = { work->id };
	CF_AUTO(cf_free) struct cf_closing *closing = NULL;
	struct cf_accepted accepted;
	struct cf_error err = { 0 };

	if (!*work->reservation.uuid || !work_has_peer(work))	/* it was never asked */
		return;
	closing = calloc(1, sizeof(*closing));
	if (!closing)
		return;
	closing->receipt = *work->receipt;
	if (work_calls(work, &err) < 0 ||
	    call_do(work->peer.call, CF_ROUTE_CLOSE, segments, NULL, closing, &accepted, PATIENCE, NULL, &err) < 0) {
		work->owed = errand_is_worth(&err);
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain,
					    .peer = work->reservation.destination),
				  "migration %s: the destination did not take the receipt: %s", work->id, err.text);
	}
}

/* One last look at the pair: it narrows the blackout, and is the offset afterwards. */
static void measure_after(struct work *work)
{
	struct cf_error err = { 0 };

	if (!work_has_peer(work))
		return;
	if (work_calls(work, &err) < 0 ||
	    probe_calmly(work->peer.probes, work->settings->probe.rounds, &work->peer.offset, work->peer.boot,
			 work->settings->probe.timeout, &err) < 0) {
		work_unmeasured(work, CF_FIGURE_OFFSET_AFTER, "%s", err.text);
		return;
	}
	work->receipt->has_offset_after = true;
	work->receipt->offset_after = cf_offset_real(&work->peer.offset, kernel_instant(), CF_SLEW_PPM);
}

enum cf_event act_close(struct work *work, char why[static CF_DETAIL_ROOM])
{
	enum cf_outcome outcome;
	struct cf_migration shown;

	work_shown(work, &shown);
	if (shown.phase == CF_PHASE_REFUSED) {
		receipt_complete(work);
		settle(work, CF_OUTCOME_REFUSED, NULL);
		return CF_EV_VERIFIED;
	}

	measure_after(work);
	receipt_complete(work);
	ramp_learn(work);
	if (work->torn)
		work->receipt->landing.has_torn = work->receipt->landing.torn = true;
	outcome = cf_outcome_judge(work->receipt, &work->receipt->limits, why);
	/* A breach is its own reason; else what went wrong on the way, if anything did, explains more. */
	settle(work, outcome, outcome == CF_OUTCOME_BREACHED || !*shown.reason ? why : NULL);
	hand_over(work);
	return CF_EV_VERIFIED;
}

/* Whatever became of the attempt, its guest should be here, and run unless somebody has paused it. */
static void warn_of_loss(struct work *work)
{
	struct domain_standing standing;
	struct cf_error err = { 0 };

	if (domain_look(work->context->virt, work->record->guest.uuid, &standing, &err) < 0 || !standing.known ||
	    !standing.active)
		log_error_about(LOG_ABOUT(.id = LOG_ID_GUEST_DOWN, .migration = work->id, .domain = work->reservation.domain),
				"migration %s: the domain does not run on this host: %s", work->id,
				*err.text ? err.text : "libvirt has no running domain of that uuid");
	else if (standing.stranded && !work->record->paused)
		log_error_about(LOG_ABOUT(.id = LOG_ID_GUEST_DOWN, .migration = work->id, .domain = work->reservation.domain),
				"migration %s: the domain stands still, as libvirt could not let it run again: `virsh resume %s`", work->id,
				work->reservation.domain);
}

enum cf_event act_undo(struct work *work, char why[static CF_DETAIL_ROOM])
{
	kept_mend(work);
	persist_restore(work);
	gated_settle(work, CF_DECISION_KEPT);
	if (work->drive || work->again >= CF_PHASE_COPYING)
		warn_of_loss(work);
	again_pair(work);
	work->receipt->has_landing = work->receipt->landing.has_resume;	/* nothing to tell, unless it ran there */
	receipt_complete(work);
	settle(work, CF_OUTCOME_ABORTED, reason_asked(work, why) ? why : NULL);
	hand_over(work);
	return CF_EV_KEPT;
}

/* Without a word from the source: what was seen here. */
static void settle_alone(struct work *work)
{
	struct cf_migration shown;

	work_shown(work, &shown);
	receipt_alone(work);
	settle(work, shown.phase == CF_PHASE_DONE ? CF_OUTCOME_UNVERIFIED : CF_OUTCOME_ABORTED, NULL);
}

/*
 * The source kept its guest.  What libvirt may have defined here when it was told to let it run, before
 * nobody knew any more what came of that, is nobody's.
 */
static void take_receipt(struct work *work)
{
	bool kept = work->receipt->migration.has_outcome && work->receipt->migration.outcome == CF_OUTCOME_ABORTED;
	bool told = gated_mark(work->context, work->id) == CF_MARK_OBEYED;
	struct cf_error err = { 0 };

	receipt_log(work->receipt);
	if (!kept || !told || !work->has_was_defined || work->was_defined)
		return;
	if (leftover_undefine(work->context->virt, work->reservation.uuid, cf_mono_add(kernel_raw(), PATIENCE), &err) < 0)
		log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				  "migration %s: its guest was kept by %s, and a definition of it is left here: %s", work->id,
				  work->reservation.source, err.text);
}

/* What could not be noted was called off with its domain at hand: nobody has promised yet that it never runs. */
static void drop(struct work *work)
{
	struct cf_migration shown;

	work_shown(work, &shown);
	if (work->incoming && shown.phase == CF_PHASE_DROPPED)
		obey_give_up(work, shown.reason);
}

/*
 * The source's receipt is the whole one, also of an attempt that came to nothing.  It
 * may be in hand already; a source that fell silent will not send it.
 */
enum cf_event act_close_incoming(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono deadline = cf_mono_add(kernel_raw(), CLOSE_WAIT);
	const struct timespec turn = { .tv_nsec = 20 * CF_MS };

	(void)why;
	drop(work);
	while (work_has_peer(work) && !work_newest_closing(work) && !*work->receipt->migration.id &&
	       cf_mono_cmp(kernel_raw(), deadline) < 0 &&
	       cf_span_cmp(work_silence(work), work->settings->lease) < 0 && !work_stopping(work))
		nanosleep(&turn, NULL);

	if (*work->receipt->migration.id)
		take_receipt(work);
	else
		settle_alone(work);
	return CF_EV_VERIFIED;
}
