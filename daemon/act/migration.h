/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One migration, and the list of them, as the loop has them.  Their public face is
 * in migrations.h; this is for the list and its queue.
 */

#include <stdatomic.h>

#include "daemon/act/hand.h"
#include "daemon/act/migrations.h"
#include "daemon/act/stop.h"
#include "daemon/act/waiters.h"
#include "daemon/act/work.h"

struct sd_event_source;
struct ledger_line;
struct relearn;

/* What is under way and nobody here has in hand (stray.h). */
struct strays {
	struct cf_stray list[CF_STRAYS_MAX];
	size_t n;
};

struct migrations {
	const struct act_context *context;
	struct migration *newest;
	int64_t tickets;			/* given out so far */
	struct sd_event_source *alarm;		/* the queue's: somebody's time to wait is over */
	struct stop stop;
	bool restoring;				/* receipts that the ledger has lost are being looked for */
	bool restore_again;			/* and are to be once more after that: some may be lost since */
	bool unrestored;			/* not all of where they may be was searched, or what was found written */
	struct relearn *relearn;		/* and what was under way, while peers are asked for that */
	struct strays strays;			/* what of that nobody here has in hand */
	bool recovered;				/* what an earlier agent left half done is known */
	bool recovering, recover_again;		/* it is being read; and was to be once more */
	struct errand *errands;
	struct foreign *foreign;		/* what others may be driving; nobody knows yet */
	struct sd_event_source *retry;		/* some that are over are not in the ledger yet */
};

struct migration {
	struct migration *next;
	int64_t ticket;			/* the order in which they were asked for */
	struct migrations *all;
	struct work *work;
	enum cf_side side;
	enum cf_phase phase;
	struct cf_instant entered;	/* when the phase began */
	char id[CF_UUID_ROOM];
	char uuid[CF_UUID_ROOM];
	char peer[CF_HOST_ROOM];
	int64_t mark;			/* of its request: a repeat has the same */
	struct cf_migration_request request;	/* without XML */
	bool complete;				/* from the ledger: the request had none */
	struct cf_reservation reservation;
	struct waiters *changes;		/* by revision */
	struct waiters *checked;		/* by whether it is past `checking` */
	struct waiters *steps;			/* by the phase that is told */
	struct waiters *kept;			/* by whether its receipt is in the ledger, or cannot be */
	bool over;				/* the last act has returned */
	bool landed;				/* destination: libvirt has said that the guest runs here; its phase says so later */

	/* and the ledger */
	enum cf_phase told;			/* the phase that is shown: its entry is there, where that is waited for */
	enum cf_act next_act;			/* of the edge, to be handed out then */
	char said[CF_DETAIL_ROOM];		/* why it was taken */
	struct beside { struct migration *m; enum cf_phase phase; } beside[CF_N_PHASES];	/* for those that are not waited for */
	bool recorded;				/* it has a row there */
	int writes;				/* not answered yet: it may not be forgotten */
	bool saved;				/* over, and its receipt is there */
	struct ledger_line *noted;		/* destination: what it was told last; or NULL */
	char missed[80];			/* phases that are not there; "" once the receipt says so */
	char missed_why[CF_DETAIL_ROOM];

	/* in the queue */
	cf_span may_wait;
	cf_mono leave_by;			/* when that is over */
	cf_mono again;				/* its destination had no room: not before */
	int times_again;
	int64_t ahead;				/* as shown */
	bool soon;				/* its turn comes when another one has been checked */

	struct hand hand;			/* its thread */
	atomic_bool change_posted;
};

/* The caller fills in what was asked, then lets it set out. */
int migration_new(struct migration **ret, struct migrations *all, const struct act_context *context,
		  enum cf_side side, const char *id, struct cf_error *err);
void migration_free(struct migration *migration);
CF_DEFINE_AUTO(struct migration *, migration_free)

/* Give it its thread, which waits for the first act.  One that is queued needs none. */
int migration_hire(struct migration *migration, struct cf_error *err);

/* The first edge of its side. */
void migration_set_out(struct migration *migration);

/* The same at the source of one that somebody else drives. */
void migration_watch(struct migration *migration);

/* One that an earlier agent has begun, and that has its thread: on from where the ledger has it. */
void migration_go_on(struct migration *migration);

/*
 * Out of the queue: by the event given, or because its turn has come.  Fails for want
 * of a thread; it is still queued then.
 */
int migration_leave_queue(struct migration *migration, enum cf_event event, const char *why, struct cf_error *err);
int migration_take_turn(struct migration *migration, struct cf_error *err);

/* The same with the finding that another migration has the domain. */
int migration_refuse_second(struct migration *migration, struct cf_error *err);

/* Answer those who wait for what it has come to. */
void migration_wake(struct migration *migration);

/* The ledger has answered about its receipt. */
void migration_wake_kept(struct migration *migration);

/* How many go first; and, soon, whoever wants to know how its check ends may wait for that. */
void migration_show_place(struct migration *migration, int64_t ahead, bool soon);

/*
 * May it leave `checking`?  Asked of the list when its check allows it: two requests
 * for one domain can pass their checks at the same time.
 */
bool migrations_claim(struct migrations *all, const struct migration *migration);

/* Is that domain the one, if any, that is asked for, by its name or its uuid? */
bool migrations_asked_for(const struct cf_migrations_query *query, const char *domain, const char *uuid);

/* Has one of them the domain? */
bool migrations_hold(const struct migrations *all, const char *uuid);

/*
 * Is that domain on its way, on that side, by a migration that is known here?  Not any
 * more once the guest has landed.
 */
bool migrations_move(const struct migrations *all, const char *uuid, enum cf_side side);

/* libvirt says that this domain, which came from elsewhere, runs here now. */
void migrations_landed(struct migrations *all, const char *uuid);

/* To the list: one as the ledger has it, or would have, which goes on from there. */
int migrations_take_up(struct migrations *all, const struct ledger_line *line, struct cf_error *err);

/* No peer is asked again for what was lost; and whether there is a while until one is. */
void relearn_end(struct migrations *all);
void migrations_settle(struct migrations *all);
bool relearn_waits(const struct migrations *all);

/* To the list: one more, as it is. */
void migrations_add(struct migrations *all, struct migration *migration);

/* To the list: one that is over could not be saved. */
void migrations_save_later(struct migrations *all);

/* To the list: one of them has moved on. */
void migrations_moved(struct migrations *all, const struct migration *which);

/* How many of them are on their way from here, and how many to here. */
int64_t migrations_leaving(const struct migrations *all);
int64_t migrations_arriving(const struct migrations *all);
