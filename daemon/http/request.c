/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A request on its way in, as libmicrohttpd calls us: request_begin() with its
 * first line, then request_go_on() with the header, then with each piece of the
 * body, then without one; again when it was suspended and resumed.  Who sent it
 * is decided with the header, before its body is looked at.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/http/internal.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/query.h"
#include "proto/wipe.h"

/* Far more than any client of ours sends, and less than libmicrohttpd's own buffer, whose overflow it answers itself. */
#define TARGET_MAX  ((size_t)4 << 10)
#define HEADERS_MAX ((size_t)64)
#define HEADER_MAX  ((size_t)16 << 10)

/* How much of a body that nobody wants is read, so that its sender gets to see the answer. */
#define DISCARD_MAX ((size_t)64 << 10)

void *request_begin(void *userdata, const char *uri, struct MHD_Connection *mhd)
{
	struct listener *listener = userdata;
	struct http_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;

	x->received = kernel_raw();
	x->server = listener->server;
	x->mhd = mhd;
	x->connection = connection_of(mhd);
	x->uri = strdup(uri);
	LIST_INSERT_HEAD(&x->server->exchanges, x, link);
	return x;
}

/* The methods that the path has, for the Allow header. */
static void list_methods(struct http_exchange *x, const char *path)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
	char ignored[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM];
	size_t n = 0;

	for (size_t i = 0; i < CF_COUNT(methods); i++)
		if (cf_route_find(methods[i], path, ignored) >= 0)
			n += snprintf(x->allow + n, sizeof(x->allow) - n, "%s%s", n ? ", " : "", methods[i]);
}

/* 0, or the status of the failure in *err. */
static unsigned find_route(struct http_exchange *x, const char *method, const char *path, struct cf_error *err)
{
	int id;

	/* The answer to HEAD is that to GET; libmicrohttpd leaves its body out. */
	id = cf_route_find(strcmp(method, "HEAD") == 0 ? "GET" : method, path, x->segments);
	if (id == -EPERM) {
		list_methods(x, path);
		cf_fail(err, EINVAL, CF_BAD_REQUEST, "the path is there, but not for this method");
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	if (id == -EINVAL) {
		cf_fail(err, EINVAL, CF_BAD_REQUEST, "the path is malformed");
		return MHD_HTTP_BAD_REQUEST;
	}
	if (id < 0 || !x->server->handlers[id]) {
		cf_fail(err, ENOENT, CF_NOT_FOUND, "there is nothing at this path");
		return MHD_HTTP_NOT_FOUND;
	}

	x->route = id;
	return 0;
}

static const char *header(const struct http_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

/* What the header announces; SIZE_MAX for a body whose end is not known beforehand. */
static size_t announced(const struct http_exchange *x)
{
	const char *length = header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (length)
		return strtoull(length, NULL, 10);
	return header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING) ? SIZE_MAX : 0;
}

static int take_query(struct http_exchange *x, const char *query, struct cf_error *err)
{
	const struct cf_shape *shape = cf_routes[x->route].query;

	if (shape) {
		x->query = calloc(1, shape->size);
		if (!x->query)
			return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}
	return cf_query_decode(shape, query ? query : "", x->query, err);
}

struct header_sum {
	size_t n, size;
};

static enum MHD_Result add_header(void *userdata, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct header_sum *sum = userdata;

	(void)kind;
	sum->n++;
	sum->size += strlen(key) + (value ? strlen(value) : 0);
	return MHD_YES;
}

/* 0, or the status of the failure in *err. */
static unsigned weigh_header(const struct http_exchange *x, struct cf_error *err)
{
	struct header_sum sum = { 0 };

	if (strlen(x->uri) > TARGET_MAX) {
		cf_fail(err, EFBIG, CF_TOO_LARGE, "path and query are longer than %zu bytes", TARGET_MAX);
		return MHD_HTTP_URI_TOO_LONG;
	}
	MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, add_header, &sum);
	if (sum.n <= HEADERS_MAX && sum.size <= HEADER_MAX)
		return 0;
	cf_fail(err, EFBIG, CF_TOO_LARGE, "the header has more than %zu fields or %zu bytes", HEADERS_MAX, HEADER_MAX);
	return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
}

/* What a person who is refused would have to be. */
static const char *who_may(const struct http_exchange *x, const struct cf_route *route)
{
	if (!(x->caller.roles & CF_ROLE_LOCAL))
		return ": `access` in the settings of its host decides who may";
	return route->roles & CF_ROLE_OPERATOR ? ": here that takes root or the group clockferry" : "";
}

