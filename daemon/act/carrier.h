/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The carrier has the library in the source's QEMU keep the guest's clocks going should the
 * migration fail, and brings what it says of them to the other host: a point of the map every second
 * while memory is copied, and once more when the guest has stopped.
 *
 * It has a thread and a connection of its own, for the lookout's reasons.  The library is armed
 * for as long as the carrier lives, but while somebody has paused the guest, once that shows
 * (daemon/virt/switchover.h): then QEMU is to set the clock back to where it stopped; and because
 * its clocks are another map afterwards, nothing is told of them meanwhile.  Should this agent
 * end, the arming expires by itself, unless the next one finds it before that.
 */

#include "daemon/act/context.h"
#include "daemon/act/lookout.h"
#include "daemon/virt/events.h"
#include "daemon/virt/kvm-page.h"
#include "proto/base.h"
#include "proto/counters.h"

struct carrier;

struct carrier_options {
	const char *destination;
	const char *migration;			/* id */
	const struct cf_guest_clock *guest;	/* whose lever is kvm; copied */
	struct guest_watch *watch;		/* it and the lookout outlive the carrier */
	struct lookout *lookout;
	int64_t host_hz;			/* 0: not known */
	bool paused;				/* somebody had paused it before the watch began */
	bool again;				/* an agent before this one has armed it: that is kept up, and nothing told */
};

/* again: -ENOENT where nothing of this migration is armed. */
int carrier_new(struct carrier **ret, const struct act_context *context, const struct carrier_options *options,
		struct cf_error *err);

/* How far it is.  Any thread, without waiting. */
struct carrier_news {
	bool there;			/* the destination has a point of the map and every vCPU's counter, on arm64 since STOP */
	char why[CF_DETAIL_ROOM];	/* what kept the last one from it; "" nothing */
};
void carrier_read(struct carrier *carrier, struct carrier_news *ret);

/*
 * The library's newest capture of the guest that stands: its value is what travels, once all
 * is loaded.  false: none was made since the carrier began, or one was missed, whose value may be what travels.
 */
bool carrier_capture(struct carrier *carrier, struct cf_kvm_capture *ret);
enum cf_kvm_arch carrier_arch(const struct carrier *carrier);

/* What the library did when QEMU let the guest run on here; false: nothing that it has told of. */
bool carrier_kept(struct carrier *carrier, struct cf_counter_report *ret);

/* Ends it, for a moment at most, and disarms.  Returns NULL. */
struct carrier *carrier_free(struct carrier *carrier);

/* The same of a migration that the next agent goes on with: a guest that stands stays armed, until that expires. */
struct carrier *carrier_leave(struct carrier *carrier);
CF_DEFINE_AUTO(struct carrier *, carrier_free)
