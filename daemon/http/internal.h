/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder know of each other. */

#include <microhttpd.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/http/auth.h"
#include "daemon/http/server.h"

#define PARTY_ROOM 64

/* Above our own limit of connections: those that make way for others are not gone at once. */
#define SURPLUS 32

struct limits {
	size_t connections, per_party;
	cf_span patience, idle, peer_idle;
};

/* One listening socket with a libmicrohttpd of its own. */
struct listener {
	LIST_ENTRY(listener) link;
	struct server *server;
	struct MHD_Daemon *mhd;
	int fd;
	sd_event_source *io, *timer;
	sd_event_source *door;		/* of a local one, whose fd is its own */
	char name[CF_HOST_ROOM + 16];	/* "ADDRESS port PORT" as it was asked for, or the socket's path */
	bool local;
	bool closing;			/* takes no new connections; goes when its last one has gone */
	size_t room;			/* limits.connections when it was made: libmicrohttpd takes no more, and SURPLUS */
	size_t n_connections;
};

struct connection {
	LIST_ENTRY(connection) link;
	struct listener *listener;
	int fd;
	char party[PARTY_ROOM];		/* who it counts for: an address or "uid 1000" */
	bool surplus;			/* over a limit: its next request is answered with 503, and is the last */
	bool cut;			/* by us, and not gone yet */
	bool has_deadline;
	cf_mono deadline;		/* when it is cut */
	struct identity *identity;	/* which of our certificates it was shown */
	unsigned generation;		/* of the trust list that said what follows; 0: none yet */
	struct cf_instant judged;	/* when it said so */
	bool known;
	struct http_caller caller;	/* when known */
	struct cf_error denied;		/* when not */
};

enum exchange_state {
	EXCHANGE_NEW,			/* only its first line is known */
	EXCHANGE_READING,		/* its body */
	EXCHANGE_HANDLED,		/* it is for its handler now, or whoever that gave it to */
	EXCHANGE_ANSWERED,		/* what is to be sent is known */
};

struct http_exchange {
	LIST_ENTRY(http_exchange) link;
	struct server *server;		/* NULL once that was freed */
	struct MHD_Connection *mhd;	/* NULL once libmicrohttpd is through with it */
	struct connection *connection;
	enum exchange_state state;
	bool owned;			/* its handler has it and has not answered: it may not go */
	bool suspended;
	cf_mono received;
	struct http_caller caller;

	char *uri;			/* path, NUL, query */
	enum cf_route_id route;
	char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM];
	void *query;			/* decoded; NULL for a route that takes none */

	char *text;			/* the body as far as it came */
	size_t n_text, room;
	bool discard;			/* the answer is known already: read the body over */
	size_t discarded;
	void *body;			/* decoded */

	unsigned status;
	const char *type;		/* of the answer */
	char *answer;			/* JSON; NULL when there was no memory for it */
	char allow[48];			/* the methods there are, for 405 */
	bool last;			/* close the connection after it */
};

LIST_HEAD(listeners, listener);
LIST_HEAD(connections, connection);
LIST_HEAD(exchanges, http_exchange);

struct server {
	struct loop *loop;
	http_handler *handlers[CF_N_ROUTES];
	void *userdata;
	struct limits limits;
	struct listeners listeners;
	struct connections connections;
	struct exchanges exchanges;
	sd_event_source *sweep;
	size_t n_most;			/* connections, since memory was last given back */
	char *socket;			/* its path, to be removed */
	bool has_group;
	gid_t group;
	struct trust *trust;
	unsigned generation;		/* counts the reloads, from 1 on */
	struct identity *identity;
	char tls_why[CF_DETAIL_ROOM];
	bool stopping;
};

/* listener.c */
int listener_new(struct listener **ret, struct server *server, int fd, const char *name, bool local,
		 struct cf_error *err);	/* owns fd, also on failure */
void listener_free(struct listener *listener);
void listener_quiesce(struct listener *listener);
void listener_kick(struct listener *listener);	/* have libmicrohttpd look at what was resumed */
void listener_run(struct listener *listener);
bool listener_is_full(const struct listener *listener, size_t surplus);	/* with so many above the limit */

/* door.c */
int door_open(struct listener *listener);	/* 0 or -errno */
void door_open_again(struct listener *listener);	/* should it have been shut, for lack of descriptors or of room */

/* socket.c */
int socket_local(const char *path, struct cf_error *err);	/* the descriptor, or -errno */
int socket_tcp(const char *address, int port, struct cf_error *err);

/* connection.c */
void connection_notify(void *userdata, struct MHD_Connection *mhd, void **context,
		       enum MHD_ConnectionNotificationCode code);
struct connection *connection_of(struct MHD_Connection *mhd);
void connection_allow(struct connection *c, cf_span time);	/* for its next step, or it is cut */
void connection_wait(struct connection *c);			/* for us: it has all the time */
int connection_identify(struct connection *c, struct MHD_Connection *mhd, struct cf_error *err);
bool connection_is_outdated(const struct connection *c);	/* it was shown a certificate that we have no more */
void connections_sweep(struct server *server);			/* cut those whose time is over */
bool connection_floods(const struct server *server, uid_t uid);	/* a user of the socket, not root, has far too many already */

/* local.c */
uid_t local_uid(int fd);	/* (uid_t)-1 when the kernel does not tell */
void local_judge(const struct server *server, int fd, struct http_caller *ret);

/* request.c */
void *request_begin(void *userdata, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_go_on(void *userdata, struct MHD_Connection *mhd, const char *url, const char *method,
			      const char *version, const char *data, size_t *size, void **context);
void request_end(void *userdata, struct MHD_Connection *mhd, void **context,
		 enum MHD_RequestTerminationCode code);

/* exchange.c */
void exchange_free(struct http_exchange *x);
void exchange_fail(struct http_exchange *x, unsigned status, const struct cf_error *err);
enum MHD_Result exchange_send(struct http_exchange *x);
