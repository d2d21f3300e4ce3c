/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this host allows, and what can speak against a migration. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/digest.h"
#include "daemon/http/api.h"
#include "daemon/settings.h"
#include "proto/policy.h"

static void take_head(const struct settings *settings, const struct settings_policy *policy,
		      struct cf_policy_head *ret)
{
	snprintf(ret->name, sizeof(ret->name), "%s", policy->name);
	snprintf(ret->description, sizeof(ret->description), "%s", policy->description);
	snprintf(ret->origin, sizeof(ret->origin), "%s", policy->origin);
	ret->in_use = policy == settings_policy(settings, "");
	ret->limits = policy->limits;
	digest_limits(&policy->limits, ret->digest);
}

static int list_policies(struct api_job *job)
{
	struct cf_policies *policies = job->reply;

	for (size_t i = 0; i < job->settings->n_policies; i++)
		take_head(job->settings, &job->settings->policies[i], &policies->list[policies->n_list++]);
	return 0;
}

void api_policies(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_policies), list_policies, NULL);
}

static int look_at_policy(struct api_job *job)
{
	const struct settings_policy *policy = settings_policy(job->settings, job->subject);
	struct cf_policy *ret = job->reply;

	if (!policy)
		return cf_fail(&job->err, ENOENT, CF_NOT_FOUND, "there is no policy '%.64s' on %s", job->subject,
			       job->settings->host);
	take_head(job->settings, policy, &ret->policy);
	settings_policy_rows(policy, ret);
	return 0;
}

void api_policy(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_policy), look_at_policy, NULL);
}

void api_findings(void *userdata, struct http_exchange *x)
{
	struct cf_finding_kinds *kinds = calloc(1, sizeof(*kinds));

	if (kinds)
		cf_finding_kinds(kinds);
	api_reply_large(userdata, x, kinds);
}
