/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this host allows, and what can speak against a migration. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/digest.h"
#include "daemon/http/api.h"
#include "daemon/ledger/ledger.h"
#include "daemon/settings.h"
#include "policy/past.h"
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
		return cf_fail(&job->err, ENOENT, CF_NOT_FOUND, "there is no policy '%.64s' on %s; `clockferry policy` lists them", job->subject,
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

/* --- a policy held against the past --- */

/* The one that is meant, of those that the file says something of. */
static const struct settings_policy *meant(const struct settings *read, const struct cf_trial_request *request,
					   struct cf_error *err)
{
	const struct settings_policy *found = NULL;

	for (size_t i = 0; i < read->n_policies; i++) {
		const struct settings_policy *policy = &read->policies[i];

		if (!*policy->origin || (request->has_policy && strcmp(policy->name, request->policy) != 0))
			continue;
		if (found) {
			cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s: which one, '%s' or '%s'?", request->file, found->name,
				policy->name);
			return NULL;
		}
		found = policy;
	}
	if (!found)
		cf_fail(err, ENOENT, CF_BAD_REQUEST, "%s: there is no policy%s%s in it", request->file,
			*request->policy ? " " : "", request->policy);
	return found;
}

static void take_migration(const struct cf_migration *migration, struct cf_trial_entry *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", migration->id);
	snprintf(ret->domain, sizeof(ret->domain), "%s", migration->domain);
	snprintf(ret->source, sizeof(ret->source), "%s", migration->source);
	snprintf(ret->destination, sizeof(ret->destination), "%s", migration->destination);
	snprintf(ret->was_because, sizeof(ret->was_because), "%s", migration->reason);
	ret->started = migration->started;
	ret->was = migration->has_outcome ? migration->outcome : CF_OUTCOME_UNKNOWN;
}

static void try_receipt(void *userdata, const struct cf_receipt *receipt)
{
	struct cf_trial *trial = userdata;
	struct cf_trial_entry entry = { .was = CF_OUTCOME_UNKNOWN };

	trial->receipts++;
	if (!receipt) {
		trial->unreadable++;
		return;
	}
	take_migration(&receipt->migration, &entry);
	cf_past_judge(receipt, &trial->limits, trial->policy, &entry);
	trial->allowed += entry.verdict == CF_VERDICT_ALLOWED;
	trial->refused += entry.verdict == CF_VERDICT_REFUSED;
	trial->unclear += entry.verdict == CF_VERDICT_UNCLEAR;
	if (!cf_past_differs(&entry))
		return;
	trial->differ++;
	if (trial->n_list < CF_COUNT(trial->list))
		trial->list[trial->n_list++] = entry;
}

static int try_policy(struct api_job *job)
{
	const struct cf_trial_request *request = job->body;
	cf_real now = kernel_instant().real;

	return ledger_each_receipt(job->api->context->ledger, cf_real_add(now, cf_span_neg(request->since)), try_receipt,
				   job->reply, &job->err);
}

/* Reading settings is the loop's: libconfuse has one lexer. */
void api_trial(void *userdata, struct http_exchange *x)
{
	const struct cf_trial_request *request = http_body(x);
	CF_AUTO(settings_free) struct settings *read = NULL;
	const struct settings_policy *policy = NULL;
	struct cf_trial *trial;
	struct cf_error err = { 0 };

	if (settings_try(request->file, request->text, &read, &err) == 0)
		policy = meant(read, request, &err);
	if (!policy) {
		http_fail(x, &err);
		return;
	}
	trial = calloc(1, sizeof(*trial));
	if (trial) {
		snprintf(trial->policy, sizeof(trial->policy), "%s", policy->name);
		trial->limits = policy->limits;
		digest_limits(&policy->limits, trial->digest);
	}
	api_work_on(userdata, x, trial, try_policy);
}
