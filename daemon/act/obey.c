/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The destination at its gate: make the incoming domain, stand by until the source says that it
 * may run, judge that once more, and let it.
 *
 * This is the dead-man's switch as well: should the source fall silent, the domain goes, and
 * the source's QEMU runs on by itself.  Whatever ends it, the promise that it never ran and never
 * will is durable before the domain is given up.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/arrive.h"
#include "daemon/act/carried.h"
#include "daemon/act/gated.h"
#include "daemon/act/gather.h"
#include "daemon/act/obey.h"
#include "daemon/act/where.h"
#include "daemon/clock/kernel.h"
#include "daemon/fault.h"
#include "daemon/log.h"
#include "daemon/virt/leftover.h"
#include "policy/commit.h"
#include "policy/recover.h"
#include "proto/text.h"
#include "proto/wipe.h"

#define PREPARE_PATIENCE ((cf_span){ 50 * CF_S })
#define TURN             ((cf_span){ 20 * CF_MS })
#define LOADED_TURN      ((cf_span){ CF_MS })
#define JUDGE_PATIENCE   ((cf_span){ 60 * CF_S })
#define FINISH_PATIENCE  ((cf_span){ 60 * CF_S })
#define SOURCE_PATIENCE  ((cf_span){ 5 * CF_S })	/* to call its copy off, asked to from here */
#define LOOK_AGAIN       ((struct timespec){ .tv_nsec = 100 * CF_MS })
#define TELL_AGAIN       ((struct timespec){ .tv_sec = 1 })
#define UNDEFINE_PATIENCE ((cf_span){ 5 * CF_S })

/* --- prepare --- */

static void spell(const struct work *work, const struct cf_offer *offer, const char *xml, struct drive_offer *ret)
{
	*ret = (struct drive_offer){
		.xml = xml,
		.cookie = offer->cookie.data,
		.cookie_size = offer->cookie.size,
		.options = offer->options,
		.persistent = offer->persistent,
		.paused = offer->paused,
	};
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", work->reservation.uuid);
	snprintf(ret->name, sizeof(ret->name), "%s", work->reservation.domain);
	snprintf(ret->migrate_uri, sizeof(ret->migrate_uri), "%s", offer->migrate_uri);
}

/* libvirt wants a string; a blob is none. */
static char *text_of(const struct cf_blob *blob)
{
	char *text = memchr(blob->data, '\0', blob->size) ? NULL : malloc(blob->size + 1);

	if (text) {
		memcpy(text, blob->data, blob->size);
		text[blob->size] = '\0';
	}
	return text;
}

static void answer_prepared(struct work *work, struct drive_answer *answer)
{
	struct cf_prepared *prepared = work_prepared_begin(work);

	snprintf(prepared->uri, sizeof(prepared->uri), "%s", answer->uri);
	prepared->has_cookie = answer->cookie_size > 0;
	prepared->cookie = (struct cf_blob){ answer->cookie, answer->cookie_size };
	work_answer_end(work);
	*answer = (struct drive_answer){ 0 };
}

static int prepare(struct work *work, const struct cf_offer *offer, struct cf_error *err)
{
	struct incoming_options options = {
		.allow_passthrough = work->settings->libvirt.accept_passthrough, .timeout = PREPARE_PATIENCE,
	};
	struct drive_answer answer = { 0 };
	struct drive_offer spelled;
	char why[CF_DETAIL_ROOM], *xml;
	int r;

	if (!cf_may_arm(gated_mark(work->context, work->id)))
		return cf_fail(err, EALREADY, CF_CONFLICT, "it was to come in under this id before, and has ended");
	r = gated_decide(work, CF_DECISION_NONE, err);
	if (r == 0)
		r = gated_promise(work, CF_MARK_ARMED, err);
	if (r < 0)
		return r;
	xml = text_of(&offer->xml);
	if (!xml)
		return cf_fail(err, EINVAL, CF_PEER, "xml: it is no text");
	spell(work, offer, xml, &spelled);
	FAULT(PREPARE_BEFORE);
	r = incoming_prepare(work->context->virt, &spelled, &options, &work->incoming, &answer, err);
	FAULT(PREPARE_AFTER);
	cf_text_wipe(xml);
	if (r < 0)
		return r;
	work->has_was_defined = true;
	work->was_defined = incoming_was_defined(work->incoming);
	r = carried_prepare(work, err);
	if (r == 0 && work_aborted(work, why))
		r = cf_fail(err, ECANCELED, CF_CONFLICT, "%s", why);
	if (r == 0)
		answer_prepared(work, &answer);
	else
		drive_answer_clear(&answer);
	return r;
}

/* --- the end of it, before it ran --- */

