/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections to this host's libvirtd.
 *
 * struct virt is the agent's own: it carries the events and the cheap queries,
 * lives as long as the agent and reconnects by itself, so that a libvirtd that
 * is restarted, upgraded or hung is an interruption and nothing else.
 *
 * struct virt_link is for all other calls, one link for each who makes some.  On one
 * connection there is one call at a time: libvirt's client, before 9.10, crashes
 * when a connection is lost on which two calls wait (it leaves a reference to the
 * stack of the first in the event loop that the second goes on with).  So a link
 * whose call was given up makes the next one over another connection.
 *
 * Everything here may be called from any thread but libvirt's own (a listener
 * runs there), and may block for as long as libvirtd does (its keepalive ends
 * that after some 15 s): never from the agent's loop, where not said otherwise.
 */

#include "proto/base.h"
#include "proto/error.h"
#include "proto/report.h"
#include "proto/time.h"

#define VIRT_URI_DEFAULT "qemu:///system"
#define VIRT_URI_ROOM 256

struct virt;
struct virt_link;

/* What libvirt says of this host.  Absent until the first connection stood. */
struct virt_host {
	char libvirt[32];		/* "9.0.0", of the daemon */
	unsigned long libvirt_version;	/* the same as libvirt counts: 9000000 */
	char emulator[128];		/* "QEMU 7.2.22", of the default binary */
	unsigned long emulator_version;	/* 7002022, 0 where libvirt finds no emulator */
	char arch[32];			/* "x86_64" */
	enum cf_counter counter;	/* the counter a guest under KVM derives its time from */
	bool has_counter_hz;
	int64_t counter_hz;		/* x86: as KVM says, in steps of 1 kHz; arm64: CNTFRQ_EL0, exact */
	bool has_counter_scaling;
	bool counter_scaling;		/* the host can give a guest another frequency than its own */
};

/*
 * Start connecting to uri (VIRT_URI_DEFAULT when NULL) on threads of its own
 * and return at once: a libvirtd that is not there yet is no error.  Only one
 * may exist in a process, and libvirt's own printing to stderr ends with it.
 */
int virt_new(struct virt **ret, const char *uri, struct cf_error *err);

/*
 * Ends the threads; every link and watch made from it must be gone.  A libvirtd that hangs while the
 * keepalive is answered may hold one for ever: that is waited for some seconds, and then left to the
 * end of the process with all it uses.
 */
struct virt *virt_free(struct virt *virt);
CF_DEFINE_AUTO(struct virt *, virt_free)

/* Does the connection stand?  If not, why (err may be NULL).  Never blocks. */
bool virt_connected(struct virt *virt, struct cf_error *err);

/* Wait until it stands; -ETIMEDOUT with the last reason otherwise. */
int virt_wait(struct virt *virt, cf_span timeout, struct cf_error *err);

/* The host as it was when the last connection was made; false before the first.  Never blocks. */
bool virt_host(struct virt *virt, struct virt_host *ret);

/*
 * A connection of one's own, which nobody else uses until it is closed; -ETIMEDOUT when
 * libvirtd does not answer by then (the attempt is abandoned and counted).
 */
int virt_link_open(struct virt *virt, cf_span timeout, struct virt_link **ret, struct cf_error *err);

/* What may be used again serves the next one; a call abandoned on it keeps its connection open until it returns. */
struct virt_link *virt_link_close(struct virt_link *link);
CF_DEFINE_AUTO(struct virt_link *, virt_link_close)

/* Not known to be dead. Never blocks. */
bool virt_link_alive(struct virt_link *link);

/* Calls into libvirt that were given up and have not returned yet; any thread, never blocks. */
int64_t virt_hung_calls(void);
