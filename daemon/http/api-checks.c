/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Would it be allowed?  Checks, and the terms of a request. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/act/gather.h"
#include "daemon/http/api.h"
#include "daemon/peer/fleet.h"
#include "daemon/settings.h"
#include "daemon/worker.h"
#include "proto/check.h"

#define LINK_PATIENCE  ((cf_span){ 5 * CF_S })
#define CHECKS_AT_ONCE 16	/* destinations: those that do not answer must not add up */

#define NO_MIGRATION "00000000-0000-4000-8000-000000000000"	/* the id a dry run is asked under */

/* --- the terms of a request --- */

/* An override names what it is about, and why; what cannot be overridden is no part of it. */
static int override_check(const struct http_exchange *x, const struct cf_override *override, struct cf_error *err)
{
	if (!(http_caller(x)->roles & CF_ROLE_ADMIN))
		return cf_fail(err, EACCES, CF_FORBIDDEN, "terms.override: that takes the role admin");
	if (override->n_findings == 0 || !*override->reason)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "terms.override: it needs findings and a reason");

	for (size_t i = 0; i < override->n_findings; i++) {
		enum cf_finding_code code = cf_finding_from_name(override->findings[i]);

		if (code == CF_FINDING_UNKNOWN || cf_finding_always_refuses(code))
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "terms.override.findings[%zu]: %s '%s'%s", i,
				       code == CF_FINDING_UNKNOWN ? "there is no finding" : "the finding",
				       override->findings[i],
				       code == CF_FINDING_UNKNOWN ? "" : " cannot be overridden");
	}
	return 0;
}

int api_terms_check(const struct api *api, const struct http_exchange *x, const struct cf_terms *terms,
		    struct cf_error *err)
{
	if (terms->has_policy && !settings_policy(api->context->settings, terms->policy))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "terms.policy: there is no policy '%s' on %s; `clockferry policy` lists them", terms->policy,
			       api->context->settings->host);
	return terms->has_override ? override_check(x, &terms->override, err) : 0;
}

/* --- checks --- */

/* What all destinations of a check have in common. */
struct checking {
	struct api_job *job;
	struct gathered_domain *domain;
	struct cf_check_request request;	/* with all destinations spelled out */
};

static void check_one(void *userdata, size_t i)
{
	const struct checking *all = userdata;
	struct cf_checks *checks = all->job->reply;
	const struct gather_ask ask = { NO_MIGRATION, all->request.destinations[i], &all->request.terms, &all->job->requester,
					.check = true, .patience = GATHER_PATIENCE };
	struct cf_check *ret = &checks->list[i];
	CF_AUTO(cf_free) struct gathered_pair *pair = calloc(1, sizeof(*pair));
	struct fleet *fleet = all->job->api->context->fleet;
	struct cf_error uncalled = { 0 };
	struct fleet_loan loan;

	snprintf(ret->destination, sizeof(ret->destination), "%s", ask.destination);
	if (!pair)
		return;		/* not allowed, and without memory there is nothing to add */

	fleet_lend(fleet, ask.destination, &loan, &uncalled);
	gather_pair(all->job->api->context, all->job->settings, loan.call, &uncalled, all->domain, &ask, pair);
	fleet_take_back(fleet, ask.destination, &loan);
	ret->allowed = pair->open;
	ret->has_host_offset = ret->has_offset_half_width = pair->has_host_offset;
	ret->host_offset = pair->host_offset;
	ret->offset_half_width = cf_interval_half(pair->host_offset);
	ret->has_predicted_blackout = pair->has_predicted_blackout;
	ret->predicted_blackout = pair->predicted_blackout;
	ret->max_blackout = pair->limits.limits.max_blackout;
	ret->has_lever = pair->has_lever;
	ret->lever = pair->lever;
	ret->has_policy = ret->has_would_refuse = true;
	ret->policy = pair->policy;
	ret->would_refuse = cf_gate_would_refuse(&pair->findings, true);
	ret->n_findings = pair->findings.n_list;
	memcpy(ret->findings, pair->findings.list, pair->findings.n_list * sizeof(*ret->findings));
}

/* Every known peer, page by page. */
static void name_destinations(struct checking *all, const struct cf_page_query *page)
{
	struct cf_check_request *request = &all->request;
	struct cf_checks *checks = all->job->reply;
	size_t n = fleet_names(all->job->api->context->fleet, page->cursor, request->destinations,
			       api_limit(page, CF_DESTINATIONS_MAX), &checks->has_next);

	request->n_destinations = n;
	if (checks->has_next)
		snprintf(checks->next, sizeof(checks->next), "%s", request->destinations[n - 1]);
}

static int check(struct api_job *job)
{
	const struct act_context *context = job->api->context;
	CF_AUTO(cf_free) struct gathered_domain *domain = calloc(1, sizeof(*domain));
	CF_AUTO(cf_free) struct checking *all = malloc(sizeof(*all));
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	struct cf_checks *checks = job->reply;

	if (!domain || !all)
		return cf_fail(&job->err, ENOMEM, CF_HOST, "out of memory");

	*all = (struct checking){ job, domain, *(const struct cf_check_request *)job->body };
	if (all->request.n_destinations == 0)
		name_destinations(all, job->query);
	virt_link_open(context->virt, LINK_PATIENCE, &link, &job->err);
	gather_domain(context, job->settings, link, all->request.domain,
		      all->request.has_options ? &all->request.options : NULL, domain);

	snprintf(checks->domain, sizeof(checks->domain), "%s", all->request.domain);
	snprintf(checks->uuid, sizeof(checks->uuid), "%s", domain->guest.uuid);
	checks->n_list = all->request.n_destinations;
	worker_each(checks->n_list, CHECKS_AT_ONCE, check_one, all);
	return 0;
}

void api_checks(void *userdata, struct http_exchange *x)
{
	const struct cf_check_request *request = http_body(x);
	struct cf_error err = { 0 };

	if (api_terms_check(userdata, x, &request->terms, &err) < 0)
		http_fail(x, &err);
	else
		api_work(userdata, x, sizeof(struct cf_checks), check, NULL);
}
