/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/terms.h"

#include <stdio.h>
#include <string.h>

void terms_own(const struct settings *settings, const char *chosen, const char *requested, struct own_terms *ret)
{
	const struct settings_policy *in_use = settings_policy(settings, "");
	const struct settings_policy *own = chosen && *chosen ? settings_policy(settings, chosen) : NULL;
	const struct settings_policy *besides = requested ? settings_policy(settings, requested) : NULL;
	struct cf_both_limits both;

	*ret = (struct own_terms){
		.fault = settings->fault,
		.domains_choice = own,
		.missing = { chosen && !own ? chosen : NULL, requested && !besides ? requested : NULL },
	};
	if (!own)
		own = in_use;
	cf_limits_both(&own->limits, settings->host, besides ? &besides->limits : &own->limits, settings->host,
		       &both);
	ret->limits = both.limits;
	ret->policy = own->name;
}

void terms_object(const struct own_terms *own, const char *host, const struct cf_both_limits *limits,
		  struct cf_findings *findings)
{
	static const char *const who[] = { "the domain's metadata names", "the request names" };

	struct cf_finding *finding;

	if (*own->fault) {
		finding = cf_findings_add(findings, limits, CF_FINDING_SETTINGS_INVALID, host);
		if (finding)
			snprintf(finding->detail, sizeof(finding->detail), "%s", own->fault);
		return;
	}
	for (size_t i = 0; i < CF_COUNT(own->missing); i++) {
		if (!own->missing[i])
			continue;
		finding = cf_findings_add(findings, limits, CF_FINDING_POLICY_UNKNOWN, host);
		if (finding)
			snprintf(finding->detail, sizeof(finding->detail), "%s '%s'", who[i], own->missing[i]);
	}
}

bool terms_honour(const struct settings *settings, const struct cf_reservation *reservation)
{
	return settings->accept_override && reservation->has_requester &&
	       strcmp(reservation->requester.role, cf_role_name(CF_ROLE_ADMIN)) == 0;
}

void terms_override(const struct cf_reservation *reservation, const struct cf_lease *lease, struct cf_both_limits *limits)
{
	if (lease->override_accepted)
		cf_limits_override(limits, &reservation->override);
}
