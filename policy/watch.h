/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a copy is cut, and when one that goes on has to end.
 *
 * Two deadlines bring the guest back whatever hangs.  While it runs, libvirtd has
 * to be heard of every now and then: a STOP that nobody sees cannot be bounded.
 * Once it stands still for the migration, the limit of the blackout, less what the
 * way back takes.  A cut works in QEMU's `active` and `device`.  In `pre-switchover`
 * QEMU waits for libvirtd alone: there the disks' connections have to go too (libvirtd
 * waits for those), and the job has to be aborted, by a thread that may hang in it.
 */

#include "proto/time.h"
#include "proto/version.h"

/* What the way back is taken to take when there is nothing left to go through. */
#define CF_WAY_BACK_USUAL ((cf_span){ 20 * CF_MS })

/*
 * A cut that fails the last part does not end it: QEMU goes through the rest of the
 * memory without sending it (ram_save_complete() in QEMU 7.2 to 10.2).  Measured with 7.2:
 * some 3 GB/s; here it is taken for 2.  With parallel connections it ends at once.
 */
#define CF_WALK_BYTES_PER_US 2000

/* From the decision to the source running again, with so many bytes of memory left; 0 with parallel connections. */
cf_span cf_way_back(int64_t left);

/*
 * The most that can be left when the guest stops: what was left at the last look, and
 * what QEMU believes to be able to send in the time it was given (max-downtime).
 */
int64_t cf_left_at_stop(int64_t left, int64_t bytes_per_second, cf_span max_downtime);

/*
 * When a guest that stood still at stop has to be brought back so that its blackout
 * stays within the limit.  stop may be early by its width, and by slack (setting
 * stop-slack).  Never before stop itself: what cannot be held is tried.
 */
cf_mono cf_blackout_deadline(struct cf_instant stop, cf_span slack, cf_span limit, cf_span way_back);

/* How long libvirtd may be silent while the guest is copied: as set, else (0) a quarter of the limit, at least 100 ms. */
cf_span cf_heartbeat(cf_span set, cf_span limit);

/* How a guest that is sent stands, by the events of its QEMU. */
struct cf_watched {
	bool stopped;		/* it stands still */
	bool paused;		/* but somebody or something else did that */
	bool switchover;	/* STOP was followed by `pre-switchover` or `device` */
	bool held;		/* `pre-switchover`, as far as was heard */
	bool completed;		/* `completed`; or post-copy has begun, which is never cut */
	bool undone;		/* it ran again after the switchover */
};

enum cf_watch {
	CF_WATCH_RUNS,		/* the heartbeat counts */
	CF_WATCH_STANDS,	/* nothing does: by whom it was stopped shows with the next event */
	CF_WATCH_PAUSED,	/* nothing does: it is no blackout, and a cut would wake it */
	CF_WATCH_HELD,		/* the blackout counts; a cut alone is not enough */
	CF_WATCH_LEAVES,	/* the blackout counts */
	CF_WATCH_LOADED,	/* no cut any more */
	CF_WATCH_BACK,		/* it runs here again: nothing is left to cut */
	CF_N_WATCHES,
};
enum cf_watch cf_watch(const struct cf_watched *watched);

static inline bool cf_watch_heartbeat(enum cf_watch watch)
{
	return watch == CF_WATCH_RUNS;
}

static inline bool cf_watch_blackout(enum cf_watch watch)
{
	return watch == CF_WATCH_HELD || watch == CF_WATCH_LEAVES;
}

/* The copy, while the guest runs */

struct cf_copy_rules {
	cf_span no_progress;	/* it is given up when nothing was sent for so long */
	cf_span converge;	/* and when no pass had clearly less to send than those before it, for so long */
};

/* One look at it. */
struct cf_copy_look {
	int64_t sent;			/* bytes so far */
	int64_t left;			/* bytes */
	int64_t pass;			/* through the memory; the first is 1 */
	int64_t throttle_percent;	/* of its time that the guest loses to auto-converge; 0: none */
	bool held_back;			/* we ourselves keep it from converging */
};

/* What is remembered between looks; begins as { 0 }. */
struct cf_copy {
	bool begun;
	int64_t sent, pass;
	int64_t throttle_percent;	/* the most there was */
	cf_mono sent_at;	/* when it last grew */
	int64_t most;		/* what was left in this pass, at the most */
	cf_mono most_at;	/* when that was */
	bool has_least;
	int64_t least;		/* of that, over the passes behind it: the first one sends all there is */
	cf_mono least_at;
	int64_t in_vain;	/* passes since */
};

enum cf_copying {
	CF_COPYING_ON,
	CF_COPYING_SLOWED,	/* it does not converge, and the guest is slowed down more and more */
	CF_COPYING_STUCK,	/* end it: nothing moves */
	CF_COPYING_DIVERGES,	/* end it: the guest writes faster than can be sent */
	CF_N_COPYINGS,
};

/*
 * Look once more.  why says what ended it, "" otherwise.  Auto-converge comes first
 * where it is on: as long as QEMU takes more and more of the guest's time, each step
 * gets the same time as the copy had without it.
 */
enum cf_copying cf_copy_look(struct cf_copy *copy, const struct cf_copy_rules *rules, const struct cf_copy_look *look,
			     cf_mono now, char why[static CF_DETAIL_ROOM]);

/* What can be done about a copy that nears its end is done while that lasts: two ledgers and a message. */
#define CF_COPY_NEAR ((cf_span){ 500 * CF_MS })

/*
 * The pass that was looked at is nearly through: of what it had to send there is a quarter left, or no more than goes in
 * CF_COPY_NEAR as fast as it has gone.  A guest that writes little converges as soon as the first one ends.  Before the first (0)
 * it is disks that are copied.
 */
bool cf_copy_nears_end(const struct cf_copy *copy, const struct cf_copy_look *look, cf_mono now);

/* It has to end. */
static inline bool cf_copying_ends(enum cf_copying copying)
{
	return copying == CF_COPYING_STUCK || copying == CF_COPYING_DIVERGES;
}
