/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens to domains, as libvirt and QEMU tell it.
 *
 * A guest_watch collects the events of one domain over one migration; it is
 * made before the migration begins, so that nothing is missed, and read by the
 * migration's thread.  virt_set_listener() tells the agent of all domains.
 */

#include "daemon/virt/connect.h"
#include "daemon/virt/switchover.h"
#include "proto/version.h"

/* Events of all domains */

enum virt_what {
	VIRT_CONNECTED,		/* the agent's connection stands (again): what was known must be read anew */
	VIRT_DISCONNECTED,
	VIRT_DEFINED,
	VIRT_UNDEFINED,
	VIRT_STARTED,
	VIRT_ARRIVING,		/* started to take in a migration; does not run yet */
	VIRT_SUSPENDED,
	VIRT_RESUMED,
	VIRT_LANDED,		/* resumed at the end of a migration to here, or of a failed one from here */
	VIRT_STOPPED,
	VIRT_LEFT,		/* stopped because it now runs elsewhere */
	VIRT_SHUTDOWN,
	VIRT_CRASHED,
	VIRT_AGENT_CONNECTED,	/* its guest agent */
	VIRT_AGENT_DISCONNECTED,
	VIRT_RTC_CHANGED,	/* the guest set its RTC */
	VIRT_JOB_COMPLETED,
	VIRT_SENDING,		/* its QEMU begins to send its state somewhere, or to take one in */
	VIRT_SWITCHOVER,	/* MIGRATION pre-switchover: the guest stands still, here, to go elsewhere */
	VIRT_N_WHATS,
};

struct virt_news {
	enum virt_what what;
	const char *name;	/* of the domain; both "" for CONNECTED and DISCONNECTED */
	const char *uuid;
	struct cf_instant at;	/* when it was heard */
};

/*
 * Runs on a thread of libvirt's or of ours: must not block, must not call libvirt or anything
 * of this folder; copy what is needed and wake the loop.
 */
typedef void (*virt_listener)(const struct virt_news *news, void *userdata);

/* One listener; NULL takes it away, and when that returns it is not running any more. */
void virt_set_listener(struct virt *virt, virt_listener listener, void *userdata);

/* "suspended", for logs. */
const char *virt_what_name(enum virt_what what);

/* Events of one domain */

struct guest_watch;

/*
 * Collect what happens to the domain from now on, as this side of its
 * migration.  The domain need not exist yet (destination).  The watch lives on
 * across reconnects; what may have been missed is said (guest_events.gap).
 */
int guest_watch_new(struct virt *virt, const char *uuid, enum cf_side side, struct guest_watch **ret,
		    struct cf_error *err);
struct guest_watch *guest_watch_free(struct guest_watch *watch);
CF_DEFINE_AUTO(struct guest_watch *, guest_watch_free)

/* What has been seen so far.  Any thread, never blocks. */
void guest_watch_read(struct guest_watch *watch, struct guest_events *ret);

/*
 * Wait until guest_events.revision is no longer `seen`, and read; false when
 * the timeout passed first (*ret is read all the same).  Any thread but
 * libvirt's and the loop.
 */
bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret);

/*
 * Tell of each event at once, on the thread it came by, and of what is known at the
 * call itself on the calling one (event is NULL then).  Must not block, and call
 * nothing of this folder.  NULL ends it, and when that returns it is not running.
 */
typedef void (*guest_watch_teller)(const struct guest_events *events, const struct guest_event *event, void *userdata);
void guest_watch_tell(struct guest_watch *watch, guest_watch_teller teller, void *userdata);
