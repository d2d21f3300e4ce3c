/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/call.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/call-error.h"
#include "proto/codec.h"
#include "proto/health.h"

#define REPLY_MAX  ((size_t)16 << 20)
#define CONNECT_MS 10000
#define POLL_MS    100		/* how long a signal may go unnoticed */

struct call {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	struct call_to to;
	char base[CF_HOST_ROOM + 32];	/* "https://hB:9437" */
	char whom[CF_HOST_ROOM + 32];
	char said[CURL_ERROR_SIZE];	/* libcurl's own words for the last error */
	const volatile sig_atomic_t *stop;
	bool asked;			/* the agent has told its version */
	int64_t minor;			/* then: of the API, as far as it knows it */
};

/* An answer's body as it arrives. */
struct body {
	char *data;
	size_t size;
	bool too_large;
};

static size_t take_body(char *data, size_t one, size_t n, void *userdata)
{
	struct body *body = userdata;
	size_t more = one * n;
	char *grown;

	if (more > REPLY_MAX - body->size) {
		body->too_large = true;
		return 0;
	}
	grown = realloc(body->data, body->size + more + 1);
	if (!grown)
		return 0;

	memcpy(grown + body->size, data, more);
	body->data = grown;
	body->size += more;
	body->data[body->size] = '\0';
	return more;
}

/* "hB", "hB:9437", "::1" or "[::1]:9437" into the start of a URL. */
static int spell_base(const char *host, char *base, size_t room, struct cf_error *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
	const char *colon = strchr(host, ':');
	bool bare_v6 = colon && *host != '[' && strchr(colon + 1, ':');
	bool has_port = !bare_v6 && (*host == '[' ? strstr(host, "]:") : colon);
	size_t length = strlen(host);
	int n;

	if (length == 0 || length >= CF_HOST_ROOM || strspn(host, letters) != length)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--host: '%.64s' is not the name of a host",
			       host);

	n = snprintf(base, room, "https://%s%s%s", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "");
	if (!has_port)
		snprintf(base + n, room - n, ":%d", CF_PORT);
	return 0;
}

/* libcurl does not name the file that it can't read. */
static int check_files(const struct call_to *to, struct cf_error *err)
{
	const char *const files[] = { to->ca, to->cert, to->key, to->crl };

	for (size_t i = 0; i < CF_COUNT(files); i++)
		if (files[i] && access(files[i], R_OK) != 0)
			return cf_fail(err, errno, CF_HOST, "%s: %s; --ca, --crl, --cert and --key name other files",
				       files[i], strerror(errno));
	return 0;
}

/* What holds for every request of the call. */
static void set_up(struct call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->said);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "clockferry/" VERSION_TEXT);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);		/* who looks a name up is left to it once time is over */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);

	/* A domain may be called "..", and a proxy of the user's shell is none of an agent's business. */
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");

	if (!call->to.host) {
		curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, call->to.socket);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CAINFO, call->to.ca);
	curl_easy_setopt(easy, CURLOPT_CRLFILE, call->to.crl);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, call->to.cert);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, call->to.key);
}

int call_new(struct call **ret, const struct call_to *to, struct cf_error *err)
{
	CF_AUTO(call_free) struct call *call = calloc(1, sizeof(*call));
	int r;

	if (!call || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	call->to = *to;
	if (to->host) {
		snprintf(call->whom, sizeof(call->whom), "the agent of %s", to->host);
		r = spell_base(to->host, call->base, sizeof(call->base), err);
		if (r == 0)
			r = check_files(to, err);
		if (r < 0)
			return r;
	} else {
		strcpy(call->base, "http://localhost");
		strcpy(call->whom, "the agent of this host");
	}

	call->easy = curl_easy_init();
	call->multi = curl_multi_init();
	call->headers = curl_slist_append(NULL, "Accept: application/json, " CF_PROBLEM_TYPE);
	if (!call->easy || !call->multi || !call->headers ||
	    !curl_slist_append(call->headers, "Content-Type: application/json") ||
	    !curl_slist_append(call->headers, "Expect:"))
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	set_up(call);
	*ret = CF_TAKE(call);
	return 0;
}

void call_free(struct call *call)
{
	if (!call)
		return;

	curl_easy_cleanup(call->easy);
	curl_multi_cleanup(call->multi);
	curl_slist_free_all(call->headers);
	free(call);
}

void call_stop_on(struct call *call, const volatile sig_atomic_t *stop)
{
	call->stop = stop;
}

void reply_clear(struct reply *reply)
{
	if (reply->message)
		cf_message_clear(reply->shape, reply->message);
	free(reply->message);
	free(reply->problem);
	free(reply->text);
	*reply = (struct reply){ 0 };
}

/* To be freed by the caller; NULL with the reason in *err. */
static char *spell_url(const struct call *call, const struct question *q, int minor, struct cf_error *err)
{
	CF_AUTO(cf_free) char *target = cf_route_target(q->route, &q->segment, q->query, minor, err);
	char *url;

	if (!target)
		return NULL;
	if (asprintf(&url, "%s%s", call->base, target) < 0) {
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		return NULL;
	}
	return url;
}

/* Run the transfer that the easy handle describes; -EINTR when told to stop. */
static int transfer(struct call *call, CURLcode *ret)
{
	CURLMsg *message;
	int running = 1, left;

	if (curl_multi_add_handle(call->multi, call->easy) != CURLM_OK)
		return -ENOMEM;

	while (running > 0 && !(call->stop && *call->stop))
		if (curl_multi_perform(call->multi, &running) != CURLM_OK ||
		    (running > 0 && curl_multi_poll(call->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK))
			break;

	message = curl_multi_info_read(call->multi, &left);
	*ret = message ? message->data.result : CURLE_FAILED_INIT;
	curl_multi_remove_handle(call->multi, call->easy);
	return message ? 0 : -EINTR;
}

static int send_question(struct call *call, const struct question *q, const char *url, const char *json,
			 struct body *body, struct cf_error *err)
{
	long timeout_ms = (call->to.timeout.ns + q->patience.ns) / CF_MS;
	CURL *easy = call->easy;
	CURLcode code;

	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, json ? (long)strlen(json) : 0L);
	if (!json)
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, cf_routes[q->route].method);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	*call->said = '\0';

	if (transfer(call, &code) < 0)
		return cf_fail(err, EINTR, CF_HOST, "interrupted while asking %s", call->whom);
	if (body->too_large)
		return cf_fail(err, EMSGSIZE, CF_PEER, "%s answered with more than %zu MiB", call->whom,
			       REPLY_MAX >> 20);
	if (code != CURLE_OK)
		return call_error(easy, code, &call->to, call->said, err);
	return 0;
}

