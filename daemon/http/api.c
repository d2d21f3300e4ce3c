/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/settings.h"
#include "daemon/worker.h"
#include "proto/codec.h"

http_handler *const api_handlers[CF_N_ROUTES] = {
	[CF_ROUTE_HEALTH]       = api_health,
	[CF_ROUTE_DOCTOR]       = api_doctor,
	[CF_ROUTE_VERSION]      = api_version,
	[CF_ROUTE_CLOCK]        = api_clock,
	[CF_ROUTE_PROBE]        = api_probe,
	[CF_ROUTE_PEERS]        = api_peers,
	[CF_ROUTE_PEER]         = api_peer,
	[CF_ROUTE_DOMAINS]      = api_domains,
	[CF_ROUTE_DOMAIN_CLOCK] = api_domain_clock,
	[CF_ROUTE_POLICIES]     = api_policies,
	[CF_ROUTE_POLICY]       = api_policy,
	[CF_ROUTE_TRIAL]        = api_trial,
	[CF_ROUTE_FINDINGS]     = api_findings,
	[CF_ROUTE_CHECKS]       = api_checks,
	[CF_ROUTE_MIGRATE]      = api_migrate,
	[CF_ROUTE_MIGRATIONS]   = api_migrations,
	[CF_ROUTE_MIGRATION]    = api_migration,
	[CF_ROUTE_RECEIPT]      = api_receipt,
	[CF_ROUTE_SAID]         = api_past,
	[CF_ROUTE_ABORT]        = api_abort,
	[CF_ROUTE_RESOLVE]      = api_resolve,
	[CF_ROUTE_QUIESCE]      = api_quiesce,
	[CF_ROUTE_GUARD]        = api_guard,
	[CF_ROUTE_RESERVE]      = api_reserve,
	[CF_ROUTE_RECORD]       = api_record,
	[CF_ROUTE_COUNTERS]     = api_counters,
	[CF_ROUTE_LANDING]      = api_landing,
	[CF_ROUTE_PREPARE]      = api_prepare,
	[CF_ROUTE_COMMIT]       = api_commit,
	[CF_ROUTE_CLOSE]        = api_close,
};

static void job_free(struct api_job *job)
{
	settings_free(job->settings);
	free(job->reply);
	free(job->text);
	free(job);
}

/* What is large takes milliseconds to encode, in which the loop would answer nobody: that is for the thread too. */
static void run(void *userdata)
{
	struct api_job *job = userdata;

	if (job->work)
		job->result = job->work(job);
	if (job->result >= 0 && !job->finish)
		job->text = cf_encode(cf_routes[job->route].reply, job->reply, CF_MINOR);
}

static void answer(void *userdata)
{
	struct api_job *job = userdata;

	if (job->result < 0)
		http_fail(job->x, &job->err);
	else if (job->finish)
		job->finish(job);
	else
		http_reply_encoded(job->x, CF_TAKE(job->text));
	job_free(job);
}

/* One of worker.h's. */
typedef int runner(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg, struct cf_error *err);

static void begin(struct api *api, struct http_exchange *x, void *reply, int (*work)(struct api_job *job),
		  void (*finish)(struct api_job *job), runner *run_it)
{
	struct api_job *job = reply ? calloc(1, sizeof(*job)) : NULL;
	struct cf_error err = { 0 };

	if (!job) {
		free(reply);
		api_no_memory(x);
		return;
	}

	*job = (struct api_job){ .api = api, .x = x, .route = http_route(x), .work = work, .finish = finish,
				 .caller = http_caller(x), .body = http_body(x), .query = http_query(x), .reply = reply };
	job->settings = settings_hold(api->context->settings);
	api_name_requester(api, x, &job->requester);
	if (http_segment(x, 0))
		snprintf(job->subject, sizeof(job->subject), "%s", http_segment(x, 0));
	if (run_it(api->context->loop, run, answer, job, &err) < 0) {
		http_fail(x, &err);
		job_free(job);
	}
}

void api_work(struct api *api, struct http_exchange *x, size_t reply_size, int (*work)(struct api_job *job),
	      void (*finish)(struct api_job *job))
{
	begin(api, x, calloc(1, reply_size), work, finish, worker_run);
}

void api_work_besides(struct api *api, struct http_exchange *x, size_t reply_size, int (*work)(struct api_job *job),
		      void (*finish)(struct api_job *job))
{
	begin(api, x, calloc(1, reply_size), work, finish, worker_run_besides);
}

void api_work_on(struct api *api, struct http_exchange *x, void *reply, int (*work)(struct api_job *job))
{
	begin(api, x, reply, work, NULL, worker_run);
}

void api_reply_large(struct api *api, struct http_exchange *x, void *reply)
{
	begin(api, x, reply, NULL, NULL, worker_run);
}

void api_name_requester(const struct api *api, const struct http_exchange *x, struct cf_requester *ret)
{
	const struct http_caller *caller = http_caller(x);

	snprintf(ret->name, sizeof(ret->name), "%s", caller->name);
	snprintf(ret->role, sizeof(ret->role), "%s", cf_role_name(caller->roles & cf_routes[http_route(x)].roles));
	snprintf(ret->host, sizeof(ret->host), "%s", api->context->settings->host);
}

bool api_sees_all(const struct http_caller *caller)
{
	return caller->roles & (CF_ROLE_VIEWER | CF_ROLE_OPERATOR | CF_ROLE_ADMIN);
}

size_t api_limit(const struct cf_page_query *page, size_t most)
{
	return page->has_limit && (size_t)page->limit < most ? (size_t)page->limit : most;
}

void api_no_memory(struct http_exchange *x)
{
	struct cf_error err;

	cf_fail(&err, ENOMEM, CF_HOST, "out of memory");
	http_fail(x, &err);
}