static void answer(struct work *work, enum cf_word word, const char *reason)
{
	struct cf_answer *said = work_answer_begin(work);

	said->word = word;
	snprintf(said->reason, sizeof(said->reason), "%s", reason);
	work_answer_end(work);
}

static bool may_close(const struct work *work)
{
	return cf_may_close(gated_mark(work->context, work->id), gated_decision(work->context, work->id));
}

bool obey_give_up(struct work *work, const char *why)
{
	struct cf_error err = { 0 };
	bool promised = may_close(work) && gated_promise(work, CF_MARK_CLOSED, &err) == 0;

	if (!promised)
		log_error_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
				"migration %s: that its guest never ran here cannot be promised: %s", work->id,
				*err.text ? err.text : "by what this host has noted it may have run");
	answer(work, promised ? CF_WORD_NEVER_RAN : CF_WORD_UNKNOWN, why);
	work->incoming = incoming_free(work->incoming);
	return promised;
}

enum cf_event act_prepare(struct work *work, char why[static CF_DETAIL_ROOM])
{
	CF_AUTO(work_offer_free) struct cf_offer *offer = work_take_offer(work);
	struct cf_error err = { 0 };
	bool aborted;

	if (offer && prepare(work, offer, &err) == 0)
		return CF_EV_ARMED;
	aborted = work_aborted(work, why);
	if (!aborted)
		act_say(why, "the incoming domain could not be made: %s", offer ? err.text : "what it is made from was lost");
	obey_give_up(work, why);
	return aborted ? CF_EV_ABORT : CF_EV_GONE;
}

/* --- stand by --- */

static bool is_over_limit(const struct work *work)
{
	const struct cf_record *record = work->record;
	const struct cf_wait_evidence evidence = {
		.now = kernel_raw(),
		.loaded = work->loaded_at.ns != 0,
		.loaded_at = work->loaded_at,
		.has_stop = work->has_record && record->has_stop && record->has_raw_offset,
		.stop = record->stop.raw,
		.raw_offset = record->raw_offset,
	};

	return cf_wait_over(&evidence, &work->limits);
}

/*
 * Somebody here wants it called off, and it is not the source that does so: it does not hear of it, or has not done it
 * since `asked`, or its guest stands still for that.
 */
static bool is_to_abort(struct work *work, enum cf_phase phase, cf_mono *asked, char why[static CF_DETAIL_ROOM])
{
	char reason[CF_DETAIL_ROOM];

	if (!work_aborted(work, reason))
		return false;
	if (asked->ns == 0)
		*asked = kernel_raw();
	if (cf_phase_abort(CF_DESTINATION, phase, true, work->reservation.hears_abort) == CF_ABORT_SOURCE_FIRST &&
	    cf_span_cmp(work_silence(work), work->settings->copy.peer_silence) <= 0 &&
	    cf_span_cmp(cf_mono_since(kernel_raw(), *asked), SOURCE_PATIENCE) < 0)
		return false;
	act_say(why, "%s", reason);
	return true;
}

/* What ends it; false while nothing does. */
static bool ended(struct work *work, enum cf_phase phase, const struct guest_events *events, cf_mono *asked, enum cf_event *ret,
		  char why[static CF_DETAIL_ROOM])
{
	cf_span silence = work_silence(work);
	char text[CF_SPAN_TEXT_ROOM];

	*ret = CF_EV_GONE;
	if (arrive_source_gave_up(work, why))
		*ret = CF_EV_KEPT;
	else if (is_to_abort(work, phase, asked, why))
		*ret = CF_EV_ABORT;
	else if (!incoming_alive(work->incoming))
		act_say(why, "the connection to libvirtd that held the incoming domain was lost");
	else if (events->gone != GUEST_HERE)
		act_say(why, "the incoming domain is gone: %s", guest_gone_name(events->gone));
	else if (cf_span_cmp(silence, work->settings->copy.peer_silence) > 0)
		act_say(why, "the source's agent has said nothing for %s", cf_span_text(silence, text));
	else if (is_over_limit(work))
		act_say(why, "the guest had stood still for as long as it may, and no commit had come");
	else if (work_stopping(work))
		act_say(why, "the agent was stopped");
	else
		return false;
	return true;
}

/* Until when a commit is valid the source says; how long this host waits for what it lacks is its own matter. */
static cf_mono waits_until(const struct cf_commit *commit)
{
	cf_mono most = cf_mono_add(kernel_raw(), JUDGE_PATIENCE);

	return cf_mono_cmp(commit->valid_until, most) < 0 ? commit->valid_until : most;
}

