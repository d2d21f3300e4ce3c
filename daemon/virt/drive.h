/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Drivers: the ways to move a domain.
 *
 * A driver is a row of facts and of verbs.  Callers ask the facts, never the
 * name; a driver with more verbs appends them to the row, and who calls them
 * asks for the fact that goes with them first.
 *
 * How a migration ended is learnt from both hosts, never from a driver alone:
 * libvirt can report the failure of a migration whose guest runs at the
 * destination, and has been seen to resume a source whose guest did (a reply
 * lost at the wrong moment).
 *
 * One thread at a time may call the verbs of one drive.
 */

#include "daemon/virt/connect.h"
#include "proto/base.h"
#include "proto/error.h"
#include "proto/options.h"
#include "proto/time.h"
#include "proto/version.h"

#define DRIVE_URI_ROOM (2 * VIRT_URI_ROOM)

/*
 * Drivers with a gate: what the source's agent brings the destination's, and what comes back.  XML
 * and cookies are libvirt's own, not to be read, and hold secrets: no part of them may stand in a
 * log, an error or a ledger.
 */
struct drive_offer {
	char uuid[CF_UUID_ROOM];
	char name[CF_NAME_ROOM];
	const char *xml;			/* borrowed, like the cookie */
	const void *cookie;
	size_t cookie_size;
	struct cf_options options;
	bool persistent;			/* to be one there, too */
	bool paused;				/* somebody has paused it: it is to stay that */
	char migrate_uri[DRIVE_URI_ROOM];	/* where the destination's QEMU should be reached; "": as that has it */
};

struct drive_answer {
	char uri[DRIVE_URI_ROOM];		/* where it is: "tcp://hB:49152" */
	void *cookie;				/* drive_answer_clear() */
	size_t cookie_size;
};

/* Wipes and frees what it holds. */
void drive_answer_clear(struct drive_answer *answer);

/* The port that copied storage goes to, on the same host; false when there is none. */
bool drive_answer_storage_port(const struct drive_answer *answer, int64_t *ret);

struct drive_options {
	char uuid[CF_UUID_ROOM];		/* of the domain */
	char destination[CF_HOST_ROOM];		/* host name or address */
	/*
	 * Templates: "%s", once, is the destination (an IPv6 address gets its
	 * brackets): how our libvirtd reaches that one, "qemu+tls://%s/system";
	 * how our QEMU reaches that one, "tcp://%s", "" leaves it to libvirt.
	 */
	char destination_uri[VIRT_URI_ROOM];
	char migrate_uri[VIRT_URI_ROOM];
	struct cf_options options;		/* by their values: all are there */
	const char *xml;			/* of the domain at the destination; NULL: as it is */
	const char *persistent_xml;		/* the same, for its next start there */
	bool has_max_downtime;
	cf_span max_downtime;			/* what QEMU is to aim at */

	/*
	 * Drivers with a gate: bring the offer to the destination's agent, and its answer back.
	 * On the thread that calls start(), may block; what has to be written down before the
	 * copy can converge is written down in it.
	 */
	int (*prepare)(void *userdata, const struct drive_offer *offer, struct drive_answer *ret,
		       struct cf_error *err);
	void *userdata;
};

enum drive_state {
	DRIVE_RUNNING,
	DRIVE_SUCCEEDED,	/* as the driver has it */
	DRIVE_FAILED,
	DRIVE_ABORTED,		/* somebody's request ended it, or it was settled so */
	/*
	 * At the gate: the source is paused, the destination has everything, nothing runs.  Only with
	 * has_gate; lasts until settle() has been answered.
	 */
	DRIVE_LOADED,
	/*
	 * The connection to libvirtd ended, and with it libvirt's job.  The source may run on, or stand
	 * paused for ever: see leftover.h.  Only with has_gate.
	 */
	DRIVE_LOST,
};

struct drive_end {
	enum drive_state state;
	int code;			/* libvirt's virErrorNumber, 0 when there is none */
	struct cf_error error;		/* FAILED, ABORTED, LOST: what was said */
	const void *cookie;		/* LOADED: for the destination's Finish; the drive's own, and a secret */
	size_t cookie_size;
};

struct drive;

