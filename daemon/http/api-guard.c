/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What libvirt's hook asks: may this domain come in, which another manager moves? */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/gather.h"
#include "daemon/act/terms.h"
#include "daemon/clock/kernel.h"
#include "daemon/http/api.h"
#include "daemon/log.h"
#include "daemon/peer/fleet.h"
#include "policy/guard.h"

/* This host alone, by the policy in use: which one the domain would choose the hook does not tell. */
static void look_at_own(struct api_job *job, struct cf_findings *findings)
{
	const struct settings *settings = job->settings;
	struct cf_report report;
	struct cf_pair_evidence pair = { .source = settings->host, .destination = settings->host,
					 .source_report = &report, .now = kernel_instant().real };
	struct cf_both_limits limits;
	struct own_terms own;

	terms_own(settings, NULL, NULL, &own);
	cf_limits_both(&own.limits, settings->host, &own.limits, settings->host, &limits);
	terms_object(&own, settings->host, &limits, findings);
	gather_report(job->api->context, &report);
	cf_gate_source(&pair, &limits, findings);
}

/* Page by page, until one of them is open; one that is not is kept, rather one that answers. */
static void look_at_peers(struct api_job *job, struct cf_peers *page, struct cf_peer *closed,
			  struct cf_guard_evidence *ret)
{
	while (!ret->some_open && fleet_next(job->api->context->fleet, page)) {
		ret->n_peers += page->n_list;
		for (size_t i = 0; i < page->n_list && !ret->some_open; i++) {
			ret->some_open = page->list[i].gate_open;
			if (ret->closed && (ret->closed->reachable || !page->list[i].reachable))
				continue;
			*closed = page->list[i];
			ret->closed = closed;
		}
	}
}

/* Nobody is asked for anything: it is done in time, whatever else the agent waits for, as the hook does not wait long. */
static int judge(struct api_job *job)
{
	CF_AUTO(cf_free) struct cf_peers *page = calloc(1, sizeof(*page));
	CF_AUTO(cf_free) struct cf_peer *closed = calloc(1, sizeof(*closed));
	struct cf_findings own = { 0 };
	struct cf_guard_evidence evidence = { .mode = job->settings->guard.mode, .own = &own };

	if (!page || !closed)
		return cf_fail(&job->err, ENOMEM, CF_HOST, "out of memory");
	look_at_own(job, &own);
	look_at_peers(job, page, closed, &evidence);
	cf_guard(&evidence, job->reply);
	return 0;
}

static void answer(struct api_job *job)
{
	const struct cf_guard_request *request = job->body;
	const struct cf_guard_answer *reply = job->reply;
	const char *domain = *request->domain ? request->domain : request->uuid;

	if (!reply->let_in)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_GUARD_REFUSED, .domain = domain),
				  "another manager's migration of %s to this host was refused: %s", domain, reply->text);
	else if (*reply->text)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_GUARD_OBSERVED, .domain = domain),
				  "another manager's migration of %s to this host would be refused: %s", domain,
				  reply->text);
	http_reply(job->x, reply);
}

void api_guard(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	const struct cf_guard_request *request = http_body(x);
	const struct cf_guard_evidence at_once = {
		.mode = api->context->settings->guard.mode,
		.expected = request->has_uuid && migrations_expects(api->migrations, request->uuid),
	};
	struct cf_guard_answer reply;

	api->hook_asked = kernel_instant();
	if (at_once.mode != CF_GUARD_OFF && !at_once.expected) {
		api_work_besides(api, x, sizeof(struct cf_guard_answer), judge, answer);
		return;
	}
	cf_guard(&at_once, &reply);
	http_reply(x, &reply);
}
