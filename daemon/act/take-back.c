/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rolling back: no commit was sent, or by the destination's word none was obeyed.  The source
 * has its guest run on here, whatever libvirt's job, its connection or its daemon have come to.
 */

#include <errno.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/standstill.h"
#include "daemon/act/stuck.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"
#include "daemon/virt/leftover.h"
#include "proto/text.h"

#define SETTLE_PATIENCE ((cf_span){ 10 * CF_S })
#define ABORT_PATIENCE  ((cf_span){ 2 * CF_S })
#define END_PATIENCE    ((cf_span){ CF_S })
#define CUT_PATIENCE    ((cf_span){ 100 * CF_MS })
#define AGAIN           ((struct timespec){ .tv_nsec = 100 * CF_MS })
#define COMPLAIN_EVERY  ((cf_span){ 10 * CF_S })
#define SILENCE_TOLD    ((cf_span){ CF_S })

static cf_mono within(cf_span patience)
{
	return cf_mono_add(kernel_raw(), patience);
}

/* The drive comes to its end; told, where libvirt took the request for that.  Libvirtd has answered since then. */
static void end_drive(struct work *work, cf_mono answers, bool *told, struct cf_error *err)
{
	struct drive_end end;

	drive_wait(work->drive, (cf_span){ 0 }, &end);
	if (end.state == DRIVE_LOADED) {
		drive_settle(work->drive, false, NULL, 0, within(SETTLE_PATIENCE), err);
		return;
	}
	if (end.state == DRIVE_RUNNING) {
		ward_cut(work);
		if (!ward_ends(work, answers)) {
			*told |= drive_abort(work->drive, within(ABORT_PATIENCE), err) == 0;
			drive_wait(work->drive, END_PATIENCE, &end);
		} else {
			drive_wait(work->drive, CUT_PATIENCE, &end);
		}
	}
	if (end.state == DRIVE_LOST || end.state == DRIVE_FAILED || end.state == DRIVE_ABORTED)	/* what it left is looked at by hand */
		work->drive = drive_free(work->drive);
}

/*
 * Without a drive: what an agent that died, or a connection that was lost, left of libvirt's job.  A copy may
 * go on without whoever began it, while the guest still runs, and would stop it once more when it is through.
 */
static void end_leftover(struct work *work, const struct domain_standing *standing, bool *told, struct cf_error *err)
{
	const char *uuid = work->reservation.uuid;

	if (standing->moving && standing->job_active && work_link(work, err))
		*told |= job_abort(work->link, uuid, within(ABORT_PATIENCE), err) == 0;
	else if (standing->state != CF_DOMAIN_RUNNING && (standing->migrating || standing->stranded))
		leftover_resume(work->context->virt, uuid, within(SETTLE_PATIENCE), err);
}

static int look(struct work *work, struct domain_standing *ret, struct cf_error *err)
{
	*ret = (struct domain_standing){ 0 };	/* how it stood before says nothing of now */
	return domain_look(work->context->virt, work->reservation.uuid, ret, err);
}

/*
 * It runs here, and no migration has it; or somebody has paused it; or it is not here at all any more.  One that
 * libvirt could not let run, as its disks or its locks were away, is none that somebody has paused.
 */
static bool is_back(const struct work *work, const struct domain_standing *standing)
{
	if (!standing->known || !standing->active)
		return true;
	return !standing->migrating && !standing->moving && (!standing->stranded || work->record->paused);
}

static void complain(struct work *work, cf_mono *next, const struct cf_error *err)
{
	if (!kernel_due(next, COMPLAIN_EVERY))
		return;
	log_error_about(LOG_ABOUT(.id = LOG_ID_GUEST_DOWN, .migration = work->id, .domain = work->reservation.domain),
			"migration %s: the guest is to run on here, and does not yet: %s", work->id,
			*err->text ? err->text : "libvirt has not finished");
}

/* A libvirtd that hangs lets nobody bring the guest back: then that is why it stood still for so long. */
static void say(const char *reason, cf_span silence, char why[static CF_DETAIL_ROOM])
{
	char text[CF_SPAN_TEXT_ROOM];

	if (cf_span_cmp(silence, SILENCE_TOLD) < 0)
		act_say(why, "%s", reason);
	else
		act_say(why, "%.170s; meanwhile libvirtd did not answer for %s", reason, cf_span_text(silence, text));
}

static void note_end(struct work *work)
{
	struct cf_gated *gated = &work->receipt->gated;

	if (!work->receipt->has_gated)	/* nothing was decided */
		*gated = (struct cf_gated){ .limit = work->limits.limits.max_blackout };
	work->receipt->has_gated = true;
	gated->committed = false;
	gated->has_taken_back_took = work->decided.ns != 0;
	if (gated->has_taken_back_took)
		gated->taken_back_took = cf_mono_since(kernel_raw(), work->decided);
}

enum cf_event act_take_back(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct domain_standing standing = { 0 };
	cf_mono next = within(COMPLAIN_EVERY), heard = kernel_raw(), answers = heard;
	struct cf_error err = { 0 };
	struct cf_migration shown;
	struct stuck stuck = { 0 };
	cf_span silence = { 0 };
	bool told = false;
	int r;

	work_shown(work, &shown);
	if (gated_decision(work->context, work->id) == CF_DECISION_KEPT) {	/* before this agent: whoever has it since is none of ours */
		act_say(why, "%s", shown.reason);
		return CF_EV_KEPT;
	}
	gated_decide(work, CF_DECISION_ROLL_BACK, NULL);
	if (work->lookout)
		gate_leave(work);
	for (;;) {
		err = (struct cf_error){ 0 };
		if (work->drive)
			end_drive(work, answers, &told, &err);
		r = look(work, &standing, &err);
		if (r == 0 && is_back(work, &standing))
			break;
		if (r < 0) {
			silence = cf_span_max(silence, cf_mono_since(kernel_raw(), heard));
			answers = kernel_raw();
		} else {
			heard = kernel_raw();
		}
		if (!work->drive)
			end_leftover(work, &standing, &told, &err);
		stuck_look_back(&stuck, work, &standing, told);
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before the guest ran on");
			return CF_EV_FAILED;
		}
		complain(work, &next, &err);
		nanosleep(&AGAIN, NULL);
	}

	note_end(work);
	if (work->record->paused && work->watch && !work->booted)	/* else it is another run */
		standstill_undone(work);
	say(shown.reason, silence, why);
	return CF_EV_KEPT;
}