/* Does the answer call itself this type, whatever parameters follow? */
static bool is_type(CURL *easy, const char *type)
{
	size_t length = strlen(type);
	char *sent = NULL;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &sent);
	return sent && strncasecmp(sent, type, length) == 0 && strchr("; \t", sent[length]);
}

/* The agent's own words for what went wrong; what is no agent's words is an error of its own. */
static int take_problem(struct call *call, long status, struct body *body, struct reply *reply,
			struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_problem *problem = calloc(1, sizeof(*problem));
	enum cf_code code;

	if (!problem)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (!is_type(call->easy, CF_PROBLEM_TYPE) || !body->data ||
	    cf_decode(&cf_problem_shape, CF_TOLERANT, body->data, body->size, problem, NULL) < 0)
		return cf_fail(err, EPROTO, CF_PEER,
			       "%s answered with status %ld and no reason: is it clockferryd?", call->whom,
			       status);

	code = cf_code_from_name(problem->code);
	if (code == CF_OK)
		code = CF_PEER;
	reply->problem = CF_TAKE(problem);
	reply->text = CF_TAKE(body->data);
	reply->size = body->size;
	return cf_fail(err, EREMOTEIO, code, "%s", *reply->problem->detail ? reply->problem->detail :
		       reply->problem->title);
}

static int take_message(struct call *call, const struct cf_shape *shape, struct body *body,
			struct reply *reply, struct cf_error *err)
{
	CF_AUTO(cf_free) void *message = calloc(1, shape->size);
	struct cf_error why;

	if (!message)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (!is_type(call->easy, "application/json") || !body->data)
		return cf_fail(err, EPROTO, CF_PEER, "%s did not answer in JSON: is it clockferryd?",
			       call->whom);
	if (cf_decode(shape, CF_TOLERANT, body->data, body->size, message, &why) < 0)
		return cf_fail(err, EPROTO, CF_PEER, "%s answered, but not as it should: %s", call->whom,
			       why.text);

	reply->shape = shape;
	reply->message = CF_TAKE(message);
	reply->text = CF_TAKE(body->data);
	reply->size = body->size;
	return 0;
}

/* What in the question is newer than version 1.minor; NULL: nothing. */
static const char *newer(const struct question *q, int64_t minor)
{
	const struct cf_route *route = &cf_routes[q->route];
	const char *name = q->request ? cf_untold(route->request, q->request, minor) : NULL;

	return name || !q->query ? name : cf_untold(route->query, q->query, minor);
}

/* The version of the API to speak: the first, unless the question needs a later one. */
static int agree(struct call *call, const struct question *q, int64_t *minor, struct cf_error *err)
{
	const struct question who = { .route = CF_ROUTE_VERSION };
	struct reply reply = { 0 };
	int r;

	*minor = 0;
	if (!newer(q, 0))
		return 0;
	if (!call->asked) {
		r = call_ask(call, &who, &reply, err);
		if (r == 0)
			call->minor = ((const struct cf_version *)reply.message)->minor;
		reply_clear(&reply);
		if (r < 0)
			return r;
		call->asked = true;
	}
	*minor = call->minor;
	if (newer(q, call->minor))
		return cf_fail(err, EPROTONOSUPPORT, CF_PEER, "%s speaks API %d.%d, which has no '%s' yet", call->whom,
			       CF_MAJOR, (int)call->minor, newer(q, call->minor));
	return 0;
}

int call_ask(struct call *call, const struct question *q, struct reply *reply, struct cf_error *err)
{
	const struct cf_route *route = &cf_routes[q->route];
	CF_AUTO(cf_free) char *json = NULL, *url = NULL;
	struct body body = { 0 };
	int64_t minor;
	long status = 0;
	int r;

	reply_clear(reply);
	r = agree(call, q, &minor, err);
	if (r < 0)
		return r;
	url = spell_url(call, q, minor, err);
	if (!url)
		return -EINVAL;
	if (q->request) {
		json = cf_encode(route->request, q->request, minor);
		if (!json)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}

	r = send_question(call, q, url, json, &body, err);
	reply->sent = call_was_sent(call->easy);
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r == 0)
		r = status >= 200 && status < 300 ? take_message(call, route->reply, &body, reply, err)
						  : take_problem(call, status, &body, reply, err);
	free(body.data);
	return r;
}
