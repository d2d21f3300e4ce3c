/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's own clock, through its guest agent.
 *
 * libvirt waits for a guest agent without end, and what it is told to wait is a
 * property of the domain that others see: each call runs on a helper thread and
 * is given up at our deadline.  While a call that was given up has not
 * returned, the same guest is not asked again (-EALREADY).  Nothing is asked while
 * libvirt says that the agent's channel is not connected (-ENOTCONN).
 */

#include "daemon/virt/connect.h"
#include "proto/record.h"

/*
 * Guest CLOCK_REALTIME - this host's, the intersection of up to `rounds`
 * readings (virDomainGetTime between two readings of our clocks), or of as
 * many as fit before the deadline; at least one, and more while all answers are
 * the same (of a clock that is told by ticks), for as long as a tick lasts.  ret->at is the host's clocks
 * at the end of the last round, ret has no rate.
 *
 * -EPROTO when what the guest says cannot be: a time before 2000 or after
 * 2200, a clock that goes back between two rounds, stands still, or jumps by more
 * than the rounds allow for.
 */
int guest_offset_read(struct virt_link *link, const char *uuid, int rounds, cf_mono deadline,
		      struct cf_guest_offset *ret, struct cf_error *err);

/*
 * Step the guest's CLOCK_REALTIME (virDomainSetTime) so that it reads `to` at
 * our instant `at`: what has passed since `at` when the request leaves is
 * added here, its way to the guest by the caller.  *took, from the request to
 * its answer or to the deadline, is set in any case.  What this returns
 * says nothing about the clock: the guest sets it before it runs hwclock, and
 * libvirt wants a job after the guest has set it.  Read back always.
 */
int guest_time_set(struct virt_link *link, const char *uuid, cf_real to, cf_mono at, cf_mono deadline,
		   cf_span *took, struct cf_error *err);
