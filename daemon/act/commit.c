/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source at its gate: wait until the guest is in both memories, and its counters are known there where policy
 * wants that; decide in which it runs on, and hear from the destination what came of that.  Between STOP and RESUME
 * nobody is asked anything; one message is sent, and its answer is the one durable write there.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/at-stop.h"
#include "daemon/act/carried.h"
#include "daemon/act/gate.h"
#include "daemon/act/gated.h"
#include "daemon/act/reason.h"
#include "daemon/act/ward.h"
#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "policy/commit.h"

#define TURN            ((cf_span){ 5 * CF_MS })
#define MOMENT          ((struct timespec){ .tv_nsec = CF_MS })
#define RESUME_USUAL    ((cf_span){ 15 * CF_MS })	/* from a commit to RESUME: a write, and libvirt's Finish */
#define ANSWER_PATIENCE ((cf_span){ 30 * CF_S })
#define LET_GO_PATIENCE ((cf_span){ 5 * CF_S })
#define LET_GO_EVERY    ((cf_span){ 90 * CF_S })	/* for as long as a destination holds what it was asked */
#define ASK_EVERY       ((struct timespec){ .tv_nsec = 250 * CF_MS })
#define COMPLAIN_EVERY  ((cf_span){ 30 * CF_S })

/* What ended it before it was loaded; "" while nothing has. */
static void look_at_end(struct work *work, const struct drive_end *end, char why[static CF_DETAIL_ROOM])
{
	if (end->state == DRIVE_LOADED || (end->state == DRIVE_RUNNING && !ward_is_held(work)))
		return;
	if (ward_has_cut(work, why))
		return;
	reason_driver(work, end, "the copy came to nothing", why);
}

/* The guest's counters may be known, or get there, after all else (arm64): they have as long as the record of STOP. */
static bool awaits_counters(struct work *work)
{
	return work->record_there && work->carrier && !carried_there(work) &&
	       cf_span_cmp(cf_mono_since(kernel_raw(), work->receipt->stop.raw), cf_record_patience(&work->limits)) < 0;
}

enum cf_event act_gate(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct drive_end end;

	at_stop_note(work);
	at_stop_send(work, cf_record_patience(&work->limits));	/* while the last memory flows */
	for (;;) {
		drive_wait(work->drive, TURN, &end);
		if (end.state == DRIVE_LOADED && !awaits_counters(work))
			return CF_EV_LOADED;
		if (!*why)
			look_at_end(work, &end, why);
		if (!*why && !work_aborted(work, why))
			gate_is_let_go(work, why);
		if (!*why && work_stopping(work))
			act_say(why, "the agent was stopped");
		if (*why)
			return CF_EV_NEVER_RAN;
		if (end.state == DRIVE_LOADED)
			nanosleep(&MOMENT, NULL);
	}
}

/* What it was made of. */
static void note_decision(struct work *work, const struct cf_commit_evidence *evidence,
			  const struct cf_commit_decision *decision)
{
	struct cf_gated *gated = &work->receipt->gated;

	work->receipt->has_gated = true;
	*gated = (struct cf_gated){
		.committed = decision->commit,
		.has_so_far = evidence->has_stop,
		.so_far = decision->so_far,
		.has_expected = evidence->has_stop,
		.expected = decision->expected,
		.limit = decision->limit,
		.has_host_offset = evidence->pair->has_host_offset,
		.host_offset = evidence->pair->host_offset,
		.has_source_clock = true,
		.source_clock = evidence->pair->source_report->state,
		.has_destination_clock = true,
		.destination_clock = evidence->pair->destination_report->state,
		.has_record_there = true,
		.record_there = evidence->record_there,
	};
}

