/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All migrations of this host, those that leave and those that come in.
 *
 * Everything here is called on the loop's thread and never blocks.  The life of
 * a migration is policy/phase.h: this finds the edge of an event, notes the new
 * phase, and hands the act to the migration's thread.
 */

#include "daemon/act/context.h"
#include "daemon/host-names.h"
#include "proto/commit.h"
#include "proto/error.h"
#include "proto/incoming.h"

struct migrations;
struct migration;

int migrations_new(struct migrations **ret, const struct act_context *context, struct cf_error *err);

/*
 * Take up what an earlier agent left half done, before anybody is answered: reads the
 * ledger, which may take a moment.  Where that fails it is done later, once the ledger
 * can be read; before it was done, nothing is said about an id that is not known here.
 */
void migrations_recover(struct migrations *migrations);
void migrations_recover_later(struct migrations *migrations);

/*
 * A ledger was begun anew: put back into it the receipts that the journal has and it has
 * not, as old and as many as it may keep.  Goes on by itself; to be called as often as a
 * file was begun: while it goes on it is done once more after that.
 */
void migrations_restore(struct migrations *migrations);

/*
 * The same: what other hosts have of this one's migrations, and nothing is known of here, is taken up again as far as
 * that is safe; the rest are strays.  lost: there had been a file; then those domains are strays as well that are on
 * their way and that nobody knows.  Goes on by itself.
 */
void migrations_relearn(struct migrations *migrations, bool lost);

/* A peer answers again: receipts that could not be brought to another host are brought at once. */
void migrations_bring(struct migrations *migrations);

/* Those of the strays that are asked for; and whether there is one of that id, and what is known of it. */
void migrations_strays(const struct migrations *migrations, const struct cf_migrations_query *query, struct cf_migrations *ret);
bool migrations_stray(const struct migrations *migrations, const char *id, char why[static CF_DETAIL_ROOM]);

/*
 * Waits for the acts that are under way to notice that the agent ends.  A copy that
 * libvirt does by itself goes on without us.
 */
void migrations_free(struct migrations *migrations);

/*
 * No new ones from now on, from here or to here: CF_QUIESCING to who asks, and a finding
 * to who wants to come in.  Those that wait go on waiting.  What is at work has the time
 * of stop-wait; what then copies is aborted unless its driver outlives the agent, and
 * whatever has come further goes on.  Taken back, all is as before.
 */
int migrations_quiesce(struct migrations *migrations, struct cf_error *err);
int migrations_unquiesce(struct migrations *migrations, struct cf_error *err);
bool migrations_quiescing(const struct migrations *migrations);

/*
 * The agent is to end: the same, for good, and those that wait are aborted.
 * idle(userdata) is called once there is nothing left to wait for, perhaps at once.
 */
void migrations_stop(struct migrations *migrations, void (*idle)(void *userdata), void *userdata);

/*
 * Begin a migration away from here, for requester.  A repeat of the same request finds the
 * migration it began; another request under the same id is CF_CONFLICT.  XML in the request
 * is taken out of it.
 */
int migrations_start(struct migrations *migrations, const char *id, struct cf_migration_request *request,
		     const struct cf_requester *requester, struct migration **ret, struct cf_error *err);

/*
 * Begin to expect a domain.  peer is the host that asks, by its certificate.  A
 * repeat finds what it began; the same id from another peer is CF_CONFLICT, and so
 * is one that has ended.
 */
int migrations_expect(struct migrations *migrations, const char *id, const struct cf_reservation *reservation,
		      const struct cf_lease *lease, const char *peer, struct migration **ret, struct cf_error *err);

/* Something has happened to a domain: it may be a migration that somebody else drives.  On any thread, never blocks. */
struct virt_news;
void migrations_hear(struct migrations *migrations, const struct virt_news *news);

/*
 * Is that domain on its way here by somebody else's order, or was it until a moment ago?  migrating: libvirt says
 * that it stands still for a migration, which those do as well that leave.  What has its reservation by that id keeps it.
 */
bool migrations_comes_in(const struct migrations *migrations, const char *id, const char *uuid, bool migrating);

/*
 * What this host itself has to say against one more that comes in, CF_FINDING_UNKNOWN
 * for nothing; one that has its reservation keeps it.
 */
enum cf_finding_code migrations_objection(const struct migrations *migrations, const char *id,
					  char detail[static CF_DETAIL_ROOM]);

