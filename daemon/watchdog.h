/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The watchdog: one small thread that shuts down the connections of a migration
 * when its time is up, whatever else hangs.  QEMU's migration fails then, and the
 * source goes on by itself within milliseconds.
 *
 * The thread is real-time where that is permitted, what it touches is locked in
 * memory, and between a deadline and the cut stand no lock, no library and no
 * allocation: it sleeps in ppoll(2) and calls shutdown(2).  Others tell it what
 * to do through a fixed table of guards, by atomic stores alone, and never wait
 * for it, but for the end of a cut that has begun.
 *
 * A guard ends in one of two ways, and exactly one of both wins: it was cut, or
 * what it guards was loaded at the destination first and there is nothing to cut
 * any more.  That it was cut does not prove that the source runs on: QEMU may
 * have completed a moment before anybody heard of it.  Perform's answer and
 * RESUME say that.  In `pre-switchover` QEMU waits for libvirtd and for nothing
 * else; a cut counts as soon as that one continues (policy/watch.h).
 *
 * Not for a migration that may go post-copy: from then on a cut would lose the guest.
 */

#include <stdbool.h>
#include <stddef.h>

#include "proto/base.h"
#include "proto/error.h"
#include "proto/time.h"
#include "proto/version.h"

#define CUT_MAX    320	/* 255 parallel connections, the first one, and those of disks */
#define GUARDS_MAX 64	/* more than may be on their way at once */

/* What is shut down: connected sockets, whose owner keeps them open until no guard has them. */
struct cut {
	size_t n;
	int fds[CUT_MAX];
};

struct watchdog;

/* Starts the thread.  Errors: only when there cannot be one; what it lacks is told by watchdog_standing(). */
int watchdog_start(struct watchdog **ret, struct cf_error *err);
struct watchdog *watchdog_stop(struct watchdog *dog);	/* its guards are freed before */
CF_DEFINE_AUTO(struct watchdog *, watchdog_stop)

struct watchdog_standing {
	bool realtime;			/* before every ordinary thread of the host */
	bool locked;			/* never waits for a page */
	char why[CF_DETAIL_ROOM];	/* what keeps it from either; "" when nothing does */
};
void watchdog_standing(const struct watchdog *dog, struct watchdog_standing *ret);

/* Why a guard cuts. */
enum guard_reason {
	GUARD_NOT,		/* it has not */
	GUARD_HEARTBEAT,	/* libvirtd was not heard of in time: a STOP would not be seen */
	GUARD_BLACKOUT,		/* the guest has stood still for as long as it may, less what the way back takes */
	GUARD_ENDED,		/* QEMU is gone, and its peer could not see that: our duplicates kept it open */
	GUARD_ASKED,		/* guard_cut() */
	GUARD_N_REASONS,
};
const char *guard_reason_name(enum guard_reason reason);	/* "heartbeat" */

struct guard;

/*
 * A guard without sockets and deadlines.  pidfd is QEMU's, or -1: when it fires the
 * sockets are shut down, or the peer would never see their end.  It stays the
 * caller's, and open until the guard is freed.  NULL when all are taken.
 */
struct guard *guard_new(struct watchdog *dog, int pidfd);

/*
 * When it returns the sockets are nobody's but the caller's.  Nobody else may use
 * the guard any more.  Returns NULL always.
 */
struct guard *guard_free(struct guard *guard);
CF_DEFINE_AUTO(struct guard *, guard_free)

/* The functions below may be called from any thread, at the same time, and do not block. */

/*
 * These are its sockets from now on; those it had before may be closed when this
 * returns.  One thread at a time.  False when it had ended: after a cut these were
 * shut down too, at once; once loaded they were not.
 */
bool guard_sockets(struct guard *guard, const struct cut *cut);

/*
 * Cut at that time unless it is moved or cleared before; in the past: now.
 * HEARTBEAT and BLACKOUT have a deadline each.
 */
void guard_due(struct guard *guard, enum guard_reason reason, cf_mono at);
void guard_clear(struct guard *guard, enum guard_reason reason);

/* From here there is no cut any more.  False when it was cut before: then it stays cut. */
bool guard_loaded(struct guard *guard);

/* Cut now, on the calling thread.  False when it had been loaded, or cut, before. */
bool guard_cut(struct guard *guard);

struct guard_end {
	bool loaded;
	bool cut;
	enum guard_reason reason;	/* of the cut, with all that follows */
	cf_mono at;			/* when the last socket had been shut down */
	cf_span late;			/* HEARTBEAT, BLACKOUT: how long after the deadline that was */
	size_t n;			/* sockets */
	int error;			/* errno of the first that could not be; 0 */
};

/* How it ended; neither cut nor loaded while it has not. */
void guard_read(const struct guard *guard, struct guard_end *ret);