/* QEMU's word that it has everything may be a moment behind the source's. */
static bool await_loaded(struct work *work, cf_mono until)
{
	struct guest_events events = { 0 };

	guest_watch_read(work->watch, &events);
	while (events.status != MIGRATION_COMPLETED && events.gone == GUEST_HERE && incoming_alive(work->incoming) &&
	       !work_stopping(work) && cf_mono_cmp(kernel_raw(), until) < 0)
		guest_watch_wait(work->watch, events.revision, LOADED_TURN, &events);
	return events.status == MIGRATION_COMPLETED;
}

/* The last judgement.  What is obeyed is noted for good, and looked at once more: that may have taken long. */
static int judge(struct work *work, const struct cf_commit *commit, enum cf_obey *ret, struct cf_error *err)
{
	struct cf_report clock;
	struct cf_obey_evidence evidence = { .valid_until = commit->valid_until, .clock = &clock };
	struct cf_answer *said;
	enum cf_obey obey;
	cf_mono began;
	cf_span took;
	int r;

	evidence.same_boot = strcmp(commit->boot, work->boot) == 0;
	evidence.loaded = evidence.same_boot && await_loaded(work, waits_until(commit));
	evidence.incoming_alive = incoming_alive(work->incoming);
	gather_report(work->context, &clock);
	evidence.now = kernel_raw();
	obey = cf_obey_judge(&evidence, &work->limits);
	if (obey != CF_OBEY) {
		*ret = obey;
		return 0;
	}
	r = incoming_check(work->incoming, commit->cookie.data, commit->cookie.size, waits_until(commit), err);
	if (r < 0)
		return r;
	began = kernel_raw();
	r = gated_promise(work, CF_MARK_OBEYED, err);
	if (r < 0)
		return r;

	evidence.now = kernel_raw();
	took = cf_mono_since(evidence.now, began);
	said = work_answer_begin(work);
	said->has_obeyed_took = true;
	said->obeyed_took = took;
	work_answer_end(work);
	*ret = cf_obey_judge(&evidence, &work->limits);
	return 0;
}

static enum cf_event take_commit(struct work *work, struct cf_commit *commit, char why[static CF_DETAIL_ROOM])
{
	struct cf_error err = { 0 };
	enum cf_obey obey = CF_N_OBEYS;
	bool aborted = work_aborted(work, why);
	int r;

	if (!aborted && (cf_mono_cmp(commit->valid_until, CF_WITHDRAWN) == 0 || carried_arm(work, commit, why))) {
		r = judge(work, commit, &obey, &err);
		if (r == 0 && obey == CF_OBEY) {
			work->obeyed = commit;
			return CF_EV_COMMITTED;
		}
		act_say(why, "%s", r < 0 ? err.text : cf_obey_words[obey]);
	}
	obey_give_up(work, why);
	work_commit_free(commit);
	return aborted ? CF_EV_ABORT : CF_EV_GONE;
}

/*
 * An agent that was restarted: its connection ended with the one before it, and the incoming domain
 * with that, unless it had been obeyed.
 */
static enum cf_event stand_again(struct work *work, char why[static CF_DETAIL_ROOM])
{
	enum cf_event event;

	for (;;) {
		event = cf_stand_again(gated_mark(work->context, work->id), where_here(work, work->reservation.uuid));
		if (event == CF_EV_GONE) {
			if (!work_aborted(work, why))
				act_say(why, "the agent was restarted before it was told to let the guest run");
			obey_give_up(work, why);
		}
		if (event != CF_N_EVENTS)
			return event;
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before libvirt had given the incoming domain up");
			return CF_EV_FAILED;
		}
		nanosleep(&LOOK_AGAIN, NULL);	/* whatever has come meanwhile: nobody takes it here */
	}
}

enum cf_event act_stand_by(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct guest_events events = { 0 };
	struct cf_commit *commit;
	struct cf_migration shown;
	cf_mono asked = { 0 };
	enum cf_event event;

	if (!work->incoming)
		return stand_again(work, why);
	work_shown(work, &shown);
	for (;;) {
		commit = work_take_commit(work);
		if (commit)
			return take_commit(work, commit, why);
		carried_look(work);
		guest_watch_read(work->watch, &events);
		if (ended(work, shown.phase, &events, &asked, &event, why)) {
			obey_give_up(work, why);
			return event;
		}
		if (events.status == MIGRATION_COMPLETED && work->loaded_at.ns == 0)
			work->loaded_at = kernel_raw();
		if (events.status == MIGRATION_COMPLETED && shown.phase == CF_PHASE_ARMED)
			return CF_EV_LOADED;
		work_wait(work, TURN);
	}
}

/* --- obey --- */

/* libvirt has answered; whether the guest ran QEMU's own word tells. */
static enum cf_event finished(struct work *work, struct incoming_end *end, char why[static CF_DETAIL_ROOM])
{
	struct guest_events events = { 0 };
	struct cf_answer *said;

