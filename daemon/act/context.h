/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every act may use.  All of it may be called from any thread, but for the
 * settings: a reload replaces them, so whoever leaves the loop's thread takes
 * settings_hold() of them along.
 */

struct call_tls;
struct fleet;
struct ledger;
struct marks;
struct loop;
struct reporter;
struct settings;
struct virt;
struct watchdog;

struct act_context {
	struct loop *loop;
	struct settings *settings;
	struct reporter *reporter;
	struct virt *virt;
	struct watchdog *dog;	/* or NULL: then nothing is cut */
	struct fleet *fleet;
	struct ledger *ledger;
	struct marks *decisions;	/* /run: of commits that we decide; NULL, like promises: there is no gate */
	struct marks *promises;		/* beside the ledger: of those that we obey */
	char gate_why[240];		/* why there is none; "" */
};
