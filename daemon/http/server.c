/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/server.h"

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/http/internal.h"
#include "proto/base.h"

#define CROWD 64	/* connections */

static bool given(const char *text)
{
	return text && *text;
}

static void set_limits(struct server *server, const struct server_options *o)
{
	server->limits = (struct limits){
		.connections = o->max_connections ? o->max_connections : 512,
		.per_party = o->max_per_party ? o->max_per_party : 32,
		.patience = { o->patience.ns ? o->patience.ns : 10 * CF_S },
		.idle = { o->idle.ns ? o->idle.ns : 120 * CF_S },
		.peer_idle = { o->peer_idle.ns ? o->peer_idle.ns : 86400 * CF_S },
	};
}

/*
 * Once a crowd has left: what its connections were made of lies in pieces all over
 * the heap, and the allocator would keep it for ever.
 */
static void give_back(struct server *server)
{
	const struct listener *listener;
	size_t n = 0;

	LIST_FOREACH(listener, &server->listeners, link)
		n += listener->n_connections;
	if (n > server->n_most)
		server->n_most = n;
	if (server->n_most < CROWD || n > server->n_most / 4)
		return;
	server->n_most = n;
	malloc_trim(0);
}

/* Also where listeners end that were closed by a reload: not inside a callback of libmicrohttpd. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	struct listener *listener = LIST_FIRST(&server->listeners);
	cf_span pause;

	(void)usec;
	connections_sweep(server);
	while (listener) {
		struct listener *next = LIST_NEXT(listener, link);

		door_open_again(listener);
		if (listener->closing && listener->n_connections == 0)
			listener_free(listener);
		listener = next;
	}
	give_back(server);

	pause = cf_span_min(server->limits.patience, (cf_span){ 4 * CF_S });
	sd_event_source_set_time_relative(source, pause.ns / CF_US / 4);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void set_group(struct server *server, const char *name)
{
	const struct group *group = given(name) ? getgrnam(name) : NULL;

	server->has_group = group;
	server->group = group ? group->gr_gid : 0;
}

static int listen_local(struct server *server, const struct server_options *options, struct cf_error *err)
{
	struct listener *listener;
	int fd;

	if (!given(options->socket))
		return 0;

	fd = socket_local(options->socket, err);
	if (fd < 0)
		return fd;
	server->socket = strdup(options->socket);
	return listener_new(&listener, server, fd, options->socket, true, err);
}

/* The addresses of options as names of listeners. */
struct names {
	size_t n;
	const char *address[SETTINGS_LISTEN_MAX];
	char name[SETTINGS_LISTEN_MAX][CF_HOST_ROOM + 16];
};

static void set_names(struct names *names, const struct server_options *o)
{
	static const char *const everywhere[] = { "0.0.0.0", "::" };

	names->n = o->n_listen ? o->n_listen : CF_COUNT(everywhere);
	for (size_t i = 0; i < names->n; i++) {
		names->address[i] = o->n_listen ? o->listen[i] : everywhere[i];
		snprintf(names->name[i], sizeof(names->name[i]), "%.*s port %d", CF_HOST_ROOM,
			 names->address[i], o->port);
	}
}

static struct listener *find(const struct server *server, const char *name)
{
	struct listener *listener;

	LIST_FOREACH(listener, &server->listeners, link)
		if (!listener->closing && strcmp(listener->name, name) == 0)
			return listener;

	return NULL;
}

static bool wanted(const struct names *names, const struct listener *listener)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->name[i], listener->name) == 0)
			return true;

	return listener->local;
}

/* Listen on what is named and not listened on yet: all of it or nothing. */
static int open_missing(struct server *server, const struct server_options *o, const struct names *names,
			struct cf_error *err)
{
	struct listener *made[SETTINGS_LISTEN_MAX];
	size_t n_made = 0;
	int r = 0;

	for (size_t i = 0; i < names->n && r >= 0; i++) {
		if (find(server, names->name[i]))
			continue;
		r = socket_tcp(names->address[i], o->port, err);
		if (r == -EAFNOSUPPORT && o->n_listen == 0) {
			r = 0;	/* every address there is: a host may be without IPv6 */
			continue;
		}
		if (r >= 0)
			r = listener_new(&made[n_made], server, r, names->name[i], false, err);
		n_made += r >= 0;
	}

	while (r < 0 && n_made > 0)
		listener_free(made[--n_made]);
	return r;
}

static void close_unwanted(struct server *server, const struct names *names)
{
	struct listener *listener;

	LIST_FOREACH(listener, &server->listeners, link)
		if (!listener->closing && !wanted(names, listener))
			listener_quiesce(listener);
}

