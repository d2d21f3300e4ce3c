/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the ledger is told of one migration, on the loop's thread: every edge before it is
 * acted upon, where policy wants that, and its receipt at the end.
 */

#include "proto/error.h"
#include "policy/phase.h"

struct migration;

/*
 * An edge is taken, by that event.  It is answered with migration_noted() or
 * migration_call_off() below: at once where nobody waits for the ledger.
 */
void noting_take(struct migration *migration, enum cf_event event);

/* Something was asked of it, no edge is taken yet: fn(arg, NULL) once that is in the ledger, fn(arg, why) when it cannot be. */
void noting_asked(struct migration *migration, void (*fn)(void *arg, const struct cf_error *err), void *arg);

/* An agent that was restarted goes on where the last one ended; nobody waits for that. */
void noting_restarted(struct migration *migration);

/* The receipt is whole: into the ledger, and migration_end() below. */
void noting_close(struct migration *migration);

/* One that is over: once more. */
void noting_save(struct migration *migration);

/* To the migration: the edge is noted, or cannot be and goes on without; or does not. */
void migration_noted(struct migration *migration);
void migration_call_off(struct migration *migration, const struct cf_error *err);

/* To the migration: its receipt is in the ledger, or will be; nothing is left to be done. */
void migration_end(struct migration *migration);
