/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * May a domain come in that another manager moves here?  Judged from what is in hand:
 * the answer keeps that manager waiting.
 */

#include "policy/gate.h"
#include "proto/guard.h"
#include "proto/peer.h"

struct cf_guard_evidence {
	enum cf_guard_mode mode;
	bool expected;			/* there is a lease for it */
	const struct cf_findings *own;	/* what speaks against this host alone: cf_gate_source() */
	size_t n_peers;			/* that are known */
	bool some_open;			/* the gate to one of them is open */
	const struct cf_peer *closed;	/* one whose gate is closed; NULL: none, or not known */
};

/*
 * Fill *ret.  A domain with a lease was judged already.  Any other needs a good clock
 * here, and a gate that is open to some host it may come from: which one it is libvirt
 * does not tell.  On a host that knows no others only its own clock counts.
 */
void cf_guard(const struct cf_guard_evidence *evidence, struct cf_guard_answer *ret);
