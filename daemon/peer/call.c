/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/peer/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/internal.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/wipe.h"

/* The version of the API that the other end is known to speak. */
static int minor_of(const struct call *call)
{
	return call->asked ? (int)call->version.minor : CF_MINOR;
}

static int set_url(struct call *call, enum cf_route_id route, const char *const *segments, const void *query,
		   struct cf_error *err)
{
	CF_AUTO(cf_free) char *target = cf_route_target(route, segments, query, minor_of(call), err);
	CF_AUTO(cf_free) char *url = NULL;
	CURLcode bad;

	if (!target)
		return -EINVAL;
	if (asprintf(&url, "%s%s", call->base, target) < 0)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	bad = curl_easy_setopt(call->curl, CURLOPT_URL, url);
	if (bad)
		return cf_fail(err, ENOMEM, CF_HOST, "cannot set up libcurl: %s", curl_easy_strerror(bad));
	return 0;
}

/* CUSTOMREQUEST changes the word alone; whether there is a body is for the option before it. */
static void set_body(struct call *call, enum cf_route_id route, const char *body)
{
	curl_easy_setopt(call->curl, CURLOPT_HTTPGET, 1L);
	if (body) {
		curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(call->curl, CURLOPT_POST, 1L);
	}
	curl_easy_setopt(call->curl, CURLOPT_CUSTOMREQUEST, cf_routes[route].method);
}

static void set_time(struct call *call, cf_span timeout)
{
	long ms = timeout.ns < CF_MS ? 1 : (long)(timeout.ns / CF_MS), connect_ms = (long)(CALL_CONNECT.ns / CF_MS);

	curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, ms);
	curl_easy_setopt(call->curl, CURLOPT_CONNECTTIMEOUT_MS, ms < connect_ms ? ms : connect_ms);
}

static int perform(struct call *call, struct cf_error *err)
{
	CURLcode result;
	long connects = 0;

	call->sent = call->answered = (cf_mono){ 0 };
	call->overflowed = false;
	call->detail[0] = '\0';
	call->asking = true;
	result = curl_easy_perform(call->curl);
	call->asking = false;

	curl_easy_getinfo(call->curl, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0 || result != CURLE_OK)
		call->current = false;
	call->broken = result != CURLE_OK;
	if (connects > 0 && !call->broken)
		call_note_shown(call);
	if (call->overflowed)
		return cf_fail(err, EFBIG, CF_PEER, "the answer of %s is above %zu bytes", call->host,
			       CALL_ANSWER_MAX);
	if (result != CURLE_OK)
		return call_blame(call->curl, result, call->host, call->detail, err);
	return 0;
}

/* An answer that is no success: the problem in it, or what its status says. */
static int fail_as_told(struct call *call, long status, struct cf_problem *problem, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_problem *told = calloc(1, sizeof(*told));
	enum cf_code code = status == 403 ? CF_FORBIDDEN : CF_PEER;

	if (!told)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (cf_decode(&cf_problem_shape, CF_TOLERANT, call->text, call->n_text, told, NULL) < 0)
		return cf_fail(err, EREMOTEIO, code, "%s answered with HTTP status %ld", call->host, status);

	if (cf_code_from_name(told->code) != CF_PEER)
		code = cf_code_from_name(told->code);
	if (problem)
		*problem = *told;
	return cf_fail(err, EREMOTEIO, code == CF_OK ? CF_PEER : code, "%s: %s", call->host, told->detail);
}

static int take_answer(struct call *call, enum cf_route_id route, void *reply, struct cf_problem *problem,
		       struct cf_error *err)
{
	struct cf_error why;
	long status = 0;

	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		return fail_as_told(call, status, problem, err);
	if (reply &&
	    cf_decode(cf_routes[route].reply, CF_TOLERANT, call->text, call->n_text, reply, &why) < 0)
		return cf_fail(err, EPROTO, CF_PEER, "the answer of %s: %s", call->host, why.text);
	return 0;
}

static void forget_answer(struct call *call)
{
	if (call->text)
		explicit_bzero(call->text, call->n_text);
	call->n_text = 0;
}

static int exchange(struct call *call, enum cf_route_id route, const char *const *segments, const void *query,
		    const void *request, void *reply, cf_span timeout, struct cf_problem *problem,
		    struct cf_error *err)
{
	CF_AUTO(cf_text_wipe) char *body = NULL;
	int r;

	if (cf_routes[route].request) {
		body = cf_encode(cf_routes[route].request, request, minor_of(call));
		if (!body)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}

	r = set_url(call, route, segments, query, err);
	if (r < 0)
		return r;
	set_body(call, route, body);
	set_time(call, timeout);
	r = perform(call, err);
	if (r == 0)
		r = take_answer(call, route, reply, problem, err);
	forget_answer(call);
	return r;
}

/* Learn who is there; on a connection that is new, this is also what makes it. */
static int greet(struct call *call, cf_span timeout, struct cf_problem *problem, struct cf_error *err)
{
	struct cf_version version;
	int r;

	if (call->current)
		return 0;

	r = exchange(call, CF_ROUTE_VERSION, NULL, NULL, NULL, &version, timeout, problem, err);
	if (r < 0)
		return r;

	call->version = version;
	call->asked = true;
	if (version.major != CF_MAJOR)
		return cf_fail(err, EPROTONOSUPPORT, CF_PEER,
			       "%s speaks version %lld of the API, this host version %d", call->host,
			       (long long)version.major, CF_MAJOR);
	call->current = true;
	return 0;
}

int call_warm(struct call *call, cf_span timeout, struct cf_error *err)
{
	return greet(call, timeout, NULL, err);
}

int call_do(struct call *call, enum cf_route_id route, const char *const *segments, const void *query,
	    const void *request, void *reply, cf_span timeout, struct cf_problem *problem,
	    struct cf_error *err)
{
	cf_mono end = cf_mono_add(kernel_raw(), timeout);
	int r;

	if (problem)
		problem->status = 0;
	r = greet(call, timeout, problem, err);
	if (r < 0) {
		call->sent = call->answered = (cf_mono){ 0 };
		return r;
	}
	return exchange(call, route, segments, query, request, reply, cf_mono_since(end, kernel_raw()),
			problem, err);
}

const struct cf_version *call_version(const struct call *call)
{
	return call->asked ? &call->version : NULL;
}

const char *call_host(const struct call *call)
{
	return call->host;
}

cf_mono call_sent(const struct call *call)
{
	return call->sent;
}

cf_mono call_answered(const struct call *call)
{
	return call->answered;
}
