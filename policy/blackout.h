/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The blackout: from the guest's last instruction on the source to its first
 * on the destination.
 *
 *	blackout = raw_dst(RESUME) - raw_src(STOP) - raw offset
 *
 * QEMU stamps STOP after the vCPUs have stopped and RESUME before they run, so
 * both lie inside the blackout: slack is what each may hide.
 */

#include "proto/time.h"

/*
 * A QEMU event stamp (REALTIME, truncated to microseconds) turned into RAW with
 * the pair read when the event was handled.  How far REALTIME - RAW may have moved
 * from the stamp to the handling (slew_ppm, CF_SLEW_PPM where nothing better is
 * known) and the stamp's own resolution are in ret's width: the event, and the
 * moment at which REALTIME was `stamp`, lie within raw +- width / 2.  Returns
 * false, ret untouched, when the stamp lies after the handling, or more than 10 s
 * before: the clock was stepped, or the stamp is not what it claims.  A smaller
 * step back or a step forward between the two cannot be seen here: a caller that
 * knows of one must not use the stamp.
 */
bool cf_stamp_raw(cf_real stamp, struct cf_instant handled, double slew_ppm, struct cf_instant *ret);

/*
 * stop and resume on their own hosts' clocks (their width is their
 * uncertainty), raw = raw_dst - raw_src, true at either of them or between.  The
 * result is in true seconds: what an undisciplined oscillator of 250 ppm makes of
 * them is in it.  The low end is never below 0.  Returns false, ret untouched, when
 * RESUME lies before STOP whatever the uncertainties: one of the two is not what
 * it claims, and the blackout is not measured.
 */
bool cf_blackout(struct cf_instant stop, cf_span stop_slack, struct cf_instant resume, cf_span resume_slack,
		 struct cf_interval raw, struct cf_interval *ret);

/*
 * Is the host offset in libvirt's "total downtime"?  It subtracts the source's wall
 * clock from the destination's, both cut to whole milliseconds, so the offset goes
 * straight into it (libvirt qemuDomainJobDataUpdateDowntime).  Not when the destination
 * was surely behind by more than the blackout: then libvirt has dropped what it came to,
 * and shows what QEMU counted at the source ("downtime" of query-migrate).
 */
bool cf_libvirt_downtime_mixed(struct cf_interval blackout, struct cf_interval host_offset);