/* Is that domain on its way here by a lease of ours, and not here yet? */
bool migrations_expects(const struct migrations *migrations, const char *uuid);

/* CF_NOT_FOUND when there is none.  With peer, by the names of its certificate, only what that peer reserved. */
int migrations_find(const struct migrations *migrations, const char *id, struct migration **ret, struct cf_error *err);
int migrations_find_incoming(struct migrations *migrations, const char *id, const struct host_names *peer,
			     struct migration **ret, struct cf_error *err);

/* Bring what the ledger has of them up to date: between two edges it knows nothing of their progress. */
void migrations_refresh(const struct migrations *migrations, struct cf_migrations *list);

/*
 * Those wanted that the ledger does not have at all, because it cannot be written; the newest first, and only those asked
 * for before that number.  Returns the number of the last one on a page that has no room for all, else 0.
 */
int64_t migrations_unrecorded(const struct migrations *migrations, const struct cf_migrations_query *query, int64_t before,
			      struct cf_migrations *ret);

/* Those that are at work, and those that wait for their turn to leave. */
int64_t migrations_under_way(const struct migrations *migrations);
int64_t migrations_queued(const struct migrations *migrations);

/* The settings have changed: somebody's turn may have come. */
void migrations_reload(struct migrations *migrations);

void migration_view(struct migration *migration, struct cf_migration *ret);

/* The receipt, which is there once the migration has ended; NULL before.  Owned by the migration. */
const struct cf_receipt *migration_receipt(const struct migration *migration);

/* CF_TOO_LATE once the guest may run at the destination, CF_CONFLICT when it has ended. */
int migration_abort(struct migration *migration, const char *reason, struct cf_error *err);

/*
 * Call fn(arg, NULL) on the loop's thread once that it was asked to abort outlives this agent, where it need; perhaps at
 * once.  With an error where the ledger cannot be written.
 */
void migration_when_kept(struct migration *migration, void (*fn)(void *arg, const struct cf_error *err), void *arg);

/*
 * Call fn(arg) on the loop's thread when the migration's revision is beyond
 * `after` (at once if it is already), or when `wait` has passed.
 */
int migration_when_changed(struct migration *migration, int64_t after, cf_span wait, void (*fn)(void *arg),
			   void *arg, struct cf_error *err);

/* The same for the end of `checking`. */
int migration_when_checked(struct migration *migration, cf_span wait, void (*fn)(void *arg), void *arg,
			   struct cf_error *err);

/*
 * With a gate: what the source's agent brings one that comes in, taken over, and fn(arg) on the loop's thread once
 * that is answered, or `wait` has passed.  A repeat waits for the same answer.  CF_CONFLICT where it makes no sense.
 */
int migration_prepare(struct migration *migration, struct cf_offer *offer, cf_span wait, void (*fn)(void *arg),
		      void *arg, struct cf_error *err);
int migration_commit(struct migration *migration, struct cf_commit *commit, cf_span wait, void (*fn)(void *arg),
		     void *arg, struct cf_error *err);

/* Then: the answer; what it points to stays the migration's, until the loop is left. */
int migration_prepared(struct migration *migration, struct cf_prepared *ret, struct cf_error *err);
void migration_answer(struct migration *migration, struct cf_answer *ret);

/* The operator's word on one that is in doubt; CF_CONFLICT for any other. */
int migration_resolve(struct migration *migration, enum cf_resolution resolution, const char *reason,
		      struct cf_error *err);

/*
 * What the source's agent says of one that comes in; both take over what they are given.
 * A record, or counters, are CF_CONFLICT when nobody waits for the domain any more: it must not be sent.
 */
int migration_take_record(struct migration *migration, struct cf_record *record, struct cf_error *err);
int migration_take_counters(struct migration *migration, struct cf_counters *counters, struct cf_error *err);
void migration_take_closing(struct migration *migration, struct cf_receipt *receipt);

/*
 * Call fn(arg) on the loop's thread once what was closed by that is in the ledger, or cannot be, or `wait` has passed:
 * migration_is_kept() tells which.  To be asked for before it.
 */
int migration_when_closed(struct migration *migration, cf_span wait, void (*fn)(void *arg), void *arg, struct cf_error *err);
bool migration_is_kept(const struct migration *migration);
void migration_landing(struct migration *migration, struct cf_landing *ret);
