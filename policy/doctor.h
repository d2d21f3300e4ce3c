/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a host is, by what can be seen of it: the vital signs that `clockferry
 * doctor` shows.  Pure; the daemon gathers the evidence.
 */

#include "proto/doctor.h"
#include "proto/guard.h"
#include "proto/report.h"

#define CF_RIVALS_MAX    8
#define CF_EXPIRES_SOON  (30 * CF_DAY)	/* a certificate that ends sooner wants to be renewed */
#define CF_LIBVIRT_LEAST 9000000	/* as libvirt counts: 9.0.0 */
#define CF_QEMU_LEAST    7002000

/* A file with a time to live: a certificate, a revocation list. */
struct cf_shelf_life {
	bool known;			/* false: it was not given, or could not be read, which is told elsewhere */
	cf_real from, until;
};

/* libvirt's hook, for migrations that others drive. */
struct cf_hook_evidence {
	enum cf_guard_mode mode;
	bool installed;			/* false: nothing below means anything */
	cf_real since;
	char broken[CF_DETAIL_ROOM];	/* why it cannot be run; "" when it can */
	char untold[CF_DETAIL_ROOM];	/* the file in which it does not find this agent's settings; "" */
	bool has_began;
	cf_real began;			/* when the daemon did that runs hooks */
	char daemon[32];
	cf_real loaded;			/* when that was told to look for hooks again; zeroed: never */
	cf_real asked;			/* when the hook last asked this agent; the same */
};

struct cf_host_evidence {
	cf_real now;

	/* the agent */
	char agent[CF_DETAIL_ROOM];	/* "clockferryd 1.2" */
	char settings_fault[CF_DETAIL_ROOM];
	int64_t hung_calls;
	char socket[CF_DETAIL_ROOM];	/* its path, and for whom it is: "/run/..., group clockferry" */
	bool socket_for_operators;
	char runtime[CF_DETAIL_ROOM];	/* the folder */
	char runtime_why[CF_DETAIL_ROOM];	/* why it cannot be written, "" when it can; so all that end in _why */
	char ledger[CF_DETAIL_ROOM];	/* its path */
	char ledger_why[CF_DETAIL_ROOM];
	char ledger_lost[CF_DETAIL_ROOM];	/* what became of one that was damaged or gone; "": it was not */

	/* its clock */
	struct cf_report report;
	cf_span fresh;			/* for so long an answer of chronyd counts as news */
	size_t n_rivals;
	char rivals[CF_RIVALS_MAX][64];	/* "systemd-timesyncd (pid 17)": who steers it beside chronyd */

	/* its guests */
	bool libvirt;			/* connected */
	char libvirt_why[CF_DETAIL_ROOM];
	char versions[CF_DETAIL_ROOM];	/* "libvirt 9.0.0, QEMU 7.2.22" */
	int64_t libvirt_version;	/* as libvirt counts; 0: not known */
	int64_t emulator_version;
	char driver[32];
	char cut_why[CF_DETAIL_ROOM];	/* why connections cannot be cut */
	char late_why[CF_DETAIL_ROOM];	/* why that may be late */
	char driver_lacks[CF_DETAIL_ROOM];	/* the first file that it needs and that is not there; "" */
	bool driver_spare;		/* it is needed only where agents cannot stand at the gate */
	struct cf_hook_evidence hook;
	bool has_kvm;			/* guests that run under KVM have counters that matter */
	char counters_why[CF_DETAIL_ROOM];
	bool guests_known;		/* what follows is */
	int64_t n_guests;		/* that run */
	int64_t n_agentless;		/* of them, without a connected guest agent */
	char agentless[CF_DETAIL_ROOM];	/* their names, as many as there is room for */

	/* its peers */
	char listening_why[CF_DETAIL_ROOM];
	struct cf_shelf_life certificate, ca, crl;
	char key[CF_DETAIL_ROOM];	/* the file; "": not looked at */
	bool key_open;			/* others than the agent and root may read it */
	bool has_peer_role;		/* some certificate may have it, by the settings */
};

/* Appends a vital sign for each thing of the evidence that is known; what is not applicable is left out. */
void cf_doctor(const struct cf_host_evidence *evidence, struct cf_vitals *vitals);

/*
 * Then its peers, as they are seen now, page by page; none of the pages is empty.  *n: how many there were, 0 to begin
 * with.  Where there is not room for all of them, those that are well make way.
 */
void cf_doctor_peers(const struct cf_peers *page, size_t *n, struct cf_vitals *vitals);
