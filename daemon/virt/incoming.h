/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A domain on its way to here, driven phase by phase: the destination's part of
 * a driver with a gate.
 *
 * It has a connection to libvirtd of its own, and while it has not finished it
 * lives no longer than that: closing it, or the agent's death, makes libvirt
 * destroy the incoming domain, which has never run.  One thread at a time may
 * call the functions about one.
 */

#include "daemon/virt/connect.h"
#include "daemon/virt/drive.h"
#include "proto/error.h"
#include "proto/time.h"

struct incoming;

struct incoming_options {
	/*
	 * How the source's QEMU reaches ours, "tcp://hB", with ":port" only where that one has to be
	 * taken; "": as it was offered, and where nothing was, as libvirt has it.
	 */
	char migrate_uri[DRIVE_URI_ROOM];
	char listen[CF_HOST_ROOM];	/* the address QEMU listens on; "": every one */
	bool allow_passthrough;		/* its XML may have arguments for QEMU's command line */
	cf_span timeout;		/* for all of it: QEMU is started */
};

/*
 * Make a QEMU ready to take the domain in.  The offer comes from a peer: its XML
 * is of that domain, with an emulator that libvirt knows here, and where QEMU is to
 * listen is TCP, or it is refused (-EINVAL, CF_PEER).  -EBUSY (CF_CONFLICT): the domain is
 * active here.  Given up at the timeout; whatever becomes of it then is
 * destroyed.  *answer is the caller's to clear.
 */
int incoming_prepare(struct virt *virt, const struct drive_offer *offer, const struct incoming_options *options,
		     struct incoming **ret, struct drive_answer *answer, struct cf_error *err);

/* Was a domain of that uuid defined here before?  Then libvirt may have replaced that definition. */
bool incoming_was_defined(struct incoming *incoming);

/* Its connection is not known to have ended.  Never blocks. */
bool incoming_alive(struct incoming *incoming);

/*
 * Before it is told to run: the cookie that the source had at its gate brings what the next start here goes by, which
 * is refused as an offer's XML would be (-EINVAL, CF_PEER).
 */
int incoming_check(struct incoming *incoming, const void *cookie, size_t cookie_size, cf_mono deadline,
		   struct cf_error *err);

struct incoming_end {
	bool runs;		/* libvirt says that the guest runs here now; or stands paused, as it was to */
	const void *cookie;	/* for settle() at the source; the struct incoming's own, and a secret */
	size_t cookie_size;
	cf_mono asked;
	cf_mono answered;
	int code;		/* libvirt's virErrorNumber, 0 when there is none */
	struct cf_error error;	/* why it does not run */
};

/*
 * What comes of it: run, with the cookie that the source had at its gate, or end (cookie NULL): then the
 * incoming domain is destroyed, as closing it would, but by the time this returns.
 *
 * 0: libvirt answered, *ret says what.  That it does not run after it was told to does not
 * mean that it never did: what QEMU's events saw counts (guest_events.landed).
 * -ETIMEDOUT: no answer by the deadline; it may run at any moment, and asking again only waits for
 * that answer.  -ENOTCONN: the connection ended before the answer: nobody knows.
 */
int incoming_finish(struct incoming *incoming, bool run, const void *cookie, size_t cookie_size, cf_mono deadline,
		    struct incoming_end *ret, struct cf_error *err);

/* Was libvirt told by incoming_finish(), or will it be at any moment? */
bool incoming_is_told(const struct incoming *incoming);

/*
 * Somebody pauses, or resumed, the guest at the source since it was offered: how it is to
 * stand here; before incoming_finish().
 */
void incoming_pause(struct incoming *incoming, bool paused);

/* Closes its connection; should libvirtd hang, without waiting for it. */
struct incoming *incoming_free(struct incoming *incoming);
CF_DEFINE_AUTO(struct incoming *, incoming_free)
