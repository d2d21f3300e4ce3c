/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What this host's own settings say to the terms on which a migration is asked
 * for: which of its policies apply, and whether an override does.  Both hosts
 * ask themselves, and the stricter of their limits applies.
 */

#include "daemon/settings.h"
#include "policy/gate.h"
#include "proto/incoming.h"

#define TERMS_REQUEST "the request"	/* whose a limit is that the request has tightened */

/* Pure: names point into settings, and at what was given. */
struct own_terms {
	struct cf_limits limits;	/* of the two policies the stricter of each */
	const char *policy;		/* the domain's choice, or the one in use */
	bool domains_choice;
	const char *fault;		/* of the settings: what stands above means nothing then; "" for none */
	const char *missing[2];		/* named by the domain, by the request: there is no such policy here; or NULL */
};

/* chosen by the domain, requested besides: NULL for none. */
void terms_own(const struct settings *settings, const char *chosen, const char *requested, struct own_terms *ret);

/* A finding for each policy that is missing on this host; for settings that have a fault, that alone. */
void terms_object(const struct own_terms *own, const char *host, const struct cf_both_limits *limits,
		  struct cf_findings *findings);

/* At the destination: what it honours of what another host's administrator has overridden. */
bool terms_honour(const struct settings *settings, const struct cf_reservation *reservation);

/* What is overridden, where the lease says that it is honoured, into the limits of both. */
void terms_override(const struct cf_reservation *reservation, const struct cf_lease *lease, struct cf_both_limits *limits);
