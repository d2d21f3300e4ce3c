/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The blackout QEMU aims at while it copies: low at first, and raised only when the
 * copy gets no further below what it is.
 *
 * QEMU goes through the memory again and again, each pass sending what the guest wrote
 * during the one before, and stops the guest when what is left would take no longer than
 * the target.  So a pass lasts as long as the blackout would have been that QEMU did not
 * yet accept.  Passes that get shorter lead there by themselves.  Where they do not, the
 * shortest of them is what this guest allows on this network, and the target becomes that.
 */

#include <stddef.h>

#include "proto/time.h"

/* Where the target begins, and beyond which it never goes; most is not below first. */
struct cf_ramp_rules {
	cf_span first, most;
};

struct cf_ramp {
	cf_span target;		/* in force */
	int64_t raises;
	bool begun;
	int64_t pass;		/* the one under way */
	cf_mono pass_at;	/* since when */
	bool has_least;
	cf_span least;		/* the shortest pass since the last raise */
	int64_t in_vain;	/* passes since that one */
};

/*
 * Where it begins: as set, else (0) at 10 ms.  A guest that QEMU emulates itself begins at
 * QEMU's own default: its vCPU's thread may be about to write to a page when that is looked
 * at and sent, and what it writes then is lost (TCG, QEMU 7.2).  Each pass is a chance of
 * that: a guest that wrote 20 MB/s was found dead after its 11th "virsh migrate" at 10 ms,
 * beside two busy loops on two cores.
 */
cf_span cf_ramp_first(cf_span set, bool emulated);

/*
 * What is left of the limit for the memory, where this pair of hosts has needed `above`
 * beyond it: device state, hand-over, RESUME.  Without a past, half of it.
 */
struct cf_ramp_rules cf_ramp_rules(cf_span first, cf_span limit, bool has_above, cf_span above);

void cf_ramp_begin(struct cf_ramp *ramp, const struct cf_ramp_rules *rules);

/*
 * Pass number `pass` (the first is 1) had begun when looked at, at `at`; one look may be
 * several passes later than the one before.  True when the target was raised.
 *
 * The target only ever grows, by a quarter at least, so that it is at most after some
 * twenty raises, each after a few passes; whether a copy that has not converged by then is
 * to go on is not decided here (policy/watch.h).
 */
bool cf_ramp_pass(struct cf_ramp *ramp, const struct cf_ramp_rules *rules, int64_t pass, cf_mono at);

/* The pass under way is no measure: QEMU aims at something else than the target for a while. */
void cf_ramp_skip(struct cf_ramp *ramp);

/* How a copy ended that has landed. */
struct cf_ramp_end {
	cf_span blackout;	/* at the most */
	bool has_expected;
	cf_span expected;	/* QEMU's last word of what the memory that was left would take */
	bool has_so_far;
	cf_span so_far;		/* until the destination had everything, at the most; known at a gate */
};

/*
 * What was needed above the target: rather too much than too little.  QEMU's word may be old,
 * so that it counts up to the target, and what came after the memory counts whatever it said.
 */
cf_span cf_ramp_above(const struct cf_ramp *ramp, const struct cf_ramp_rules *rules, const struct cf_ramp_end *end);

/* What one migration of a pair needed above its target.  A mishap: it was let go, and stood still beyond its limit. */
struct cf_ramp_past {
	cf_span above;
	bool mishap;
	cf_real at;		/* when its guest stood still */
};

/*
 * What the next one will need, as the n last ones have it: the most of them, but for mishaps.  A libvirtd that hung
 * once, whatever number of guests it had, would have every one refused from then on, and so nothing newer learnt.
 * Where there are mishaps alone, more than one, the pair may always need more than it may: then they are what is
 * expected, for an hour after the last, until one that is let go shows whether it is still so.
 * False when nothing is known; ret is untouched then.
 */
bool cf_ramp_expect(const struct cf_ramp_past *last, size_t n, cf_real now, cf_span *ret);