static unsigned admit(struct http_exchange *x, const char *method, struct cf_error *err)
{
	const struct cf_route *route;
	char *query = x->uri, *path;
	unsigned status;

	if (x->connection->surplus || x->server->stopping || !x->uri) {
		x->last = true;
		cf_fail(err, EBUSY, CF_BUSY,
			x->server->stopping ? "the agent is stopping" : "too many connections");
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	status = weigh_header(x, err);
	if (status) {
		x->last = true;
		return status;
	}
	if (connection_identify(x->connection, x->mhd, err) < 0) {
		x->last = x->connection->surplus;
		return x->last ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_FORBIDDEN;
	}

	x->caller = x->connection->caller;
	path = strsep(&query, "?");
	status = find_route(x, method, path, err);
	if (status)
		return status;

	route = &cf_routes[x->route];
	if (!(x->caller.roles & route->roles)) {
		cf_fail(err, EACCES, CF_FORBIDDEN, "%s may not %s %s%s", x->caller.name, route->method,
			route->path, who_may(x, route));
		return MHD_HTTP_FORBIDDEN;
	}
	if (announced(x) != SIZE_MAX && announced(x) > route->body_limit) {
		cf_fail(err, EFBIG, CF_TOO_LARGE, "a body of %zu bytes is above the limit of %zu",
			announced(x), route->body_limit);
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	return take_query(x, query, err) < 0 ? (unsigned)cf_code_http(err->code) : 0;
}

/*
 * An answer that is known before the body was read goes out at once where that
 * is large or has not been sent yet, and closes the connection; else the body is
 * read over first: closing a socket with unread data in it makes the kernel send a
 * reset, which can take the answer away from the client.
 */
static enum MHD_Result begin(struct http_exchange *x, const char *method)
{
	struct cf_error err;
	unsigned status = admit(x, method, &err);

	x->state = EXCHANGE_READING;
	connection_allow(x->connection, x->server->limits.patience);
	if (!status)
		return MHD_YES;

	exchange_fail(x, status, &err);
	x->discard = true;
	if (announced(x) > DISCARD_MAX || header(x, MHD_HTTP_HEADER_EXPECT))
		return exchange_send(x);
	return MHD_YES;
}

/* Make room for n more bytes of body, but never for more than the route's limit. */
static bool make_room(struct http_exchange *x, size_t n, size_t limit)
{
	size_t room = x->room ? x->room : 1024;
	char *text;

	while (room < x->n_text + n)
		room *= 2;
	if (room > limit)
		room = limit;
	if (room <= x->room)
		return true;

	text = cf_wipe_grow(x->text, x->n_text, room);
	if (!text)
		return false;
	x->text = text;
	x->room = room;
	return true;
}

static enum MHD_Result take_piece(struct http_exchange *x, const char *data, size_t *size)
{
	size_t n = *size, limit = cf_routes[x->route].body_limit;
	struct cf_error err;

	*size = 0;
	if (!x->discard && n > limit - x->n_text) {
		cf_fail(&err, EFBIG, CF_TOO_LARGE, "the body is above the limit of %zu bytes", limit);
		exchange_fail(x, MHD_HTTP_CONTENT_TOO_LARGE, &err);
		x->discard = x->last = true;
	}
	if (x->discard) {
		x->discarded += n;
		return x->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	if (!make_room(x, n, limit))
		return MHD_NO;

	memcpy(x->text + x->n_text, data, n);
	x->n_text += n;
	return MHD_YES;
}

static int decode(struct http_exchange *x, struct cf_error *err)
{
	const struct cf_shape *shape = cf_routes[x->route].request;
	int r;

	if (!shape)
		return 0;

	x->body = calloc(1, shape->size);
	if (!x->body)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = cf_decode(shape, CF_STRICT, x->text ? x->text : "", x->n_text, x->body, err);
	cf_wipe(CF_TAKE(x->text), x->n_text);
	return r;
}

/* The request is complete: have it handled. */
static void dispatch(struct http_exchange *x)
{
	struct server *server = x->server;
	struct cf_error err;

	x->state = EXCHANGE_HANDLED;
	x->owned = true;
	connection_wait(x->connection);
	if (decode(x, &err) < 0)
		http_fail(x, &err);
	else
		server->handlers[x->route](server->userdata, x);
}

enum MHD_Result request_go_on(void *userdata, struct MHD_Connection *mhd, const char *url, const char *method,
			      const char *version, const char *data, size_t *size, void **context)
{
	struct http_exchange *x = *context;

	(void)userdata; (void)url; (void)version;
	if (!x || !x->connection)
		return MHD_NO;
	if (x->state == EXCHANGE_NEW)
		return begin(x, method);
	if (*size > 0)
		return take_piece(x, data, size);
	if (x->state == EXCHANGE_READING)
		dispatch(x);
	if (x->state == EXCHANGE_ANSWERED)
		return exchange_send(x);

	x->suspended = true;
	MHD_suspend_connection(mhd);
	return MHD_YES;
}

void request_end(void *userdata, struct MHD_Connection *mhd, void **context,
		 enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *context;

	(void)userdata; (void)mhd; (void)code;
	if (!x)
		return;

	*context = NULL;
	if (x->connection)
		connection_allow(x->connection, x->caller.roles & CF_ROLE_PEER ? x->server->limits.peer_idle : x->server->limits.idle);
	x->mhd = NULL;
	x->connection = NULL;
	if (!x->owned)
		exchange_free(x);
}
