/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's clock across a migration: where it should be, how far it lags,
 * how to correct it.
 *
 * The guest's own time is carried, not its host's: a guest that was an hour
 * ahead on purpose stays an hour ahead.
 */

#include "proto/record.h"
#include "proto/receipt.h"

/*
 * One reading of a guest's clock: the host's clocks before and after the call, and
 * what the guest said in between (its resolution is microseconds at best).  The
 * guest offset lies within the result when the guest answered and still at `after`,
 * which is the `at` to store with it.  Should the host's REALTIME have been stepped
 * between the two, it is the offset against the new one, and RAW says how long the
 * call took.
 */
struct cf_interval cf_guest_reading(struct cf_instant before, cf_real guest, struct cf_instant after);

/*
 * The guest's offset at `now` (the clocks of the same host and boot), from an
 * earlier reading.  A guest's clock is one of its own: it runs on by RAW and its
 * measured rate with that rate's bound for as long as that was measured over, and by
 * +-500 ppm further on, or where no rate was measured: who steers it may end that;
 * and whatever the host's REALTIME did meanwhile, steps included, it did not follow.
 * A rate beyond 500 ppm is a guest that somebody slews or stepped: it may go on, or
 * have ended just after, and both are in the result.
 */
struct cf_interval cf_guest_offset_aged(const struct cf_guest_offset *reading, struct cf_instant now);

/*
 * A later reading, and what of the known one is true then, too: *fresh is what both allow, or stays as it
 * is where they contradict each other.  False when it adds nothing: one of a bad moment is so wide that it
 * has room for all of what the other says of the same instant.  What the known one says
 * by a rate counts for 10 s, and by +-500 ppm from then on: a guest may be steered otherwise since, and
 * readings that have room for that are news.
 */
bool cf_guest_offset_meet(const struct cf_guest_offset *known, struct cf_guest_offset *fresh);

/*
 * Rate of the guest's clock against its host's RAW from two readings at least 1 s
 * apart, on one host and boot, into the last; false, and it has none, when they are
 * too near for anything better than +-500 ppm, or the rate is none that a running
 * clock has (10 %).
 */
bool cf_guest_rate(const struct cf_guest_offset *first, struct cf_guest_offset *last);

/*
 * Where the guest offset should be against the destination's REALTIME:
 * what it was against the source's, minus (destination - source).
 */
struct cf_interval cf_guest_target(struct cf_interval offset_at_source, struct cf_interval host_offset);

/* measured - target: negative is a clock that lags.  Interval arithmetic, nothing assumed. */
struct cf_interval cf_guest_error(struct cf_interval measured, struct cf_interval target);

/*
 * How far the guest's REALTIME will fall behind, and from which clock that
 * follows (reference: QEMU 7.2 to 10.2, hw/i386/kvm/clock.c, target/i386/kvm,
 * target/arm/kvm.c; system/cpus.c):
 *	TCG		every clock stands still for the whole blackout
 *	KVM kvm-clock	loses from the second KVM_GET_CLOCK (end of copy) to RESUME: 0 .. blackout
 *	KVM tsc		loses from stop to load: 0 .. blackout
 *	KVM hpet, pm	the whole blackout
 *	KVM arm64	0 .. blackout, all of it unless kvm-no-adjvtime
 *	self-correcting	QEMU adds what passed on the two hosts' REALTIMEs, too much by the host
 *			offset; KVM never sets a clock back; hpet and pm as before
 * Unknown clocksource under KVM: 0 .. blackout.  host_offset is destination - source.
 * why says which rule it was.
 */
struct cf_interval cf_lag_predicted(const struct cf_guest_clock *guest, struct cf_interval blackout,
				    struct cf_interval host_offset, char why[static CF_DETAIL_ROOM]);

/*
 * How fast a guest's clock gains on where it should be, from readings of its error that
 * were made `since` after RESUME or later, with no step among them; the intersection of
 * what any two of them say.  False, ret untouched, when that is nothing better than
 * +-500 ppm, or they contradict each other: then somebody else set or slewed it.
 */
bool cf_guest_drift(const struct cf_residual *readings, size_t n, cf_span since, struct cf_rate *ret);

/*
 * By how much its frequency has changed with its host: what it gains on the one it is on now less what it gained on
 * the one before, and what the one gains on the other (cf_offset_rate()), without which the two cannot be compared.
 */
struct cf_rate cf_rate_step(struct cf_rate before, struct cf_rate after, struct cf_rate hosts);

/* What to do next about a guest's clock error. */
enum cf_correct { CF_CORRECT_NOT, CF_CORRECT_SLOW, CF_CORRECT_SET };

/*
 * error is the latest measured guest clock error, floor and mode policy's, slow how
 * long a call to its agent may take.
 * CF_CORRECT_SET with *by > 0 for a step forward that aims at the low end of
 * where the clock should be, so that it never overshoots; by < 0 only in mode
 * `step`, and never below it either.  CF_CORRECT_NOT, *by untouched, when the error
 * is below floor, may be 0, would need a step back that policy forbids, or mode is
 * `report`; why says which.
 *
 * A guest is told what time it is, never by how much to move: a request that comes
 * late by more than the step sets its clock back.  CF_CORRECT_SLOW, *by untouched,
 * where a step forward is no longer than slow and policy forbids to go back: a
 * quicker reading may allow it.
 */
enum cf_correct cf_correct_next(struct cf_interval error, enum cf_correction mode, cf_span floor, cf_span slow,
				cf_span *by, char why[static CF_DETAIL_ROOM]);
