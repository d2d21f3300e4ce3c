/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Migrations that others drive, as each host can tell them from what it sees.
 *
 * Nobody announces them.  At the source a QEMU begins to send its state: that is how a
 * migration begins, and a save to disk, a dump or a snapshot too.  At the destination
 * libvirt starts a domain to take one in.  From then on both are watched, and nothing
 * is asked that the other manager would have to wait for.
 */

#include "policy/phase.h"
#include "policy/recover.h"

/* The ports from which libvirt takes one unless it is told to take others (qemu.conf, migration_port_min and _max). */
#define CF_MIGRATION_PORT_MIN 49152
#define CF_MIGRATION_PORT_MAX 49215

/* What was seen of a domain since its QEMU began to send. */
struct cf_departure {
	bool taken_in;		/* another host's agent sees it come in */
	bool connected;		/* its QEMU has a connection to a migration's port of another host */
	bool asked;		/* all agents that are known were asked since, and none of them sees it */
	bool switchover;	/* STOP, and then what QEMU says in migrations alone */
	bool left;		/* libvirt: it stopped here, since it runs elsewhere */
	bool undone;		/* it stood still for the switchover, and runs here again */
	bool sent;		/* QEMU says that all is sent, */
	bool failed;		/* or that it failed or was cancelled */
	bool ended;		/* the domain has ended in another way */
	bool gap;		/* events may be missing; then, */
	enum cf_here here;	/* how the domain stands, by libvirt */
};

/* What it is. */
enum cf_departing {
	CF_DEPARTING_UNSURE,	/* to be looked at again */
	CF_DEPARTING,		/* a migration */
	CF_DEPARTING_NOT,	/* nothing of ours: a save, a dump, or one that was over before it could be told from those */
};

/*
 * It is one when another agent sees the domain come in; and, where none does,
 * when QEMU or libvirt have said so.  A connection to a migration's port is
 * enough once all agents have been asked.
 */
enum cf_departing cf_departing(const struct cf_departure *seen);

/* How one that is a migration stands, by the source alone: LANDED, KEPT, or CF_N_EVENTS as long as it goes on. */
enum cf_event cf_departed(const struct cf_departure *seen);

/* What was seen of a domain that came in, and by nobody's lease. */
struct cf_newcomer {
	bool announced;		/* the source's agent has spoken of it */
	bool landed;		/* it runs here */
	bool gone;		/* the incoming domain was given up */
	bool gap;		/* either may have been missed: who takes it alone looks at the domain */
	cf_span since;		/* the first of these */
};

enum cf_news_of {
	CF_NEWCOMER_WAITS,	/* to be looked at again */
	CF_NEWCOMER_KNOWN,	/* the source's agent has it: nothing is left to do */
	CF_NEWCOMER_ALONE,	/* no agent of the source will speak of it any more */
};

enum cf_news_of cf_newcomer(const struct cf_newcomer *seen, cf_span patience);

/* A connection of a QEMU to another host, as the kernel lists it. */
struct cf_outbound {
	char address[CF_HOST_ROOM];	/* numeric */
	int64_t port;
};

/* By which of them a guest leaves, if by any; NULL.  Of several to different hosts none can be told from the others. */
const struct cf_outbound *cf_outbound_leaving(const struct cf_outbound *list, size_t n);
