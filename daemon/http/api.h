/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The handlers behind the routes.  Each is short: take the request apart, ask
 * whoever knows, answer.  What blocks goes to a thread of its own first.
 */

#include "daemon/act/context.h"
#include "daemon/act/migrations.h"
#include "daemon/http/exchange.h"
#include "proto/page.h"

struct server;

struct api {
	struct act_context *context;
	struct migrations *migrations;
	struct server *server;			/* for health; set once it exists */
	char settings_fault[CF_DETAIL_ROOM];	/* "" when the file is in force as it is */
	char boot[CF_UUID_ROOM];
	struct cf_instant hook_asked;		/* the last time libvirt's hook did; zeroed before the first */
};

/* One per enum cf_route_id; their userdata is a struct api. */
extern http_handler *const api_handlers[CF_N_ROUTES];

/* api-host.c */
http_handler api_health, api_doctor, api_version, api_clock, api_probe, api_peers, api_peer, api_domains, api_domain_clock;

/* api-policies.c */
http_handler api_policies, api_policy, api_trial, api_findings;

/* api-migrations.c */
http_handler api_checks, api_migrate, api_migrations, api_migration, api_receipt, api_abort,
	api_resolve, api_quiesce;

/* api-past.c: the answer to those of these routes that name one, which the agent no longer has at hand */
http_handler api_past;

/* api-guard.c */
http_handler api_guard;

/* api-incoming.c */
http_handler api_reserve, api_record, api_counters, api_landing, api_close;

/* api-gate.c: the same, of a driver with a gate */
http_handler api_prepare, api_commit;

/* The migration that the caller itself reserved under the id in the path; answers itself when it has ended, or is none. */
struct migration *api_reserved(struct api *api, struct http_exchange *x);

/*
 * A request whose answer takes a thread: work fills reply (of the route's reply
 * shape, size bytes, zeroed before) or err; the answer follows from what it
 * returns.
 */
struct api_job {
	struct api *api;
	struct settings *settings;		/* held while it lasts */
	struct http_exchange *x;
	enum cf_route_id route;
	int (*work)(struct api_job *job);	/* may be NULL */
	void (*finish)(struct api_job *job);	/* instead of the plain answer; may be NULL */
	const struct http_caller *caller;
	char subject[CF_NAME_ROOM];		/* segment 0 of the path */
	const void *body, *query;		/* the request's messages */
	struct cf_requester requester;
	void *reply;
	char *text;				/* the reply as it is sent */
	int result;
	struct cf_error err;
};

void api_work(struct api *api, struct http_exchange *x, size_t reply_size, int (*work)(struct api_job *job),
	      void (*finish)(struct api_job *job));

/* The same for work that waits for nobody: it is done however many other requests are being worked on. */
void api_work_besides(struct api *api, struct http_exchange *x, size_t reply_size, int (*work)(struct api_job *job),
		      void (*finish)(struct api_job *job));

/* The same with a reply that was begun on the loop, which it takes over; NULL: there was no memory for it. */
void api_work_on(struct api *api, struct http_exchange *x, void *reply, int (*work)(struct api_job *job));

/* Answer with a reply that may be large, which it takes over; NULL: there was no memory for it. */
void api_reply_large(struct api *api, struct http_exchange *x, void *reply);

/* Who asks, by the role that lets them use the route; others they may have are not why. */
void api_name_requester(const struct api *api, const struct http_exchange *x, struct cf_requester *ret);

/* May the caller ask for something on these terms?  Fails with why not. */
int api_terms_check(const struct api *api, const struct http_exchange *x, const struct cf_terms *terms,
		    struct cf_error *err);

/* A host that may do no more than its part in migrations sees those alone, and when they are in the ledger. */
bool api_sees_all(const struct http_caller *caller);

/* How many elements the page is to have that was asked for, where a reply holds so many. */
size_t api_limit(const struct cf_page_query *page, size_t most);

void api_no_memory(struct http_exchange *x);
