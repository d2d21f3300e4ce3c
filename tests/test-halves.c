/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What other hosts have of migrations that the ledger here has lost, from a host that is played. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/act/gated.h"
#include "daemon/act/halves.h"
#include "daemon/ledger/ledger.h"
#include "daemon/ledger/marks.h"
#include "daemon/virt/domain.h"
#include "proto/base.h"
#include "tests/fake-call.h"
#include "tests/tap.h"

#define ID(n)   "00000000-0000-4000-8000-00000000000" #n
#define UUID(n) "00000000-0000-4000-9000-00000000000" #n

/* The migrations of hB with this host, which is their source unless it says otherwise. */
static const struct there {
	const char *id, *uuid;
	enum cf_phase phase;
	bool ended;
	bool incoming;		/* hB is their source */
	enum cf_word word;
	bool said;		/* it keeps what was said */
	const char *other;	/* the uuid which that is about; NULL: its own */
} there[] = {
	{ ID(1), UUID(1), CF_PHASE_DROPPED, true, false, CF_WORD_NEVER_RAN, true, NULL },	/* in the page */
	{ ID(2), UUID(2), CF_PHASE_DONE, true, false, CF_WORD_RAN, true, NULL },		/* an older one, which is not */
	{ ID(3), UUID(3), CF_PHASE_VERIFYING, false, false, CF_WORD_RAN, false, NULL },		/* in the page, and open */
	{ ID(4), UUID(4), CF_PHASE_ABORTED, true, true, CF_WORD_UNKNOWN, false, NULL },		/* in the page, and came from there */
	{ ID(5), UUID(5), CF_PHASE_DROPPED, true, false, CF_WORD_NEVER_RAN, true, NULL },	/* in the page and the ledger */
	{ ID(6), UUID(6), CF_PHASE_DROPPED, true, false, CF_WORD_NEVER_RAN, true, UUID(1) },	/* in the page; what is kept is of another */
	{ ID(9), UUID(9), CF_PHASE_CORRECTING, false, true, CF_WORD_UNKNOWN, true, NULL },	/* open, and came from there */
	{ ID(7), UUID(7), CF_PHASE_DROPPED, true, false, CF_WORD_NEVER_RAN, true, NULL },	/* in the page, as settled */
	{ ID(0), UUID(0), CF_PHASE_PREPARED, false, false, CF_WORD_WAITING, false, NULL },		/* open, and how it stands is not told */
};

static struct settings_peer peers[] = { { .name = "hGone" }, { .name = "hB" } };
static struct settings settings = { .host = "hA", .peers = peers, .n_peers = CF_COUNT(peers) };
static struct act_context context = { .settings = &settings };
static struct cf_error err;

/* --- stand-ins --- */

int fleet_call(struct fleet *fleet, const char *host, struct call **ret, struct cf_error *why)
{
	static char call;

	(void)fleet;
	if (strcmp(host, "hB") != 0)
		return cf_fail(why, ENOTCONN, CF_UNREACHABLE, "nobody");
	*ret = (struct call *)&call;
	return 0;
}

int virt_wait(struct virt *virt, cf_span patience, struct cf_error *why)
{
	(void)virt, (void)patience, (void)why;
	return 0;
}

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *why)
{
	(void)virt, (void)why;
	*ret = (struct domain_standing){ .known = true, .active = true, .moving = true, .persistent = true };
	ret->job_active = strcmp(uuid, UUID(6)) == 0;
	return 0;
}

int ledger_find(struct ledger *ledger, const char *id, struct ledger_row **ret, struct cf_error *why)
{
	(void)ledger, (void)ret;
	return strcmp(id, ID(5)) == 0 ? 0 : cf_fail(why, ENOENT, CF_NOT_FOUND, "none");
}

enum cf_decision gated_decision(const struct act_context *of, const char *id)
{
	mark_word word = MARK_NONE;

	return mark_get(of->decisions, id, &word, NULL) == 0 && word != MARK_NONE ? (enum cf_decision)(word - 1) : CF_DECISION_LOST;
}

bool gated_unsettled(const struct act_context *of, const char *id)
{
	return gated_decision(of, id) == CF_DECISION_COMMIT;
}

/* --- hB --- */

static const struct there *find(const char *id)
{
	for (size_t i = 0; i < CF_COUNT(there); i++)
		if (strcmp(there[i].id, id) == 0)
			return &there[i];
	return NULL;
}

static void tell(const struct there *one, struct cf_migration *ret)
{
	*ret = (struct cf_migration){ .side = one->incoming ? CF_SOURCE : CF_DESTINATION, .phase = one->phase, .has_ended = one->ended };
	snprintf(ret->id, sizeof(ret->id), "%s", one->id);
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", one->uuid);
	snprintf(ret->source, sizeof(ret->source), "%s", one->incoming ? "hB" : "hA");
	snprintf(ret->destination, sizeof(ret->destination), "%s", one->incoming ? "hA" : "hB");
}

