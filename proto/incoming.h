/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the source's agent says to the destination's for one migration.
 *
 *	PUT  /v1/incoming/{id}          cf_reservation -> cf_lease
 *	PUT  /v1/incoming/{id}/record   cf_record      -> cf_accepted
 *	PUT  /v1/incoming/{id}/counters cf_counters    -> cf_accepted: proto/counters.h
 *	GET  /v1/incoming/{id}          -> cf_landing
 *	POST /v1/incoming/{id}/prepare  and /commit: proto/commit.h
 *	POST /v1/incoming/{id}/close    cf_closing     -> cf_accepted
 *
 * Each may be repeated; only the host whose certificate made the reservation
 * may speak of it.
 */

#include "proto/receipt.h"

/* May this domain come in?  With dry_run the answer is all that happens. */
struct cf_reservation {
	char domain[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	char source[CF_HOST_ROOM];
	char destination[CF_HOST_ROOM];	/* as the source calls it */
	bool dry_run;
	char driver[32];
	size_t n_labels;
	char labels[CF_LABELS_MAX][CF_LABEL_ROOM];
	bool has_requester;
	struct cf_requester requester;	/* for whom the source vouches */
	bool has_persistence;
	struct cf_persistence persistence;
	struct cf_limits limits;	/* the source's own, as tight as the request wants them */
	struct cf_report report;	/* of the source's clock */
	bool has_policy;
	char policy[CF_POLICY_ROOM];	/* that the domain chose */
	bool has_requested;
	char requested[CF_POLICY_ROOM];	/* that the request named besides */
	bool has_override;
	struct cf_override override;
	bool has_passthrough;
	struct cf_passthrough passthrough;	/* of the XML that it would have there */
	bool has_hears_abort;
	bool hears_abort;		/* this agent calls its copy off when the landing says abort_asked */
};

struct cf_lease {
	bool granted;
	char host[CF_HOST_ROOM];	/* what the destination calls itself */
	struct cf_limits limits;	/* the destination's own */
	struct cf_report report;	/* of the destination's clock */
	char agent[32];
	char libvirt[32];
	char emulator[128];
	char kernel[128];
	size_t n_findings;		/* what speaks against it at the destination */
	struct cf_finding findings[16];
	bool has_policy;
	char policy[CF_POLICY_ROOM];	/* whose limits these are */
	bool has_override_accepted;
	bool override_accepted;		/* the findings that were overridden refuse nothing here either */
	bool has_gate;
	bool gate;			/* this agent can stand at the gate with the source's */
	bool has_gate_why;
	char gate_why[CF_DETAIL_ROOM];	/* why not */
	bool has_kvm;
	struct cf_kvm_offer kvm;
	bool has_passthrough_accepted;
	bool passthrough_accepted;	/* this agent lets that passthrough in at its gate */
};

/* The end of it, from the source: its receipt. */
struct cf_closing {
	struct cf_receipt receipt;
};

/* GET /v1/migrations/{id}/said: what the two had said of it, for the one that has lost that, while the source's receipt is not there. */
struct cf_said {
	struct cf_reservation reservation;
	struct cf_lease lease;
	bool has_record;
	struct cf_record record;	/* the newest that came */
};

struct cf_accepted {
	bool accepted;
};

extern const struct cf_shape cf_reservation_shape;
extern const struct cf_shape cf_lease_shape;
extern const struct cf_shape cf_closing_shape;
extern const struct cf_shape cf_said_shape;
extern const struct cf_shape cf_accepted_shape;
