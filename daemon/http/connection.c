/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connections: whose they are, how many one party may have, and how long it may
 * take for each step.
 *
 * libmicrohttpd's own time-out starts anew with every byte, so that a client that
 * sends one now and then would be served for ever: the deadlines here are for a
 * whole step, whatever is sent.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/clock/kernel.h"
#include "daemon/http/internal.h"
#include "proto/base.h"

#define JUDGED_FOR ((cf_span){ 60 * CF_S })

static const union MHD_ConnectionInfo *info(struct MHD_Connection *mhd, enum MHD_ConnectionInfoType what)
{
	return MHD_get_connection_info(mhd, what);
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
	return info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void connection_allow(struct connection *c, cf_span time)
{
	c->has_deadline = true;
	c->deadline = cf_mono_add(kernel_raw(), time);
}

void connection_wait(struct connection *c)
{
	c->has_deadline = false;
}

/* MHD keeps the connection for a while after this; reading and sending fail from here on. */
static void cut(struct connection *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->has_deadline = false;
	c->cut = true;
}

void connections_sweep(struct server *server)
{
	cf_mono now = kernel_raw();
	struct connection *c;

	LIST_FOREACH(c, &server->connections, link)
		if (c->has_deadline && cf_mono_cmp(now, c->deadline) > 0)
			cut(c);
}

static void name_user(uid_t uid, char party[static PARTY_ROOM])
{
	snprintf(party, PARTY_ROOM, "uid %u", uid);
}

static void name_party(struct connection *c, struct MHD_Connection *mhd)
{
	const struct sockaddr *address = info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

	if (c->listener->local)
		name_user(local_uid(c->fd), c->party);
	else if (address->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, c->party,
			  sizeof(c->party));
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, c->party,
			  sizeof(c->party));
}

static size_t count_party(const struct server *server, const char *party)
{
	const struct connection *c;
	size_t n = 0;

	LIST_FOREACH(c, &server->connections, link)
		n += strcmp(c->party, party) == 0;
	return n;
}

/* A user on the socket is known at once.  On TCP an address says too little: anybody on a peer's host has it, too. */
static bool is_surplus(const struct connection *c)
{
	if (!c->listener->local || local_uid(c->fd) == 0)
		return false;
	return count_party(c->listener->server, c->party) >= c->listener->server->limits.per_party;
}

/* As many again are told that they are too many. */
bool connection_floods(const struct server *server, uid_t uid)
{
	char party[PARTY_ROOM];

	name_user(uid, party);
	return count_party(server, party) >= 2 * server->limits.per_party;
}

/*
 * Strangers with many addresses could have all the connections there are, and hold
 * each until its time is over.  Who has not said yet who he is makes way for the
 * next one, the oldest first: a peer is through with that in milliseconds.
 */
static void make_way(const struct listener *listener)
{
	struct connection *c, *oldest = NULL;

	LIST_FOREACH(c, &listener->server->connections, link)
		if (c->listener == listener && !c->known && !c->cut)
			oldest = c;
	if (oldest)
		cut(oldest);
}

/* The same among those of one address, so that these do not take the room of others. */
static void make_way_at_home(const struct server *server, const char *address)
{
	struct connection *c, *oldest = NULL;
	size_t n = 0;

	LIST_FOREACH(c, &server->connections, link)
		if (!c->known && !c->cut && strcmp(c->party, address) == 0) {
			oldest = c;
			n++;
		}
	if (n >= server->limits.per_party)
		cut(oldest);
}

/*
 * libmicrohttpd asks for a client certificate only when it is given a CA, whose
 * name it would go on sending after a reload: so it is us who ask, without names.
 */
static void ask_for_certificate(struct connection *c, struct MHD_Connection *mhd)
{
	gnutls_session_t session = info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;

	gnutls_session_set_ptr(session, c);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

static struct connection *connection_new(struct listener *listener, struct MHD_Connection *mhd)
{
	struct server *server = listener->server;
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;

	c->listener = listener;
	c->fd = info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	name_party(c, mhd);
	c->surplus = is_surplus(c);
	if (!listener->local)
		make_way_at_home(server, c->party);
	if (listener_is_full(listener, 0))
		make_way(listener);
	connection_allow(c, server->limits.patience);
	if (!listener->local)
		ask_for_certificate(c, mhd);

	listener->n_connections++;
	LIST_INSERT_HEAD(&server->connections, c, link);
	return c;
}

/* From many addresses with one certificate is as many as from one.  Those count that were let in. */
static bool is_crowded(const struct connection *c)
{
	const struct server *server = c->listener->server;
	const struct connection *other;
	size_t n = 0;

	LIST_FOREACH(other, &server->connections, link)
		n += other != c && !other->listener->local && other->known && !other->surplus &&
		     strcmp(other->caller.name, c->caller.name) == 0;
	return n >= server->limits.per_party;
}

/* Connections live for days, and a certificate may expire meanwhile, by a clock that was set too. */
static bool is_stale(const struct connection *c, struct cf_instant now)
{
	cf_span set_by = cf_span_sub(cf_instant_difference(now), cf_instant_difference(c->judged));

	return c->generation != c->listener->server->generation ||
	       cf_span_cmp(cf_mono_since(now.raw, c->judged.raw), JUDGED_FOR) > 0 ||
	       cf_span_cmp(cf_span_abs(set_by), JUDGED_FOR) > 0;
}

int connection_identify(struct connection *c, struct MHD_Connection *mhd, struct cf_error *err)
{
	const struct server *server = c->listener->server;
	struct cf_instant now = kernel_instant();
	bool was_known = c->known;	/* then it was let in, and it is those who come after it that are too many */

	if (is_stale(c, now)) {
		c->generation = server->generation;
		c->judged = now;
		c->known = true;
		if (c->listener->local)
			local_judge(server, c->fd, &c->caller);
		else
			c->known = trust_judge(server->trust,
					       info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
					       &c->caller, &c->denied) == 0;
		c->surplus = c->known && !was_known && !c->listener->local && is_crowded(c);
	}

	if (!c->known)
		return cf_fail(err, EACCES, c->denied.code, "%s", c->denied.text);
	if (c->surplus)
		return cf_fail(err, EBUSY, CF_BUSY, "too many connections as %s", c->caller.name);
	return 0;
}

bool connection_is_outdated(const struct connection *c)
{
	return c->identity && c->identity != c->listener->server->identity;
}

static void connection_free(struct connection *c)
{
	c->listener->n_connections--;
	door_open_again(c->listener);
	LIST_REMOVE(c, link);
	identity_unref(c->identity);
	free(c);
}

void connection_notify(void *userdata, struct MHD_Connection *mhd, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = connection_new(userdata, mhd);
		if (!*context)
			shutdown(info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, SHUT_RDWR);
	} else if (c) {
		connection_free(c);
	}
}
