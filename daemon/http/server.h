/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The agent's ears: HTTP for local users on a Unix socket, HTTPS with client
 * certificates for peers and remote operators on TCP.
 *
 * Who calls on the Unix socket is known by SO_PEERCRED: uid 0 is admin, a member
 * of the group is operator, anybody else CF_ROLE_LOCAL.  On TCP the server only
 * asks for a client certificate; the first act of a request, before its body, is
 * to hold it against our own trust list, and the roles are those of all access
 * rules that match a name in it.  A DNS pattern is compared without regard to
 * case, and a leading "*." in it stands for exactly one label; URI and CN are
 * compared as written.  DNS and URI are names of subjectAltName.
 *
 * Faults that libmicrohttpd finds before it calls us (a line that is none, a chunk
 * or length that is none, a header beyond its buffer) are answered by it in HTML,
 * and the connection ends; every other error is application/problem+json.
 *
 * Everything here is for the loop's thread.
 */

#include "daemon/http/exchange.h"
#include "daemon/loop.h"
#include "daemon/settings.h"

/* All strings belong to the caller and are used during the call only; one that is "" is as good as NULL. */
struct server_options {
	const char *socket;		/* path of the Unix socket; NULL for none */
	const char *group;		/* whose members are operators there; NULL for nobody */

	const char *listen[SETTINGS_LISTEN_MAX];	/* numeric addresses, v4 or v6; none: every address */
	size_t n_listen;
	int port;			/* 0: the kernel chooses one (server_port()) */
	const char *ca;			/* PEM files: whom we trust */
	const char *crl;		/* whom no longer; NULL for none */
	const char *certificate;	/* ours, with the chain up to the CA; NULL: no listener on TCP */
	const char *key;
	const struct access_rule *rules;
	size_t n_rules;

	size_t max_connections;		/* per listener, above which who is not known yet makes way; 0: 512; for more a listener has to be a new one */
	size_t max_per_party;		/* of one certificate's name or uid, root excepted; of one address, who is not known yet; 0: 32 */
	cf_span patience;		/* for handshake and header, for a body, for a reply; 0: 10 s */
	cf_span idle;			/* between two requests of a connection; 0: 2 min */
	cf_span peer_idle;		/* the same of a peer's, who may say nothing while memory is copied; 0: 1 d */
};

struct server;

/*
 * Serve on the socket of options, and on its addresses as far as its
 * certificates can be used: where they cannot, that is no error, and
 * server_tls_why() says why not.  A route without a handler is not found.
 */
int server_new(struct server **ret, struct loop *loop, const struct server_options *options,
	       http_handler *const handlers[CF_N_ROUTES], void *userdata, struct cf_error *err);

/* Exchanges that are under way are answered with 503; their owners may still answer, to nobody. */
void server_free(struct server *server);
CF_DEFINE_AUTO(struct server *, server_free)

/*
 * Read the certificates again and take over addresses, rules and limits; the
 * Unix socket stays as it is.  Connections go on: each is judged anew by its next
 * request, whose answer is the last one where our certificate is another now, so that
 * nobody goes on by one that he would no longer accept.  On an error everything stays
 * as it was; where there is no listener on TCP, it is none that there can be none, as in
 * server_new().
 */
int server_reload(struct server *server, const struct server_options *options, struct cf_error *err);

/* Where local users reach it, and whether there is a group whose members are operators there. */
const char *server_socket(const struct server *server);
bool server_has_operators(const struct server *server);

/* Why there is no listener on TCP; "" when there is one. */
const char *server_tls_why(const struct server *server);

/* The TCP port of the first listener, or -ENOTCONN. */
int server_port(const struct server *server);