/* Set up what TCP needs anew, and only then let go of what there was. */
static int take_tls(struct server *server, const struct server_options *options, struct cf_error *err)
{
	CF_AUTO(trust_free) struct trust *trust = NULL;
	CF_AUTO(identity_unref) struct identity *identity = NULL;
	struct names names;
	int r;

	r = trust_load(&trust, options, err);
	if (r < 0)
		return r;
	r = identity_load(&identity, options, err);
	if (r < 0)
		return r;

	set_names(&names, options);
	r = open_missing(server, options, &names, err);
	if (r < 0)
		return r;

	close_unwanted(server, &names);
	trust_free(server->trust);
	server->trust = CF_TAKE(trust);
	if (!identity_same(identity, server->identity)) {
		identity_unref(server->identity);
		server->identity = CF_TAKE(identity);
	}
	server->generation++;
	return 0;
}

static void close_tls(struct server *server)
{
	close_unwanted(server, &(struct names){ 0 });
}

/* Who has no listener on TCP loses nothing by certificates that cannot be used: for all else the options are as good. */
int server_reload(struct server *server, const struct server_options *o, struct cf_error *err)
{
	bool tls = given(o->ca) && given(o->certificate) && given(o->key);
	const struct limits before = server->limits;
	struct cf_error why;
	bool serves;
	int r;

	set_limits(server, o);		/* by which listeners are made */
	r = tls ? take_tls(server, o, &why) : cf_fail(&why, ENOENT, CF_HOST, "no CA, certificate and key are set");
	if (!tls)
		close_tls(server);
	serves = server_port(server) >= 0;
	snprintf(server->tls_why, sizeof(server->tls_why), "%s", serves ? "" : why.text);
	if (!serves || r >= 0)
		return 0;
	server->limits = before;
	return cf_fail(err, -r, why.code, "%s", why.text);
}

int server_new(struct server **ret, struct loop *loop, const struct server_options *options,
	       http_handler *const handlers[CF_N_ROUTES], void *userdata, struct cf_error *err)
{
	CF_AUTO(server_free) struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	server->loop = loop;
	server->generation = 1;
	server->userdata = userdata;
	memcpy(server->handlers, handlers, sizeof(server->handlers));
	set_limits(server, options);
	set_group(server, options->group);
	r = sd_event_add_time_relative(loop_sd(loop), &server->sweep, CLOCK_MONOTONIC, 0, 0, on_sweep,
				       server);
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "cannot make a timer: %s", strerror(-r));

	r = listen_local(server, options, err);
	if (r < 0)
		return r;
	server_reload(server, options, NULL);

	*ret = CF_TAKE(server);
	return 0;
}

/* Answer what waits, and have libmicrohttpd send it: it must not be stopped with a suspended connection. */
static void answer_all(struct server *server)
{
	struct cf_error err;
	struct http_exchange *x;
	struct listener *listener;

	cf_fail(&err, ESHUTDOWN, CF_BUSY, "the agent is stopping");
	LIST_FOREACH(x, &server->exchanges, link) {
		if (!x->suspended)
			continue;
		x->last = true;
		exchange_fail(x, cf_code_http(err.code), &err);
		x->suspended = false;
		MHD_resume_connection(x->mhd);
	}
	LIST_FOREACH(listener, &server->listeners, link)
		if (listener->mhd)
			MHD_run(listener->mhd);
}

void server_free(struct server *server)
{
	struct http_exchange *x;

	if (!server)
		return;

	server->stopping = true;
	answer_all(server);
	while (!LIST_EMPTY(&server->listeners))
		listener_free(LIST_FIRST(&server->listeners));
	while ((x = LIST_FIRST(&server->exchanges))) {
		LIST_REMOVE(x, link);
		x->server = NULL;
	}
	if (server->socket)
		unlink(server->socket);
	free(server->socket);
	sd_event_source_disable_unref(server->sweep);
	trust_free(server->trust);
	identity_unref(server->identity);
	free(server);
}

const char *server_socket(const struct server *server)
{
	return server->socket ? server->socket : "";
}

bool server_has_operators(const struct server *server)
{
	return server->has_group;
}

const char *server_tls_why(const struct server *server)
{
	return server->tls_why;
}

int server_port(const struct server *server)
{
	const struct listener *listener;
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	LIST_FOREACH(listener, &server->listeners, link) {
		if (listener->local || listener->closing ||
		    getsockname(listener->fd, (struct sockaddr *)&address, &size) < 0)
			continue;
		return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port :
							     ((struct sockaddr_in *)&address)->sin_port);
	}
	return -ENOTCONN;
}
