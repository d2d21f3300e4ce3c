/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request, or the other host's agent, asks of one migration or tells it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/act/migration.h"
#include "daemon/act/noting.h"
#include "daemon/act/queue.h"
#include "daemon/act/receipt.h"
#include "policy/phase.h"

void migration_view(struct migration *m, struct cf_migration *ret)
{
	work_shown(m->work, ret);
}

const struct cf_receipt *migration_receipt(const struct migration *m)
{
	return m->over ? m->work->receipt : NULL;
}

int migration_abort(struct migration *m, const char *reason, struct cf_error *err)
{
	int r;

	if (cf_phase_is_end(m->phase))
		return cf_fail(err, EALREADY, CF_CONFLICT, "the migration has ended: %s", cf_phase_words[m->phase]);
	if (m->work->driver->foreign)
		return cf_fail(err, EPERM, CF_CONFLICT, "another manager drives it, and only that can abort it");
	if (cf_phase_abort(m->side, m->phase, m->work->driver->has_gate, m->reservation.hears_abort) == CF_ABORT_LATE)
		return cf_fail(err, EBUSY, CF_TOO_LATE, "the migration is %s: it can no longer be aborted%s",
			       cf_phase_words[m->phase], m->phase == CF_PHASE_PREPARED ? " from here, as its source's agent is too old to hear of it" : "");

	if (m->phase != CF_PHASE_QUEUED) {
		work_abort(m->work, reason);
		return 0;
	}
	r = migration_leave_queue(m, CF_EV_ABORT, reason, err);
	if (r == 0)
		queue_move(m->all);
	return r;
}

/* A source does what it is asked at once, and its copy ends with it; a destination may have to wait for its source. */
void migration_when_kept(struct migration *m, void (*fn)(void *arg, const struct cf_error *err), void *arg)
{
	if (m->side == CF_DESTINATION && !cf_phase_is_end(m->phase))
		noting_asked(m, fn, arg);
	else
		fn(arg, NULL);
}

int migration_when_changed(struct migration *m, int64_t after, cf_span wait, void (*fn)(void *arg), void *arg,
			   struct cf_error *err)
{
	int r = waiters_add(m->changes, after, wait, fn, arg, err);

	if (r < 0)
		return r;
	migration_wake(m);
	return 0;
}

int migration_when_checked(struct migration *m, cf_span wait, void (*fn)(void *arg), void *arg,
			   struct cf_error *err)
{
	int r = waiters_add(m->checked, 0, wait, fn, arg, err);

	if (r < 0)
		return r;
	migration_wake(m);
	return 0;
}

int migration_prepare(struct migration *m, struct cf_offer *offer, cf_span wait, void (*fn)(void *arg), void *arg,
		      struct cf_error *err)
{
	CF_AUTO(work_offer_free) struct cf_offer *taken = offer;
	int r;

	if (!m->work->driver->has_gate)
		return cf_fail(err, EINVAL, CF_CONFLICT, "it was reserved for the driver %s", m->work->driver->name);
	if (m->phase == CF_PHASE_LEASED)
		work_give_offer(m->work, CF_TAKE(taken));
	r = waiters_add(m->steps, CF_PHASE_PREPARED, wait, fn, arg, err);
	if (r == 0)
		migration_wake(m);
	return r;
}

int migration_commit(struct migration *m, struct cf_commit *commit, cf_span wait, void (*fn)(void *arg), void *arg,
		     struct cf_error *err)
{
	CF_AUTO(work_commit_free) struct cf_commit *taken = commit;
	int r;

	if (!m->work->driver->has_gate || m->phase < CF_PHASE_ARMED)
		return cf_fail(err, EINVAL, CF_CONFLICT, "nothing is prepared that could be let run: the migration is %s",
			       cf_phase_words[m->phase]);
	if (m->phase == CF_PHASE_ARMED || m->phase == CF_PHASE_LOADED)
		work_give_commit(m->work, CF_TAKE(taken));
	r = waiters_add(m->steps, CF_PHASE_OBEYED, wait, fn, arg, err);
	if (r == 0)
		migration_wake(m);
	return r;
}

int migration_prepared(struct migration *m, struct cf_prepared *ret, struct cf_error *err)
{
	struct cf_migration shown;

	*ret = *work_prepared_begin(m->work);
	work_answer_end(m->work);
	if (*ret->uri && m->told > CF_PHASE_PREPARED && !cf_phase_is_end(m->phase))	/* that it is armed is in the ledger */
		return 0;
	work_shown(m->work, &shown);
	return cf_fail(err, EIO, CF_HOST, "%s", *shown.reason ? shown.reason : "it could not be prepared in time");
}

void migration_answer(struct migration *m, struct cf_answer *ret)
{
	struct cf_landing landing;

	work_landing(m->work, &landing);
	*ret = *work_answer_begin(m->work);
	work_answer_end(m->work);
	if (landing.word != ret->word) {	/* what was answered is not durable, or nothing was in time */
		ret->word = landing.word == CF_WORD_WAITING ? CF_WORD_WAITING : CF_WORD_UNKNOWN;
		if (!*ret->reason)
			snprintf(ret->reason, sizeof(ret->reason), "it is %s there", cf_phase_words[landing.phase]);
	}
}

int migration_resolve(struct migration *m, enum cf_resolution resolution, const char *reason, struct cf_error *err)
{
	if (m->phase != CF_PHASE_IN_DOUBT)
		return cf_fail(err, EINVAL, CF_CONFLICT, "the migration is %s, and not in doubt", cf_phase_words[m->phase]);

	work_resolve(m->work, resolution, reason);
	return 0;
}

/* Nobody waits for the domain any more. */
static int has_ended(struct migration *m, struct cf_error *err)
{
	struct cf_migration shown;

	work_shown(m->work, &shown);
	return cf_fail(err, EALREADY, CF_CONFLICT, "the reservation has ended: %s%s%s", cf_phase_words[m->phase],
		       *shown.reason ? ": " : "", shown.reason);
}

int migration_take_record(struct migration *m, struct cf_record *record, struct cf_error *err)
{
	if (cf_phase_is_end(m->phase)) {
		free(record);
		return has_ended(m, err);
	}

	work_take_record(m->work, record);
	return 0;
}

int migration_take_counters(struct migration *m, struct cf_counters *counters, struct cf_error *err)
{
	if (cf_phase_is_end(m->phase)) {
		free(counters);
		return has_ended(m, err);
	}

	work_take_counters(m->work, counters);
	return 0;
}

void migration_take_closing(struct migration *m, struct cf_receipt *receipt)
{
	work_take_closing(m->work, receipt);
	if (!m->over)
		return;

	/* It comes late: the thread, which would have taken it, has left with what was seen here. */
	receipt_take_late(m->work);
	work_conclude(m->work);
	noting_save(m);
}

int migration_when_closed(struct migration *m, cf_span wait, void (*fn)(void *arg), void *arg, struct cf_error *err)
{
	return waiters_add(m->kept, 0, wait, fn, arg, err);
}

bool migration_is_kept(const struct migration *m)
{
	return m->over && m->saved && m->writes == 0;
}

void migration_landing(struct migration *m, struct cf_landing *ret)
{
	work_landing(m->work, ret);
}
