/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/acts.h"
#include "daemon/act/again.h"
#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/pulse.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/fault.h"
#include "daemon/peer/fleet.h"
#include "proto/wipe.h"

#define LINK_PATIENCE    ((cf_span){ 5 * CF_S })
#define LANDING_PATIENCE ((cf_span){ 2 * CF_S })

/* Which function does which act, on which side. */
static act_fn *const acts[CF_N_SIDES][CF_N_ACTS] = {
	[CF_SOURCE] = {
		[CF_ACT_CHECK]     = act_check,
		[CF_ACT_RESERVE]   = act_reserve,
		[CF_ACT_CAPTURE]   = act_capture,
		[CF_ACT_COPY]      = act_copy,
		[CF_ACT_GATE]      = act_gate,
		[CF_ACT_DECIDE]    = act_decide,
		[CF_ACT_COMMIT]    = act_commit,
		[CF_ACT_RESOLVE]   = act_resolve,
		[CF_ACT_TAKE_BACK] = act_take_back,
		[CF_ACT_ASK]       = act_ask,
		[CF_ACT_LAND]      = act_land,
		[CF_ACT_CORRECT]   = act_follow_correction,
		[CF_ACT_VERIFY]    = act_follow_verification,
		[CF_ACT_UNDO]      = act_undo,
		[CF_ACT_CLOSE]     = act_close,
	},
	[CF_DESTINATION] = {
		[CF_ACT_AWAIT]     = act_await,
		[CF_ACT_PREPARE]   = act_prepare,
		[CF_ACT_STAND_BY]  = act_stand_by,
		[CF_ACT_OBEY]      = act_obey,
		[CF_ACT_CORRECT]   = act_correct,
		[CF_ACT_VERIFY]    = act_verify,
		[CF_ACT_UNDO]      = act_close_incoming,
		[CF_ACT_CLOSE]     = act_close_incoming,
	},
};

/* Those of a migration that somebody else drives, at the source, where they are others. */
static act_fn *const watching[CF_N_ACTS] = {
	[CF_ACT_COPY]    = act_attend,
	[CF_ACT_ASK]     = act_attend_end,
	[CF_ACT_LAND]    = act_attend_landing,
	[CF_ACT_CORRECT] = act_attend_correction,
	[CF_ACT_VERIFY]  = act_attend_verification,
};

int work_new(struct work **ret, const struct act_context *context, enum cf_side side, const char *id,
	     struct cf_error *err)
{
	CF_AUTO(work_free) struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->news, NULL);
	work->context = context;
	work->settings = settings_hold(context->settings);
	work->side = side;
	work->driver = &drive_libvirt;
	kernel_boot_id(work->boot, NULL);
	work->began = kernel_raw();
	snprintf(work->id, sizeof(work->id), "%s", id);
	snprintf(work->shown.id, sizeof(work->shown.id), "%s", id);
	work->shown.side = side;
	work->shown.started = kernel_instant().real;
	work->heard = work->began;
	work->landing.lever = CF_LEVER_NONE;

	work->receipt = calloc(1, sizeof(*work->receipt));
	work->record = calloc(1, sizeof(*work->record));
	if (!work->receipt || !work->record)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	*ret = CF_TAKE(work);
	return 0;
}

const struct drive_ops *work_driver(const char *name)
{
	static const struct drive_ops *const drivers[] = { &drive_gated, &drive_foreign };

	for (size_t i = 0; i < CF_COUNT(drivers); i++)
		if (strcmp(name, drivers[i]->name) == 0)
			return drivers[i];
	return &drive_libvirt;
}

struct virt_link *work_link(struct work *work, struct cf_error *err)
{
	if (work->link && !virt_link_alive(work->link))
		work->link = virt_link_close(work->link);
	if (!work->link && virt_connected(work->context->virt, err))
		virt_link_open(work->context->virt, LINK_PATIENCE, &work->link, err);
	return work->link;
}

int work_calls(struct work *work, struct cf_error *err)
{
	const char *destination = work->reservation.destination;
	CF_AUTO(call_free) struct call *call = NULL;
	int r;

	if (work->peer.call)
		return 0;
	r = fleet_call(work->context->fleet, destination, &call, err);
	if (r == 0)
		r = fleet_call(work->context->fleet, destination, &work->peer.probes, err);
	if (r == 0)
		work->peer.call = CF_TAKE(call);
	return r;
}

int work_ask_landing(struct work *work, struct cf_landing *ret, struct cf_error *err)
{
	const char *segments[] = { work->id };
	int r = work_calls(work, err);

	return r < 0 ? r : call_do(work->peer.call, CF_ROUTE_LANDING, segments, NULL, NULL, ret, LANDING_PATIENCE, NULL, err);
}

/* Close every connection. */
static void hang_up(struct work *work)
{
	work->looker = looker_free(work->looker);	/* it looks at the watch */
	work->carrier = carrier_free(work->carrier);	/* it, too, and at the lookout */
	work->carried = carried_free(work->carried);
	work->ward = ward_free(work->ward);
	work->pulse = pulse_free(work->pulse);
	work->drive = drive_free(work->drive);
	work->incoming = incoming_free(work->incoming);
	work->watch = guest_watch_free(work->watch);
	work->link = virt_link_close(work->link);
	work->lookout = lookout_free(work->lookout);
	call_free(work->peer.call);
	call_free(work->peer.probes);
	work->peer.call = work->peer.probes = NULL;
}

/* For good; what was measured stays to be read. */
static void let_go(struct work *work)
{
	hang_up(work);
	cf_text_wipe(CF_TAKE(work->xml));
	cf_text_wipe(CF_TAKE(work->persistent_xml));
}

