/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gathering the evidence for a decision: of the domain once, and of each
 * destination.  Policy judges it; nothing here has an opinion, and nothing is
 * changed anywhere.  Blocks: on a thread of its own.
 */

#include "daemon/act/context.h"
#include "daemon/peer/call.h"
#include "daemon/settings.h"
#include "daemon/virt/connect.h"
#include "policy/gate.h"
#include "policy/offset.h"
#include "proto/incoming.h"

struct gathered_domain {
	struct cf_report report;		/* this host's clock */
	struct cf_domain_evidence evidence;
	struct cf_guest_clock guest;		/* meaningful where evidence.guest is not NULL */
	struct cf_options options;		/* as they would be used */
	struct cf_software software;
	bool libvirt;				/* it could be asked at all */
	char libvirt_why[CF_DETAIL_ROOM];
};

/* A destination whose libvirt does not answer it says so after ten seconds; one that is gone itself takes CALL_CONNECT at most. */
#define GATHER_PATIENCE ((cf_span){ 12 * CF_S })

/* Of which destination, and on which terms. */
struct gather_ask {
	const char *id;				/* of the migration that this is to become, or of none */
	const char *destination;
	const struct cf_terms *terms;		/* zeroed where there are none */
	const struct cf_requester *requester;	/* NULL: nobody's that is known */
	bool check;				/* nothing is to come of it here */
	bool foreign;				/* somebody else has begun it: does the destination see it come in? */
	cf_span patience;			/* for its answer */
};

/* The other host, as it answered. */
struct gathered_pair {
	struct cf_reservation reservation;	/* as it was asked: a dry run */
	bool has_lease;
	struct cf_lease lease;
	struct cf_offset offset;		/* RAW destination - RAW source */
	char boot[CF_BOOT_ROOM];
	bool has_host_offset;
	struct cf_interval host_offset;		/* REALTIME destination - source, now */
	char offset_why[CF_DETAIL_ROOM];	/* why there is none, of a host that was asked */
	bool has_predicted_blackout;
	cf_span predicted_blackout;
	bool has_lever;
	enum cf_lever lever;			/* by which its clock would be made right */
	struct cf_policy_used policy;
	bool overridden;			/* the override of the terms is in force */
	struct cf_both_limits limits;
	struct cf_findings findings;		/* all of them: domain, pair, peer */
	bool open;				/* none of them refuses */
};

/* This host's clock report, with what only libvirt knows of its counter. */
void gather_report(const struct act_context *context, struct cf_report *ret);

/*
 * The domain and its guest's clock.  link may be NULL: then the guest is not
 * asked; so may wish, where nothing but the settings' options is wanted.  Never
 * fails: what could not be learnt is evidence too.  *ret points into itself.
 */
void gather_domain(const struct act_context *context, const struct settings *settings, struct virt_link *link,
		   const char *domain, const struct cf_options *wish, struct gathered_domain *ret);

/* The same of a domain that somebody else migrates: nothing is asked that they would have to wait for. */
void gather_domain_aside(const struct act_context *context, const struct settings *settings, struct virt_link *link,
			 const char *domain, struct gathered_domain *ret);

/*
 * The pair: a dry run of the reservation and `rounds` rounds over call, judged
 * together with the domain.  call is NULL for a destination that cannot be called at
 * all: `uncalled` says why, and that is a finding like one that does not answer.
 * The names that ret->limits points to are those of settings and ask.
 */
void gather_pair(const struct act_context *context, const struct settings *settings, struct call *call,
		 const struct cf_error *uncalled, const struct gathered_domain *domain, const struct gather_ask *ask,
		 struct gathered_pair *ret);

/* A guest's clock state for a person: all of the above, and what speaks against migrating it. */
int gather_guest_clock(const struct act_context *context, const struct settings *settings, const char *domain,
		       struct cf_guest_clock *ret, struct cf_error *err);

/* Can this host stand at a gate?  If not, why.  Never blocks. */
bool gather_gate(const struct act_context *context, struct cf_error *err);
