/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "client/follow.h"
#include "client/json.h"
#include "client/say.h"
#include "client/show.h"

#define RECEIPT_TRIES 6		/* one a second: the other host may still have to say its part */

static const int statuses[CF_N_OUTCOMES] = {
	[CF_OUTCOME_UNKNOWN]    = EXIT_FAILED,
	[CF_OUTCOME_CLEAN]      = EXIT_CLEAN,
	[CF_OUTCOME_BREACHED]   = EXIT_DOUBTFUL,
	[CF_OUTCOME_UNVERIFIED] = EXIT_DOUBTFUL,
	[CF_OUTCOME_REFUSED]    = EXIT_REFUSED,
	[CF_OUTCOME_ABORTED]    = EXIT_ABORTED,
};

int migration_status(const struct cf_migration *m)
{
	if (m->phase == CF_PHASE_REFUSED)
		return EXIT_REFUSED;
	return statuses[m->has_outcome ? m->outcome : CF_OUTCOME_UNKNOWN];
}

int migration_worse(int a, int b)
{
	static const int worst_last[] = { EXIT_CLEAN, EXIT_DOUBTFUL, EXIT_REFUSED, EXIT_ABORTED, EXIT_FAILED };

	for (size_t i = CF_COUNT(worst_last); i-- > 0;)
		if (a == worst_last[i] || b == worst_last[i])
			return worst_last[i];
	return a;
}

static int fetch_receipt(struct ask *ask, const char *id, struct cf_error *err)
{
	struct question question = { .route = CF_ROUTE_RECEIPT, .segment = id };
	struct progress quiet = { 0 };
	int r;

	for (int i = 0; i < RECEIPT_TRIES; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		r = follow_ask(ask, &question, false, &quiet, err);
		if (r == 0 || !ask->reply.problem || (err->code != CF_NOT_FOUND && err->code != CF_CONFLICT))
			break;
	}
	return r;
}

/* What there is of a migration without a receipt. */
static void show_without(struct ask *ask, const struct cf_migration *m, const char *text, size_t size)
{
	if (ask->json) {
		json_print(ask->to, text, size);
		return;
	}
	show_end(ask->to, m);
	show_findings(ask->to, "  ", m->findings, m->n_findings);
}

int settle(struct ask *ask, const char *id, struct cf_error *err)
{
	CF_AUTO(reply_clear) struct reply ended = ask->reply;
	const struct cf_migration *m = ended.message;
	int status = migration_status(m), r;

	ask->reply = (struct reply){ 0 };

	/* The findings are the answer; the source keeps a receipt of it. */
	if (status == EXIT_REFUSED) {
		show_without(ask, m, ended.text, ended.size);
		return status;
	}

	r = fetch_receipt(ask, id, err);
	if (r < 0) {
		show_without(ask, m, ended.text, ended.size);
		say(stderr, "clockferry: no receipt: %s", err->text);
	} else if (ask->json) {
		json_print(ask->to, ask->reply.text, ask->reply.size);
	} else {
		show_receipt(ask->to, ask->reply.message);
	}
	return status;
}