/* Until its turn comes again, when everything is found out anew. */
static void begin_again(struct work *work)
{
	hang_up(work);
	memset(work->record, 0, sizeof(*work->record));
	work->reservation = (struct cf_reservation){ 0 };
	work->limits = (struct cf_both_limits){ 0 };
}

void work_free(struct work *work)
{
	if (!work)
		return;

	work->carrier = carrier_leave(work->carrier);	/* there is none of a migration that has ended */
	let_go(work);
	free(work->record);
	free(work->receipt);
	free(work->inbox);
	free(work->closing);
	free(work->counters);
	free(work->brought);
	work_offer_free(work->offer);
	work_commit_free(work->commit);
	work_commit_free(work->obeyed);
	cf_blob_wipe(&work->prepared.cookie);
	cf_blob_wipe(&work->answer.cookie);
	cf_blob_wipe(&work->finish_cookie);
	settings_free(work->settings);
	pthread_cond_destroy(&work->news);
	pthread_mutex_destroy(&work->lock);
	free(work);
}

void work_set_out(struct work *work)
{
	settings_free(work->settings);
	work->settings = settings_hold(work->context->settings);
}

static act_fn *function_of(const struct work *work, enum cf_act act)
{
	if (work->side == CF_SOURCE && work->driver->foreign && watching[act])
		return watching[act];
	return acts[work->side][act];
}

/* libvirtd may take its time to close a connection: that is for this thread too. */
enum cf_event work_act(struct work *work, enum cf_act act, char why[static CF_DETAIL_ROOM])
{
	enum cf_event event;

	if (work->to_open) {
		work->to_open = false;
		again_open(work, act);
	}
	FAULT_PHASE(work->side, work->shown.phase, ACT);
	event = function_of(work, act)(work, why);
	FAULT_PHASE(work->side, work->shown.phase, DONE);

	if (act == CF_ACT_UNDO || act == CF_ACT_CLOSE)
		let_go(work);
	else if (event == CF_EV_BUSY)
		begin_again(work);
	return event;
}

void work_landing(struct work *work, struct cf_landing *ret)
{
	pthread_mutex_lock(&work->lock);
	*ret = work->landing;
	ret->phase = work->shown.phase;
	ret->has_reason = *work->shown.reason;
	memcpy(ret->reason, work->shown.reason, sizeof(ret->reason));
	ret->has_word = work->driver->has_gate;
	ret->word = gated_word(work, ret->phase);
	work->heard = kernel_raw();
	pthread_mutex_unlock(&work->lock);
}

void work_abort(struct work *work, const char *reason)
{
	pthread_mutex_lock(&work->lock);
	if (!*work->abort_reason) {
		snprintf(work->abort_reason, sizeof(work->abort_reason), "%s", reason);
		work->landing.has_abort_asked = work->side == CF_DESTINATION;	/* the source reads it there */
		snprintf(work->landing.abort_asked, sizeof(work->landing.abort_asked), "%s", reason);
	}
	pthread_mutex_unlock(&work->lock);
	atomic_store(&work->abort, true);
}

bool work_aborted(struct work *work, char why[static CF_DETAIL_ROOM])
{
	if (!atomic_load(&work->abort))
		return false;

	pthread_mutex_lock(&work->lock);
	snprintf(why, CF_DETAIL_ROOM, "%s", work->abort_reason);
	pthread_mutex_unlock(&work->lock);
	return true;
}

void work_stop(struct work *work)
{
	atomic_store(&work->stopping, true);
}

bool work_stopping(const struct work *work)
{
	return atomic_load(&work->stopping);
}

void work_note_phase(struct work *work, enum cf_phase phase, struct cf_instant entered)
{
	bool there = work->side == CF_DESTINATION;
	size_t *n = there ? &work->landing.n_phases : &work->receipt->n_phases;
	struct cf_phase_time *phases = there ? work->landing.phases : work->receipt->phases;
	size_t i;

	pthread_mutex_lock(&work->lock);
	for (i = 0; i < *n && phases[i].phase != phase; i++)
		;
	if (i < *n)	/* back from the queue: once more */
		phases[i].took = cf_span_add(phases[i].took, cf_mono_since(kernel_raw(), entered.raw));
	else if (*n < CF_COUNT(work->receipt->phases))
		phases[(*n)++] = (struct cf_phase_time){ phase, entered.real, cf_mono_since(kernel_raw(), entered.raw) };
	pthread_mutex_unlock(&work->lock);
}

cf_span work_silence(struct work *work)
{
	cf_mono heard;

	pthread_mutex_lock(&work->lock);
	heard = work->heard;
	pthread_mutex_unlock(&work->lock);
	return cf_mono_since(kernel_raw(), heard);
}

void work_unmeasured(struct work *work, enum cf_figure figure, const char *fmt, ...)
{
	bool there = work->side == CF_DESTINATION;
	size_t *n = there ? &work->landing.n_unmeasured : &work->receipt->n_unmeasured;
	char (*lines)[CF_DETAIL_ROOM] = there ? work->landing.unmeasured : work->receipt->unmeasured;
	const char *words = cf_figure_words[figure];
	va_list ap;
	int at;

	pthread_mutex_lock(&work->lock);
	if (*n < CF_COUNT(work->receipt->unmeasured)) {
		at = snprintf(lines[*n], CF_DETAIL_ROOM, "%s%s", words, *words ? ": " : "");
		va_start(ap, fmt);
		vsnprintf(lines[*n] + at, CF_DETAIL_ROOM - at, fmt, ap);
		va_end(ap);
		(*n)++;
	}
	pthread_mutex_unlock(&work->lock);
}
