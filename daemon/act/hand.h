/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A migration's own thread, as the loop has it: it does the acts that are handed to it,
 * one after the other.  All of this is for the loop's thread.
 */

#include <pthread.h>

#include "daemon/act/work.h"

struct hand {
	struct work *work;
	void (*done)(void *userdata);
	void *userdata;

	/* of the act that returned last, until the next one is given */
	enum cf_event event;
	char why[CF_DETAIL_ROOM];

	/* between the loop and the thread */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum cf_act act;		/* CF_ACT_NONE: nothing to do yet */
	bool leave;
};

/* done() is called whenever an act has returned. */
void hand_begin(struct hand *hand, void (*done)(void *userdata), void *userdata);
void hand_end(struct hand *hand);	/* after hand_dismiss() */

/* The thread, which waits for the first act; nothing when there is one already. */
int hand_hire(struct hand *hand, struct cf_error *err);

void hand_give(struct hand *hand, enum cf_act act);

/* Wait until it has left, which it does when it has no act. */
void hand_dismiss(struct hand *hand);