static bool judge(struct work *work, struct cf_commit_decision *ret, char why[static CF_DETAIL_ROOM])
{
	struct cf_commit_evidence evidence = {
		.has_stop = work->receipt->has_stop,
		.stop = work->receipt->stop,
		.stop_slack = work->receipt->stop_slack,
		.resume_takes = RESUME_USUAL,
		.needs_record = work->limits.limits.require_lever != CF_LEVER_NONE,
		.record_there = work->record_there && carried_there(work),
	};
	struct cf_findings findings = { 0 };
	struct cf_pair_evidence pair;
	struct cf_report report;

	gate_evidence(work, &report, &pair);
	evidence.pair = &pair;
	evidence.now = kernel_raw();
	evidence.raw_offset = cf_offset_raw(&work->peer.offset, evidence.now);
	cf_commit_judge(&evidence, &work->limits, ret, &findings);
	note_decision(work, &evidence, ret);
	gate_show(work, &findings);
	if (!ret->commit)
		act_say_refusal(why, "rolled back at the gate: ", findings.list, findings.n_list);
	return ret->commit;
}

/* A guest that somebody paused during the copy is not switched over by the migration, and stays paused there. */
enum cf_event act_decide(struct work *work, char why[static CF_DETAIL_ROOM])
{
	struct cf_commit_decision decision;
	struct cf_error err = { 0 };
	bool commit;

	ward_loaded(work);
	commit = !work_aborted(work, why) && !gate_is_let_go(work, why) && judge(work, &decision, why);
	work->decided = kernel_raw();
	if (commit && gated_decide(work, CF_DECISION_COMMIT, &err) < 0) {
		act_say(why, "the decision could not be noted: %s", err.text);
		commit = false;
	}
	gate_leave(work);
	if (!commit)
		return CF_EV_NEVER_RAN;
	work->valid_until = decision.valid_until;
	return CF_EV_COMMITTED;
}

/* What the destination said of it. */
static void note_answer(struct work *work, const struct cf_answer *answer)
{
	struct cf_gated *gated = &work->receipt->gated;

	gated->has_answer_took = true;
	gated->answer_took = cf_mono_since(call_answered(work->peer.call), call_sent(work->peer.call));
	gated->has_obeyed_took = answer->has_obeyed_took;
	gated->obeyed_took = answer->obeyed_took;
	gated->has_finish_took = answer->has_finish_took;
	gated->finish_took = answer->finish_took;
	gated->has_spare = answer->has_spare;
	gated->spare = answer->spare;
	gated->has_word = true;
	gated->word = answer->word;
}

static enum cf_event take_answer(struct work *work, struct cf_answer *answer, char why[static CF_DETAIL_ROOM])
{
	note_answer(work, answer);
	if (answer->word == CF_WORD_RAN) {
		carried_missed(work);
		work->finish_cookie = answer->cookie;
		answer->cookie = (struct cf_blob){ 0 };
		return CF_EV_LANDED;
	}
	if (answer->word == CF_WORD_NEVER_RAN) {
		act_say(why, "%s did not let it run: %s", work->reservation.destination, answer->reason);
		return CF_EV_NEVER_RAN;
	}
	act_say(why, "%s cannot say whether the guest ran: %s", work->reservation.destination, answer->reason);
	return CF_EV_FAILED;
}

enum cf_event act_commit(struct work *work, char why[static CF_DETAIL_ROOM])
{
	const char *segments[] = { work->id };
	struct cf_commit commit = { .attempt = 1, .valid_until = work->valid_until, .paused = work->record->paused };
	struct cf_answer answer = { 0 };
	struct cf_error err = { 0 };
	struct drive_end end;
	enum cf_event event;

	drive_wait(work->drive, (cf_span){ 0 }, &end);
	commit.has_cookie = end.cookie_size > 0;
	commit.cookie = (struct cf_blob){ (unsigned char *)(uintptr_t)end.cookie, end.cookie_size };
	memcpy(commit.boot, work->peer.boot, sizeof(commit.boot));
	carried_commit(work, &commit);
	if (work_calls(work, &err) == 0 &&
	    call_do(work->peer.call, CF_ROUTE_COMMIT, segments, NULL, &commit, &answer, ANSWER_PATIENCE, NULL, &err) == 0) {
		event = take_answer(work, &answer, why);
		cf_blob_wipe(&answer.cookie);
		return event;
	}

