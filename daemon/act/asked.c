/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request, or the other host's agent, asks of one migration or tells it. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/act/migration.h"
#include "daemon/act/queue.h"
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
	if (!cf_phase_can_abort(m->side, m->phase, m->work->driver->has_gate))
		return cf_fail(err, EBUSY, CF_TOO_LATE, "the migration is %s: it can no longer be aborted",
			       cf_phase_words[m->phase]);

	if (m->phase != CF_PHASE_QUEUED) {
		work_abort(m->work, reason);
		return 0;
	}
	r = migration_leave_queue(m, CF_EV_ABORT, reason, err);
	if (r == 0)
		queue_move(m->all);
	return r;
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

int migration_take_record(struct migration *m, struct cf_record *record, struct cf_error *err)
{
	if (cf_phase_is_end(m->phase)) {
		free(record);
		return cf_fail(err, EALREADY, CF_CONFLICT, "the reservation has ended: %s", cf_phase_words[m->phase]);
	}

	work_take_record(m->work, record);
	return 0;
}

void migration_take_closing(struct migration *m, struct cf_receipt *receipt)
{
	work_take_closing(m->work, receipt);
	if (!m->over)
		return;

	/* It comes late: the thread, which would have taken it, has left with what was seen here. */
	work_newest_closing(m->work);
	work_conclude(m->work);
	migration_save(m);
}

void migration_landing(struct migration *m, struct cf_landing *ret)
{
	work_landing(m->work, ret);
}
