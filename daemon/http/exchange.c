/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/exchange.h"

#include <string.h>

#include "daemon/http/internal.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/problem.h"
#include "proto/wipe.h"

enum cf_route_id http_route(const struct http_exchange *x)
{
	return x->route;
}

const char *http_segment(const struct http_exchange *x, size_t i)
{
	return x->segments[i];
}

const void *http_query(const struct http_exchange *x)
{
	return x->query;
}

void *http_body(struct http_exchange *x)
{
	return x->body;
}

const struct http_caller *http_caller(const struct http_exchange *x)
{
	return &x->caller;
}

cf_mono http_received(const struct http_exchange *x)
{
	return x->received;
}

void exchange_free(struct http_exchange *x)
{
	if (x->server)
		LIST_REMOVE(x, link);
	if (x->body)
		cf_message_clear(cf_routes[x->route].request, x->body);
	free(x->body);
	cf_wipe(x->text, x->n_text);
	free(x->query);
	free(x->uri);
	cf_text_wipe(x->answer);
	free(x);
}

static void wipe_answer(void *answer)
{
	cf_text_wipe(answer);
}

enum MHD_Result exchange_send(struct http_exchange *x)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	if (!x->answer)
		return MHD_NO;
	response = MHD_create_response_from_buffer_with_free_callback(strlen(x->answer), x->answer, wipe_answer);
	if (!response)
		return MHD_NO;

	x->answer = NULL;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->type);
	if (x->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, x->allow);
	if (x->last || connection_is_outdated(x->connection))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	r = MHD_queue_response(x->mhd, x->status, response);
	MHD_destroy_response(response);
	connection_allow(x->connection, x->server->limits.patience);
	return r;
}

/* What is to be sent is known: have it sent, or forget it where nobody waits for it any more. */
static void answered(struct http_exchange *x)
{
	x->state = EXCHANGE_ANSWERED;
	x->owned = false;
	if (!x->mhd) {
		exchange_free(x);
	} else if (x->suspended) {
		x->suspended = false;
		MHD_resume_connection(x->mhd);
		listener_kick(x->connection->listener);
	}
}

static void set_answer(struct http_exchange *x, unsigned status, const char *type,
		       const struct cf_shape *shape, const void *message)
{
	cf_text_wipe(x->answer);
	x->status = status;
	x->type = type;
	x->answer = cf_encode(shape, message, CF_MINOR);
}

void http_reply_status(struct http_exchange *x, unsigned status, const void *message)
{
	set_answer(x, status, "application/json", cf_routes[x->route].reply, message);
	answered(x);
}

void http_reply_encoded(struct http_exchange *x, char *text)
{
	cf_text_wipe(x->answer);
	x->status = MHD_HTTP_OK;
	x->type = "application/json";
	x->answer = text;
	answered(x);
}

void http_reply(struct http_exchange *x, const void *message)
{
	http_reply_status(x, MHD_HTTP_OK, message);
}

static void set_problem(struct http_exchange *x, unsigned status, const struct cf_error *err,
			const struct cf_finding *findings, size_t n)
{
	struct cf_problem *problem = malloc(sizeof(*problem));

	if (!problem)
		return;

	cf_problem_from(err, problem);
	problem->status = status;
	problem->n_findings = n < CF_FINDINGS_MAX ? n : CF_FINDINGS_MAX;
	for (size_t i = 0; i < problem->n_findings; i++)
		problem->findings[i] = findings[i];
	set_answer(x, status, CF_PROBLEM_TYPE, &cf_problem_shape, problem);
	free(problem);
}

void http_refuse(struct http_exchange *x, const struct cf_error *err, const struct cf_finding *findings,
		 size_t n)
{
	set_problem(x, cf_code_http(err->code), err, findings, n);
	answered(x);
}

void http_fail(struct http_exchange *x, const struct cf_error *err)
{
	http_refuse(x, err, NULL, 0);
}

void exchange_fail(struct http_exchange *x, unsigned status, const struct cf_error *err)
{
	set_problem(x, status, err, NULL, 0);
	x->state = EXCHANGE_ANSWERED;
}
