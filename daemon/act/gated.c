/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/gated.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger/marks.h"

#define PREPARE_PATIENCE ((cf_span){ 60 * CF_S })	/* QEMU is started there */

/* A mark is a word from 1 on: that it is there and says NONE is more than that it is not there. */
enum cf_decision gated_decision(const struct act_context *context, const char *id)
{
	mark_word word = MARK_NONE;

	if (!context->decisions || mark_get(context->decisions, id, &word, NULL) < 0 || word == MARK_NONE ||
	    word > CF_N_DECISIONS)
		return CF_DECISION_LOST;
	return (enum cf_decision)(word - 1);
}

bool gated_unsettled(const struct act_context *context, const char *id)
{
	enum cf_decision decision = gated_decision(context, id);

	return decision == CF_DECISION_NONE || decision == CF_DECISION_COMMIT || decision == CF_DECISION_ROLL_BACK;
}

int gated_decide(struct work *work, enum cf_decision decision, struct cf_error *err)
{
	if (!work->context->decisions)
		return cf_fail(err, ENOSYS, CF_HOST, "%s", work->context->gate_why);
	return mark_set(work->context->decisions, work->id, (mark_word)decision + 1, err);
}

void gated_settle(struct work *work, enum cf_decision how)
{
	if (gated_unsettled(work->context, work->id))
		gated_decide(work, how, NULL);
}

enum cf_mark gated_mark(const struct act_context *context, const char *id)
{
	mark_word word = MARK_NONE;

	if (!context->promises || mark_get(context->promises, id, &word, NULL) < 0 || word >= CF_N_MARKS)
		return CF_MARK_LOST;
	return (enum cf_mark)word;
}

int gated_promise(struct work *work, enum cf_mark mark, struct cf_error *err)
{
	if (!work->context->promises)
		return cf_fail(err, ENOSYS, CF_HOST, "%s", work->context->gate_why);
	return mark_set(work->context->promises, work->id, mark, err);
}

/* It has been in that phase: those it has left are in its landing. */
static bool was(const struct work *work, enum cf_phase phase)
{
	for (size_t i = 0; i < work->landing.n_phases; i++)
		if (work->landing.phases[i].phase == phase)
			return true;

	return false;
}

enum cf_word gated_word(const struct work *work, enum cf_phase phase)
{
	bool resumed = work->landing.has_resume || was(work, CF_PHASE_RUNNING);

	if (work->has_last_word)
		return work->last_word;
	return cf_word(phase, resumed, gated_mark(work->context, work->id));
}

void gated_forget(struct work *work, enum cf_phase phase)
{
	pthread_mutex_lock(&work->lock);
	work->last_word = gated_word(work, phase);
	work->has_last_word = true;
	pthread_mutex_unlock(&work->lock);
	if (work->context->decisions)
		mark_forget(work->context->decisions, work->id);
	if (work->context->promises)
		mark_forget(work->context->promises, work->id);
}

static void spell(const struct drive_offer *offer, struct cf_offer *ret)
{
	*ret = (struct cf_offer){
		.options = offer->options,
		.persistent = offer->persistent,
		.paused = offer->paused,
		.xml = { (unsigned char *)(uintptr_t)offer->xml, strlen(offer->xml) },
		.has_cookie = offer->cookie_size > 0,
		.cookie = { (unsigned char *)(uintptr_t)offer->cookie, offer->cookie_size },
	};
	snprintf(ret->migrate_uri, sizeof(ret->migrate_uri), "%s", offer->migrate_uri);
}

/* Copied storage goes to the host to which the memory goes, and to a port of its own. */
static void note_storage(struct work *work, const struct drive_answer *answer)
{
	const char *port = strrchr(answer->uri, ':');
	int64_t number;

	work->storage_uri[0] = '\0';
	if (work->receipt->options.storage > CF_STORAGE_SHARED && port && drive_answer_storage_port(answer, &number))
		snprintf(work->storage_uri, sizeof(work->storage_uri), "%.*s:%" PRId64, (int)(port - answer->uri), answer->uri,
			 number);
}

int gated_bring(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *err)
{
	struct work *work = userdata;
	const char *segments[] = { work->id };
	CF_AUTO(cf_free) struct cf_offer *spelled = calloc(1, sizeof(*spelled));
	struct cf_prepared prepared = { 0 };
	int r;

	if (!spelled)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	spell(offer, spelled);
	r = work_calls(work, err);
	if (r == 0)
		r = call_do(work->peer.call, CF_ROUTE_PREPARE, segments, NULL, spelled, &prepared, PREPARE_PATIENCE, NULL,
			    err);
	if (r < 0)
		return r;

	snprintf(ret->uri, sizeof(ret->uri), "%s", prepared.uri);
	snprintf(work->uri, sizeof(work->uri), "%s", prepared.uri);
	ret->cookie = prepared.cookie.data;
	ret->cookie_size = prepared.cookie.size;
	note_storage(work, ret);
	return 0;
}
