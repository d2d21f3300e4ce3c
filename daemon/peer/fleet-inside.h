/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the fleet's list of hosts and the threads that watch them know of each other. */

#include <pthread.h>

#include "daemon/peer/fleet.h"
#include "daemon/peer/sight.h"

#define N_OVERHEADS 8

/* What is remembered of a host: one that is watched, or was migrated to. */
struct mate {
	struct mate *next;
	char host[CF_HOST_ROOM];

	/* under the fleet's lock */
	bool watched;
	bool busy;			/* a thread is asking it, and has what is its own below */
	bool doubtful;			/* then: it had no answer the last time */
	cf_mono due;			/* when it is to be asked again */
	struct sighting seen;		/* changed by the thread that asks it alone */
	bool gate_open;
	bool has_gate_since;
	cf_real gate_since;
	struct cf_ramp_past overheads[N_OVERHEADS];
	size_t n_overheads;
	struct fleet_loan spare;	/* for the next check; without a call when there is none */

	/* the asking thread's own */
	struct call *call;
	struct settings *settings;	/* that the call was made with */
};

struct fleet {
	struct reporter *reporter;
	struct fleet_listener listener;
	pthread_mutex_t lock;

	/* under the lock, as are the mates */
	struct settings *settings;
	unsigned generation;		/* how often they were read again */
	struct mate *mates;		/* by name */
	size_t n_threads;
	size_t n_doubtful;		/* of the hosts that are being asked now */
	bool ending;
	pthread_cond_t wake;		/* there is something to do, or something else to wait for */
	pthread_cond_t ended;		/* a thread has */
};

/*
 * Under the lock: is its connection for checks one to be used again?  Of a host that did not answer the last time a new
 * one tells sooner that it still does not.
 */
bool fleet_keeps(const struct fleet *fleet, const struct mate *mate);

/* Under the lock: have as many threads as so many hosts take. */
int fleet_man(struct fleet *fleet, size_t n_hosts, struct cf_error *err);

/* Under the lock: end all threads, and wait for them. */
void fleet_dismiss(struct fleet *fleet);
