/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Following a migration to its end.
 *
 * The migration belongs to the agent and goes on whatever happens here: losing
 * the agent is waited out, and Ctrl-C ends the watching alone unless it was
 * said to abort.  A second Ctrl-C always ends the watching.
 */

#include "client/command.h"
#include "client/progress.h"

/* From here on a signal is noticed instead of ending the program. */
void follow_signals(struct ask *ask);

/*
 * Ask with patience: while the agent does not answer, again and again for the
 * timeout.  With only_if_sent not when the request can't have arrived.  A live
 * line is ended before anything is said of it.  -EINTR, with nothing said,
 * after a signal.
 */
int follow_ask(struct ask *ask, const struct question *question, bool only_if_sent, struct progress *progress,
	       struct cf_error *err);

enum follow { FOLLOW_ON, FOLLOW_ENDED, FOLLOW_LEFT };

/*
 * Show progress until the migration has ended.  FOLLOW_ENDED: ask->reply is the
 * migration as it ended.  FOLLOW_LEFT: the operator wanted no more, and was
 * told how to go on.
 */
int follow(struct ask *ask, const char *id, struct cf_error *err);

/* Ask something of the migration that the question names, and follow it if that was not its end. */
int follow_asked(struct ask *ask, const struct question *question, struct cf_error *err);

/* What the operator types to go on with a migration that is not watched any more. */
void follow_say_how(const struct ask *ask, const char *id);

/* Has it?  The last phase is entered before its receipt is written; a refusal needs none. */
bool migration_has_ended(const struct cf_migration *migration);

/* The exit status of one that has ended, and of two the worse. */
int migration_status(const struct cf_migration *migration);
int migration_worse(int a, int b);

/* Was there a signal since this was asked last?  And a pause that a signal ends. */
bool follow_interrupted(void);
void follow_rest(cf_span span);

/*
 * The same of several: they are shown together, and how each ended at the end; with
 * --json the receipt of each.  Returns the exit status, the worst of theirs.
 */
int watch_several(struct ask *ask, const char **ids, size_t n, struct cf_error *err);

/* Show how the migration in ask->reply ended, with its receipt; returns the exit status. */
int settle(struct ask *ask, const char *id, struct cf_error *err);
