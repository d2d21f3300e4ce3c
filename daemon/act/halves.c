/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/halves.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/gated.h"
#include "daemon/ledger/ledger.h"
#include "daemon/ledger/marks.h"
#include "daemon/virt/domain.h"

#define VIRT_PATIENCE ((cf_span){ 10 * CF_S })
#define ASK_PATIENCE  ((cf_span){ 5 * CF_S })

static bool is_in_ledger(const struct halves *halves, const char *id)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;

	return ledger_find(halves->context->ledger, id, &row, NULL) != -ENOENT;	/* what it cannot read it may have */
}

static void look_here(const struct halves *halves, struct half *half)
{
	struct domain_standing standing;

	half->left.here = CF_HERE_UNKNOWN;
	if (domain_look(halves->context->virt, half->theirs.uuid, &standing, NULL) < 0)
		return;
	if (!standing.starting)	/* by whom is not known yet */
		half->left.here = domain_here(&standing);
	half->left.has_job = standing.known && standing.job_active;
	half->persistence.persistent = standing.known && standing.persistent;
	half->persistence.autostart = standing.known && standing.autostart;
}

/* A destination has a word to say where there is a gate, and only there.  While it does not say, nothing is concluded. */
static void ask_word(struct call *call, struct half *half)
{
	const char *segments[] = { half->theirs.id };
	struct cf_landing landing;

	if (call_do(call, CF_ROUTE_LANDING, segments, NULL, NULL, &landing, ASK_PATIENCE, NULL, NULL) < 0) {
		half->left.here = CF_HERE_UNKNOWN;
		return;
	}
	half->left.has_gate = landing.has_word;
	half->left.word = landing.has_word ? landing.word : CF_WORD_UNKNOWN;
}

static void ask_said(struct call *call, struct half *half)
{
	const char *segments[] = { half->theirs.id };
	CF_AUTO(cf_free) struct cf_said *said = calloc(1, sizeof(*said));

	if (said && call_do(call, CF_ROUTE_SAID, segments, NULL, NULL, said, ASK_PATIENCE, NULL, NULL) == 0 &&
	    strcmp(said->reservation.uuid, half->theirs.uuid) == 0)
		half->said = CF_TAKE(said);
}

static void add(struct halves *halves, struct call *call, const char *peer, const struct cf_migration *theirs, bool ended)
{
	struct half *half = &halves->list[halves->n];

	if (halves->n == HALVES_MOST || !cf_is_uuid(theirs->id) || !cf_is_uuid(theirs->uuid))
		return;
	*half = (struct half){ .theirs = *theirs };
	snprintf(half->peer, sizeof(half->peer), "%s", peer);
	half->left = (struct cf_left){
		.side = theirs->side == CF_SOURCE ? CF_DESTINATION : CF_SOURCE,
		.has_gate = true,
		.theirs = theirs->phase,
		.ended = ended,
		.own = gated_decision(halves->context, theirs->id),
	};
	look_here(halves, half);
	if (half->left.side == CF_SOURCE)
		ask_word(call, half);
	ask_said(call, half);
	halves->n++;
}

/* What waits for its turn there, or is checked, was never known here. */
static void take_open(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs)
{
	struct halves *halves = userdata;

	if (theirs->phase >= CF_PHASE_RESERVED && !is_in_ledger(halves, theirs->id))
		add(halves, call, peer, theirs, false);
}

/* One that this host is the destination of has ended for good when it has at the source. */
static void take_ended(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs)
{
	if (theirs->side == CF_DESTINATION)
		add(userdata, call, peer, theirs, true);
}

/* Those in the page that nobody has open, and of which nothing has come yet. */
struct unsettled {
	const struct halves *halves;
	char ids[HALVES_MOST][CF_UUID_ROOM];
	size_t n;
};

static void collect(void *userdata, const char *id)
{
	struct unsettled *unsettled = userdata;
	const struct halves *halves = unsettled->halves;

	for (size_t i = 0; i < halves->n; i++)
		if (strcmp(halves->list[i].theirs.id, id) == 0)
			return;
	if (unsettled->n < CF_COUNT(unsettled->ids) && gated_unsettled(halves->context, id) && !is_in_ledger(halves, id))
		snprintf(unsettled->ids[unsettled->n++], CF_UUID_ROOM, "%s", id);
}

void halves_find(struct halves *halves)
{
	struct peers_reading open = { .fleet = halves->context->fleet, .settings = halves->settings }, ended = open;
	struct unsettled unsettled = { .halves = halves };
	struct cf_error err = { 0 };

	halves_clear(halves);
	virt_wait(halves->context->virt, VIRT_PATIENCE, &err);
	peers_open(&open, take_open, halves);
	peers_reading_end(&open);
	if (halves->context->decisions)
		marks_each(halves->context->decisions, collect, &unsettled);
	halves->unsettled = unsettled.n > 0;
	peers_ended(&ended, unsettled.ids, unsettled.n, take_ended, halves);
	peers_reading_end(&ended);
	memcpy(halves->why, *open.why ? open.why : ended.why, sizeof(halves->why));
}

void halves_clear(struct halves *halves)
{
	while (halves->n > 0)
		free(halves->list[--halves->n].said);
	halves->why[0] = '\0';
}
