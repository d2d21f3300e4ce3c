/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* At the start: what an earlier agent left half done, as its ledger has it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/entry.h"
#include "daemon/act/errand.h"
#include "daemon/act/gated.h"
#include "daemon/act/queue.h"
#include "daemon/ledger/marks.h"
#include "daemon/log.h"
#include "daemon/worker.h"

/* A row is taken over on a thread, and taken up on the loop. */
struct found {
	struct found *next;
	struct ledger_row *row;
};

struct recovery {
	struct migrations *all;			/* the loop's: may be gone before the thread is */
	const struct act_context *context;
	struct found *first, **last;
	bool lost;				/* an agent before this one had, and did not find out what was lost */
	int result;
	struct cf_error err;
};

static void collect(void *userdata, struct ledger_row *row)
{
	struct recovery *recovery = userdata;
	struct found *found = malloc(sizeof(*found));

	if (!found)
		abort();	/* a migration that is forgotten here is forgotten for good */
	*found = (struct found){ NULL, row };
	*recovery->last = found;
	recovery->last = &found->next;
}

int migrations_take_up(struct migrations *all, const struct ledger_line *line, struct cf_error *err)
{
	CF_AUTO(migration_free) struct migration *m = NULL;
	struct migration *taken;
	int r;

	r = migration_new(&m, all, all->context, line->view.side, line->view.id, err);
	if (r == 0)
		r = migration_hire(m, err);
	if (r < 0)
		return r;

	entry_read(m, line);
	taken = m;
	migrations_add(all, CF_TAKE(m));
	migration_go_on(taken);
	return 0;
}

/* One that cannot be read stays as it is, and is said again at the next start: its row may be all that is left of it. */
static void take(struct migrations *all, const struct ledger_row *row)
{
	struct cf_error err = { 0 };

	if (migrations_find(all, row->line.view.id, &(struct migration *){ NULL }, NULL) == 0)
		return;
	if (*row->fault) {
		log_error_about(LOG_ABOUT(.migration = row->line.view.id),
				row->line.ended ? "migration %s was %s, and the destination is owed a receipt that cannot be read: %s" :
						  "migration %s was %s when the agent ended, and cannot be taken up: %s",
				row->line.view.id, cf_phase_words[row->line.view.phase], row->fault);
		return;
	}
	if (row->line.ended) {
		errand_add(all, row->line.view.id);
		return;
	}
	if (migrations_take_up(all, &row->line, &err) < 0)
		log_error_about(LOG_ABOUT(.migration = row->line.view.id), "migration %s cannot be taken up: %s",
				row->line.view.id, err.text);
}

struct sweep {
	const struct act_context *context;
	struct marks *marks;
	bool lost;		/* there is one that is not settled, and has no row */
};

static void forget_if_over(void *userdata, const char *id)
{
	struct sweep *sweep = userdata;
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	int r = ledger_find(sweep->context->ledger, id, &row, NULL);

	if (r == 0 && row->line.ended)
		mark_forget(sweep->marks, id);
	sweep->lost |= r == -ENOENT && sweep->marks == sweep->context->decisions && gated_unsettled(sweep->context, id);
}

/* May what is damaged among the marks have been that of one which is not over? */
static bool needs_damaged(const struct recovery *recovery, struct marks *marks)
{
	mark_word word;

	for (const struct found *found = recovery->first; found; found = found->next)
		if (*found->row->fault || (!found->row->line.ended && mark_get(marks, found->row->line.view.id, &word, NULL) < 0))
			return true;

	return false;
}

/* An agent that died between a receipt and forgetting left its mark, and there is room for so many. */
static void tidy(struct recovery *recovery, struct marks *marks)
{
	struct sweep sweep = { recovery->context, marks, false };

	if (!marks || recovery->result < 0)
		return;
	marks_each(marks, forget_if_over, &sweep);
	recovery->lost |= sweep.lost;
	if (!needs_damaged(recovery, marks))
		marks_mend(marks);
}

static void read_rows(void *userdata)
{
	struct recovery *recovery = userdata;
	const struct act_context *context = recovery->context;

	recovery->result = ledger_each_open(context->ledger, collect, recovery, &recovery->err);
	tidy(recovery, context->decisions);
	tidy(recovery, context->promises);
}

static void take_rows(void *userdata)
{
	struct recovery *recovery = userdata;
	struct migrations *all = recovery->all;
	struct ledger_state state;
	struct found *next;

	all->recovering = false;
	all->recovered = recovery->result == 0;
	if (!all->recovered)
		log_error("what was under way when the agent ended is not known: %s", recovery->err.text);
	for (struct found *found = recovery->first; found; found = next) {
		next = found->next;
		take(all, found->row);
		free(found->row);
		free(found);
	}
	ledger_state(all->context->ledger, &state);
	if (recovery->lost && state.begun == 0)	/* else that it was begun tells who asks */
		migrations_relearn(all, true);
	free(recovery);
	queue_move(all);
	if (all->recover_again)
		migrations_recover_later(all);
}

static struct recovery *recovery_new(struct migrations *all)
{
	struct recovery *recovery = calloc(1, sizeof(*recovery));

	if (!recovery)
		abort();
	recovery->all = all;
	recovery->context = all->context;
	recovery->last = &recovery->first;
	return recovery;
}

void migrations_recover(struct migrations *all)
{
	struct recovery *recovery = recovery_new(all);

	read_rows(recovery);
	take_rows(recovery);
}

void migrations_recover_later(struct migrations *all)
{
	struct recovery *recovery;
	struct cf_error err = { 0 };

	/* What is asked for while it is read is a ledger that came back since: that may read better. */
	all->recover_again = all->recovering;
	if (all->recovered || all->recovering)
		return;
	all->recovering = true;
	recovery = recovery_new(all);
	if (worker_run(all->context->loop, read_rows, take_rows, recovery, &err) < 0) {
		log_error("what was under way when the agent ended is not known: %s", err.text);
		all->recovering = false;
		free(recovery);
	}
}
