/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The sockets by which a QEMU sends a guest, or gets one: found among its
 * descriptors, and held as duplicates, so that a cut is one shutdown(2) each.
 *
 * A duplicate keeps its connection open when QEMU has closed it, or has died.
 * Give them back as soon as nothing is to be cut any more.
 *
 * One thread at a time may use one struct sockets.
 */

#include "daemon/virt/counters.h"
#include "daemon/watchdog.h"
#include "proto/migration.h"

struct sockets;

/*
 * Those of the process that runs the domain.  Its pidfd is opened first and the
 * process looked at then: a number that is used again is not taken for it.  Errors:
 * counters_pid()'s, and what pidfd_open(2) says.
 */
int sockets_open(const struct counter_roots *roots, const char *name, const char *uuid, struct sockets **ret,
		 struct cf_error *err);
struct sockets *sockets_free(struct sockets *sockets);	/* closes the duplicates */
CF_DEFINE_AUTO(struct sockets *, sockets_free)

/* Readable when the process has ended.  Theirs, until they are freed. */
int sockets_pidfd(const struct sockets *sockets);

/* What goes over a connection. */
enum socket_use { SOCKET_MEMORY, SOCKET_STORAGE, SOCKET_N_USES };

/*
 * Connections from there on are wanted: at the source those to the uri ("tcp://hB:49152",
 * what Prepare answered; a name may have several addresses), at the destination those
 * to its port.  expected is how many there will be: 1, or 1 + N when N are parallel.
 * May look a name up, and wait for that.  Errors: EINVAL for what is not TCP or has no
 * port, EHOSTUNREACH when the name means nothing, E2BIG for too many.
 */
int sockets_want(struct sockets *sockets, enum cf_side side, enum socket_use use, const char *uri, size_t expected,
		 struct cf_error *err);

struct sockets_seen {
	size_t n[SOCKET_N_USES];
	bool can_cut;			/* as many as were expected: nothing would flow after a cut */
	char why[CF_DETAIL_ROOM];	/* why not, with what to do where something can be done; else "" */
};

/*
 * Look again: what is connected now is in *cut, duplicates are taken of what is new.
 * Quick, and quicker when nothing has changed.  What QEMU has closed is left out of
 * *cut, and stays open until sockets_settle(), which ends it: between the two, tell the guard.
 */
void sockets_look(struct sockets *sockets, struct cut *cut, struct sockets_seen *ret);
void sockets_settle(struct sockets *sockets);

/* Close all duplicates: nothing is to be cut any more.  No guard may have them, but one that has ended. */
void sockets_drop(struct sockets *sockets);

/*
 * May sockets be taken from other processes here at all?  "" when they may; else
 * why not, and what to do (doctor).
 */
void sockets_permitted(char why[static CF_DETAIL_ROOM]);
