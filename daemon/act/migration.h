/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One migration, as the loop has it.  Its public face is in migrations.h; this
 * is for the list of them.
 */

#include <pthread.h>

#include "daemon/act/migrations.h"
#include "daemon/act/waiters.h"
#include "daemon/act/work.h"

struct migration {
	struct migration *next;
	struct migrations *all;
	struct loop *loop;
	struct work *work;
	enum cf_side side;
	enum cf_phase phase;
	struct cf_instant entered;	/* when the phase began */
	char id[CF_UUID_ROOM];
	char uuid[CF_UUID_ROOM];
	char peer[CF_HOST_ROOM];
	struct cf_migration_request request;
	struct cf_reservation reservation;
	struct waiters *changes;		/* by revision */
	struct waiters *checked;		/* by whether it is past `checking` */
	bool over;				/* the last act has returned */

	/* between the loop and the thread */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum cf_act act;		/* CF_ACT_NONE: nothing to do yet */
	bool leave;
	enum cf_event event;
	char why[CF_DETAIL_ROOM];
	bool change_posted;
};

/* With a thread that waits for its first act.  The caller fills in what was asked, then lets it set out. */
int migration_new(struct migration **ret, struct migrations *all, const struct act_context *context,
		  enum cf_side side, const char *id, struct cf_error *err);
void migration_free(struct migration *migration);
CF_DEFINE_AUTO(struct migration *, migration_free)

/* The first edge of its side. */
void migration_set_out(struct migration *migration);

/*
 * May it leave `checking`?  Asked of the list when its check allows it: two requests
 * for one domain can pass their checks at the same time.
 */
bool migrations_claim(struct migrations *all, const struct migration *migration);

/* To the list: one of them is over. */
void migrations_ended(struct migrations *all);