	guest_watch_read(work->watch, &events);
	said = work_answer_begin(work);
	said->word = end->runs || events.landed ? CF_WORD_RAN : CF_WORD_UNKNOWN;
	said->has_finish_took = true;
	said->finish_took = cf_mono_since(end->answered, end->asked);
	said->spare = cf_mono_since(work->obeyed->valid_until, end->asked);
	said->has_spare = said->spare.ns >= -CF_DAY && said->spare.ns <= CF_DAY;	/* else no peer of ours has set it */
	if (end->cookie_size > 0) {
		said->cookie.data = malloc(end->cookie_size);
		said->has_cookie = said->cookie.data != NULL;
		said->cookie.size = said->has_cookie ? end->cookie_size : 0;
		if (said->has_cookie)
			memcpy(said->cookie.data, end->cookie, end->cookie_size);
	}
	if (said->word != CF_WORD_RAN)
		snprintf(said->reason, sizeof(said->reason), "%s", end->error.text);
	work_answer_end(work);

	if (end->runs || events.landed) {
		arrive_note_resume(work);
		return CF_EV_RESUMED;
	}
	act_say(why, "libvirt could not let it run: %s", end->error.text);
	if (!work->was_defined)		/* libvirt defines it before it tries */
		leftover_undefine(work->context->virt, work->reservation.uuid,
				  cf_mono_add(kernel_raw(), UNDEFINE_PATIENCE), NULL);
	return CF_EV_GONE;
}

/*
 * Nobody heard libvirt's answer.  It runs here if it does; gone, it may have run, unless libvirt was never told.  While
 * libvirt has its domain for us it can still be told, or asked what it answers.
 */
static enum cf_event look(struct work *work, char why[static CF_DETAIL_ROOM])
{
	for (;;) {
		enum cf_here here = where_here(work, work->reservation.uuid);

		if (here == CF_HERE_RUNNING) {
			answer(work, CF_WORD_RAN, "");
			arrive_note_resume(work);
			return CF_EV_RESUMED;
		}
		if (here == CF_HERE_ABSENT && may_close(work)) {
			act_say(why, "the agent ended before it had told libvirt to let the guest run");
			return obey_give_up(work, why) ? CF_EV_NEVER_RAN : CF_EV_GONE;
		}
		if (here == CF_HERE_ABSENT) {
			act_say(why, "it was to run here and is gone; whether it ran nobody saw");
			answer(work, CF_WORD_UNKNOWN, why);
			return CF_EV_GONE;
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before libvirt had said that it runs here");
			return CF_EV_FAILED;
		}
		nanosleep(&LOOK_AGAIN, NULL);
		if (work->incoming && work->obeyed && incoming_alive(work->incoming)) {
			act_say(why, "libvirt could not be told, or has not answered");
			nanosleep(&TELL_AGAIN, NULL);
			return CF_EV_FAILED;
		}
	}
}

/* Whoever stopped this agent after its judgement may have done so for long; what libvirt was told already stays told. */
static bool is_told_late(struct work *work, const struct cf_commit *commit)
{
	return cf_mono_cmp(kernel_raw(), commit->valid_until) > 0 && may_close(work);
}

enum cf_event act_obey(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_commit *commit = work->obeyed;
	struct incoming_end end = { 0 };
	struct cf_error err = { 0 };
	enum cf_event event;

	if (!work->incoming || !commit || !incoming_alive(work->incoming))
		return look(work, why);
	if (is_told_late(work, commit)) {
		act_say(why, "%s: this agent stood still", cf_obey_words[CF_OBEY_LATE]);
		return obey_give_up(work, why) ? CF_EV_NEVER_RAN : CF_EV_GONE;
	}
	if (gated_decide(work, CF_DECISION_COMMIT, &err) < 0) {	/* else an agent after this one would take it back */
		act_say(why, "that libvirt is told to let it run could not be noted: %s", err.text);
		return obey_give_up(work, why) ? CF_EV_NEVER_RAN : CF_EV_GONE;
	}
	incoming_pause(work->incoming, commit->paused);
	carried_arm_again(work, commit);
	if (incoming_finish(work->incoming, true, commit->cookie.data, commit->cookie.size,
			    cf_mono_add(kernel_raw(), FINISH_PATIENCE), &end, &err) < 0) {
		if (!incoming_is_told(work->incoming) && gated_decide(work, CF_DECISION_NONE, NULL) < 0)
			log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
					  "migration %s: that libvirt was not told yet could not be noted", work->id);
		return look(work, why);
	}
	FAULT(FINISH_AFTER);
	event = finished(work, &end, why);
	work->obeyed = work_commit_free(commit);
	work->incoming = incoming_free(work->incoming);
	return event;
}
