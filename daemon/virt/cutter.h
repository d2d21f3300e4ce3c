/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What brings a guest back that stands still for too long on its way from here:
 * the events of its QEMU, its sockets, and a guard of the watchdog, put together
 * by the rules of policy/watch.h.
 *
 * STOP and `completed` reach the guard on the thread by which they are heard, so
 * that whatever the migration's own thread waits for makes no difference.  The
 * rest is the migration's thread's: it says where the memory goes, looks for new
 * connections, and tells when libvirtd has answered.
 *
 *	cutter_new()	before the copy begins; not for one that may go post-copy
 *	cutter_want()	when Prepare has said where it goes
 *	cutter_look()	at every turn: 0.1 to 1 ms
 *	cutter_heard()	when libvirtd has answered (job_answers())
 *	cutter_copied()	how far the copy is (job_progress())
 *	cutter_read()	whether it was cut, and why
 */

#include "daemon/virt/events.h"
#include "daemon/virt/sockets.h"
#include "policy/watch.h"

struct cutter;

struct cutter_terms {
	char name[CF_NAME_ROOM];	/* of the domain, and its uuid */
	char uuid[CF_UUID_ROOM];
	const struct counter_roots *roots;	/* where its process is found; NULL: on this host */
	cf_span limit;			/* of the blackout */
	cf_span slack;			/* how much earlier than its STOP the guest may have stopped */
	cf_span max_downtime;		/* what QEMU aims at, at first */
	bool parallel;			/* several connections */
	cf_span heartbeat;		/* cf_heartbeat(); counted from the first event of the migration */
};

/*
 * watch is that of the source, and outlives the cutter.  Errors: sockets_open()'s, and
 * EBUSY when the watchdog has no guard left; then nothing is cut.
 */
int cutter_new(struct watchdog *dog, struct guest_watch *watch, const struct cutter_terms *terms,
	       struct cutter **ret, struct cf_error *err);
struct cutter *cutter_free(struct cutter *cutter);
CF_DEFINE_AUTO(struct cutter *, cutter_free)

/* sockets_want(), at the source. */
int cutter_want(struct cutter *cutter, enum socket_use use, const char *uri, size_t expected, struct cf_error *err);

/*
 * Give the guard what is connected now.  Once it was cut or loaded, this closes the
 * duplicates and is over.
 */
void cutter_look(struct cutter *cutter, struct sockets_seen *ret);

/* libvirtd has answered just now. */
void cutter_heard(struct cutter *cutter);

/* What is left of the memory decides how long the way back takes. */
void cutter_copied(struct cutter *cutter, const struct cf_progress *progress);

/* And so does what QEMU aims at: before it is told, when that is more than it was. */
void cutter_aims(struct cutter *cutter, cf_span max_downtime);

/* guard_cut(), guard_loaded(): any thread. */
bool cutter_cut(struct cutter *cutter);
bool cutter_loaded(struct cutter *cutter);

/* The way back that is reckoned with, as of now. */
cf_span cutter_way_back(struct cutter *cutter);

/* How the guard ended, if it has; and what counts now (CF_WATCH_HELD: a cut is not enough). */
enum cf_watch cutter_read(struct cutter *cutter, struct guard_end *ret);