static int tell_open(struct cf_migrations *ret)
{
	for (size_t i = 0; i < CF_COUNT(there); i++)
		if (!there[i].ended)
			tell(&there[i], &ret->list[ret->n_list++]);
	return 0;
}

static int tell_receipt(const struct there *one, struct cf_receipt *ret, struct cf_error *why)
{
	if (!one->ended)
		return cf_fail(why, EAGAIN, CF_CONFLICT, "it has not ended yet");
	tell(one, &ret->migration);
	return 0;
}

static int tell_said(const struct there *one, struct cf_said *ret, struct cf_error *why)
{
	if (!one->said)
		return cf_fail(why, ENOENT, CF_NOT_FOUND, "nothing is kept");
	snprintf(ret->reservation.uuid, sizeof(ret->reservation.uuid), "%s", one->other ? one->other : one->uuid);
	ret->reservation.persistence.autostart = true;
	return 0;
}

int fake_answer(const struct fake_asked *asked, struct cf_error *why)
{
	const struct there *one = asked->segments ? find(asked->segments[0]) : NULL;

	if (asked->route == CF_ROUTE_MIGRATIONS)
		return tell_open(asked->reply);
	if (!one)
		return cf_fail(why, ENOENT, CF_NOT_FOUND, "none");
	if (asked->route == CF_ROUTE_RECEIPT)
		return tell_receipt(one, asked->reply, why);
	if (asked->route == CF_ROUTE_SAID)
		return tell_said(one, asked->reply, why);
	if (strcmp(one->id, ID(0)) == 0)
		return cf_fail(why, ETIMEDOUT, CF_UNREACHABLE, "it takes its time");
	*(struct cf_landing *)asked->reply = (struct cf_landing){ .phase = one->phase, .has_word = true, .word = one->word };
	return 0;
}

/* --- the test --- */

static const struct half *found(const struct halves *halves, const char *id)
{
	for (size_t i = 0; i < halves->n; i++)
		if (strcmp(halves->list[i].theirs.id, id) == 0)
			return &halves->list[i];
	return NULL;
}

static void try_all(struct halves *halves)
{
	const struct half *half;

	halves_find(halves);
	half = found(halves, ID(1));
	ok(half && half->left.ended && half->left.side == CF_SOURCE && half->left.own == CF_DECISION_COMMIT && half->left.word == CF_WORD_NEVER_RAN && strcmp(half->peer, "hB") == 0,
	   "one that ended there, and is in the page, is found, with the destination's word");
	ok(half && half->said && half->said->reservation.persistence.autostart, "... and with what had been said of it");
	ok(half && half->left.here == CF_HERE_MOVING && !half->left.has_job && half->persistence.persistent, "... and how its domain stands here");
	ok(!found(halves, ID(2)), "an older one that ended there, and is not in the page, is not");
	half = found(halves, ID(3));
	ok(half && !half->left.ended && half->left.has_gate && !half->said, "one that is open there is found as that");
	ok(!found(halves, ID(4)), "what came from there has ended for good");
	ok(!found(halves, ID(5)), "what the ledger has is not lost");
	half = found(halves, ID(6));
	ok(half && !half->said && half->left.has_job, "what was said of another domain is none of it");
	ok(!found(halves, ID(7)), "what is settled is over");
	half = found(halves, ID(9));
	ok(half && half->left.side == CF_DESTINATION && half->said, "what comes from there, and is open, is found with what was said, too");
	half = found(halves, ID(0));
	ok(half && cf_relearn(&half->left) == CF_PHASE_UNKNOWN, "of one whose destination does not say how it stands there nothing is concluded yet");
	ok(halves->n == 5 && strncmp(halves->why, "hGone: ", 7) == 0, "%zu of them, and who was not asked: %s", halves->n, halves->why);
}

int main(void)
{
	static const char *const page[] = { ID(1), ID(3), ID(4), ID(5), ID(6), ID(8) };
	struct halves halves = { .context = &context, .settings = &settings };
	struct marks_options options = { .durable = false };
	char folder[] = "/tmp/test-halves-XXXXXX";

	if (!mkdtemp(folder))
		abort();
	snprintf(options.path, sizeof(options.path), "%s/marks", folder);
	ok(marks_new(&context.decisions, &options, &err) == 0, "a page: %s", err.text);
	for (size_t i = 0; i < CF_COUNT(page); i++)
		mark_set(context.decisions, page[i], 1 + CF_DECISION_COMMIT, &err);
	mark_set(context.decisions, ID(7), 1 + CF_DECISION_KEPT, &err);
	try_all(&halves);
	try_all(&halves);	/* once more is the same */
	halves_clear(&halves);
	marks_free(context.decisions);
	unlink(options.path);
	rmdir(folder);
	return done();
}