	/* What was not sent has had no effect. */
	if (!work->peer.call || call_sent(work->peer.call).ns == 0) {
		act_say(why, "the commit was not sent: %s", err.text);
		return CF_EV_NEVER_RAN;
	}
	act_say(why, "the commit was sent and not answered: %s", err.text);
	return CF_EV_FAILED;
}

/* --- in doubt --- */

static void shout(struct work *work, cf_mono *next, const char *what)
{
	if (!kernel_due(next, COMPLAIN_EVERY))
		return;
	log_error_about(LOG_ABOUT(.id = LOG_ID_IN_DOUBT, .migration = work->id, .domain = work->reservation.domain,
				  .peer = work->reservation.destination),
			"migration %s is in doubt: a commit may have been sent, and %s has not said whether %s ran: %s", work->id,
			work->reservation.destination, work->reservation.domain, what);
}

static enum cf_event by_operator(struct work *work, enum cf_resolution resolution, const char *said,
				 char why[static CF_DETAIL_ROOM])
{
	act_say(why, "resolved by the operator: %s: %s", cf_resolution_words[resolution], said);
	work_unmeasured(work, CF_FIGURE_OTHER, "whether the guest ran at the destination is the operator's word: %.150s", said);
	return resolution == CF_RUNS_THERE ? CF_EV_LANDED : CF_EV_NEVER_RAN;
}

/*
 * It waits for a commit that was lost, or never sent, and hears that this source lives: it would wait for as long as that asks.
 * What comes of it is asked with the rest.
 */
static void withdraw(struct work *work)
{
	const char *segments[] = { work->id };
	const struct cf_commit nothing = { .attempt = 2, .valid_until = CF_WITHDRAWN };
	struct cf_answer answer = { 0 };

	if (call_do(work->peer.call, CF_ROUTE_COMMIT, segments, NULL, &nothing, &answer, LET_GO_PATIENCE, NULL, NULL) == 0)
		cf_blob_wipe(&answer.cookie);
}

static bool awaits_commit(const struct cf_landing *landing)
{
	return landing->has_word && landing->word == CF_WORD_WAITING &&
	       (landing->phase == CF_PHASE_ARMED || landing->phase == CF_PHASE_LOADED);
}

enum cf_event act_resolve(struct work *work, char why[static CF_DETAIL_ROOM])
{
	cf_mono next = kernel_raw(), next_withdrawal = next;
	char said[CF_DETAIL_ROOM];
	struct cf_landing landing;
	enum cf_resolution resolution;

	for (;;) {
		struct cf_error err = { 0 };
		const char *word = "it does not answer as it should";

		resolution = work_resolution(work, said);
		if (resolution != CF_RESOLUTION_UNKNOWN)
			return by_operator(work, resolution, said, why);
		if (work_ask_landing(work, &landing, &err) == 0) {
			work->receipt->has_landing = true;
			work->receipt->landing = landing;
			word = landing.has_word ? cf_word_words[landing.word] : word;
			if (landing.has_word && landing.word == CF_WORD_RAN) {
				carried_missed(work);
				return CF_EV_LANDED;
			}
			if (landing.has_word && landing.word == CF_WORD_NEVER_RAN) {
				act_say(why, "%s never let it run: %s", work->reservation.destination, landing.reason);
				return CF_EV_NEVER_RAN;
			}
			if (awaits_commit(&landing) && kernel_due(&next_withdrawal, LET_GO_EVERY))
				withdraw(work);
		}
		if (work_stopping(work)) {
			act_say(why, "the agent was stopped before it knew where the guest runs");
			return CF_EV_FAILED;
		}
		shout(work, &next, *err.text ? err.text : word);
		nanosleep(&ASK_EVERY, NULL);
	}
}