struct drive_ops {
	const char *name;	/* "libvirt": what the receipt says */
	bool has_gate;		/* the guest does not run at the destination before we say so */
	bool can_cut;		/* the migration's connection may be cut to bring the guest back */
	bool outlives_agent;	/* it goes on when the agent dies */
	bool post_copy;		/* takes options.post_copy */
	bool foreign;		/* somebody else drives it, and has its verbs: here it is watched */

	/*
	 * Begin, and return as soon as it is under way; what can be known to be
	 * wrong at once is an error, and then nothing was begun.
	 */
	int (*start)(struct virt *virt, const struct drive_options *options, struct drive **ret,
		     struct cf_error *err);

	/*
	 * Take up one of the domain that was begun by an agent which has died since; for
	 * drivers that outlive it.  How it ended is not known then: it runs, or has
	 * failed.  Fails without memory alone.
	 */
	int (*attach)(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err);

	/*
	 * How it stands after at most timeout; 0 asks without waiting.  Returns 0, and
	 * the same end again when asked again.
	 */
	int (*wait)(struct drive *drive, cf_span timeout, struct drive_end *ret);

	/* Ask for its end, see job_abort(); returns by the deadline. */
	int (*abort)(struct drive *drive, cf_mono deadline, struct cf_error *err);

	/*
	 * Drivers with a gate, LOADED: end it here.  ran: the guest has run at the destination, which gave
	 * this cookie, and the copy here is removed.  Not ran: the guest runs on here, at once; that it can
	 * never run there has been made sure of before.  0: wait() now says SUCCEEDED, or ABORTED.
	 * -ENOTCONN: the job is gone, and the copy here stands paused until leftover.h is asked.
	 * -ETIMEDOUT: no answer by the deadline; wait() will tell, and asking again only waits for that answer.
	 * Anything else: libvirt's refusal, and wait() says FAILED.
	 */
	int (*settle)(struct drive *drive, bool ran, const void *cookie, size_t cookie_size, cf_mono deadline,
		      struct cf_error *err);

	/*
	 * Lets go of it: what still runs goes on, counted in virt_hung_calls() until it ends.  One with a gate
	 * ends with its connection: while copying nothing has happened then, at the gate its guest stays paused.
	 */
	struct drive *(*free)(struct drive *drive);
};

/* The head of every driver's own struct. */
struct drive {
	const struct drive_ops *ops;
};

static inline int drive_wait(struct drive *drive, cf_span timeout, struct drive_end *ret)
{
	return drive->ops->wait(drive, timeout, ret);
}

static inline int drive_abort(struct drive *drive, cf_mono deadline, struct cf_error *err)
{
	return drive->ops->abort(drive, deadline, err);
}

static inline int drive_settle(struct drive *drive, bool ran, const void *cookie, size_t cookie_size,
			       cf_mono deadline, struct cf_error *err)
{
	return drive->ops->settle(drive, ran, cookie, cookie_size, deadline, err);
}

static inline struct drive *drive_free(struct drive *drive)
{
	return drive ? drive->ops->free(drive) : NULL;
}
CF_DEFINE_AUTO(struct drive *, drive_free)

/* The attach of a driver whose migrations are jobs of libvirtd's own. */
int drive_attach(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err);

/* virDomainMigrateToURI3, live, peer to peer: libvirt alone decides when the guest runs there. */
extern const struct drive_ops drive_libvirt;

/*
 * libvirt's own five phases, each agent with its own libvirtd: a gate stands between "it has
 * everything" and "it runs".  The destination's part is incoming.h.
 */
extern const struct drive_ops drive_gated;

/*
 * Whatever another manager drives: it is told from the domain's events.  Nothing is asked
 * of libvirt about the domain's job unless events were missed.  start() is not there,
 * and abort() refused.
 */
extern const struct drive_ops drive_foreign;

/* Watch one from now on, which has just begun; attach() takes up one of which events were missed.  Never blocks. */
int drive_foreign_begin(struct virt *virt, const char *uuid, struct drive **ret, struct cf_error *err);

/* Does libvirt's library here have its phases?  If not, why: what is missing stays so for as long as the agent runs.  Never blocks. */
bool phases_loaded(struct cf_error *why);

/* Can this host's libvirt be driven phase by phase?  If not, why.  Never blocks. */
bool phases_available(struct virt *virt, struct cf_error *why);
