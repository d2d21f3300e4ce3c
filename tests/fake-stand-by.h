/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * In place of what is around the destination that stands by, in the time of tests/fake-host.h: QEMU's events, libvirt
 * that holds the incoming domain, what has come of the source, and what this host has noted.
 */

#include "daemon/act/gated.h"
#include "daemon/act/where.h"
#include "daemon/act/work.h"

extern struct fake_stand_by {
	struct cf_commit *commit;	/* that has come */
	cf_mono loaded;			/* when QEMU says that it has everything */
	cf_mono lost;			/* when the connection is that holds the domain */
	cf_span silence;		/* of the source's agent */
	enum cf_mark mark;
	struct cf_answer answer;
	cf_span patience;		/* that libvirt was asked with about the commit's cookie */
	bool unfit;			/* it takes that for no good one */
	bool unnoted;			/* what is promised cannot be written down */
	enum cf_clock_state clock;	/* of this host */
	int held;			/* domains that wait here */
	cf_mono known;			/* when libvirtd says how its domain stands: */
	enum cf_here here;
	int looks;			/* so often it was asked */
	enum cf_decision told;		/* of libvirt, to let it run */
	bool runs;			/* it lets it run when it is told to */
	bool taken;			/* it is told, though it may never answer */
	char logged[200];		/* last */
	bool full;			/* a message is in the box that nobody takes */
} sim;
