/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A listening socket, libmicrohttpd behind it, and both inside our loop. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/http/internal.h"
#include "proto/base.h"

/* No CBC, no SHA-1, nothing before TLS 1.2. */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:" \
	"-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"

#define HEADER_ROOM ((size_t)32 << 10)

/*
 * Only our loop calls it.  Unless libmicrohttpd 1.0 is told so, it takes in what the door hands it in its
 * next run, for fear of other threads; the door, which counts who is in, would let a whole turn of them in.
 */
#if MHD_VERSION >= 0x00097707
# define ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
# define ONE_THREAD 0
#endif

/*
 * Have libmicrohttpd do what it can, and ask it when it wants to be called next:
 * its epoll descriptor does not become readable for what it has read into its own
 * buffers already.
 */
void listener_run(struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(listener->mhd);
	if (MHD_get_timeout(listener->mhd, &ms) == MHD_YES) {
		sd_event_source_set_time_relative(listener->timer, ms * 1000);
		sd_event_source_set_enabled(listener->timer, SD_EVENT_ONESHOT);
	} else {
		sd_event_source_set_enabled(listener->timer, SD_EVENT_OFF);
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source; (void)fd; (void)revents;
	listener_run(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source; (void)usec;
	listener_run(userdata);
	return 0;
}

void listener_kick(struct listener *listener)
{
	sd_event_source_set_time_relative(listener->timer, 0);
	sd_event_source_set_enabled(listener->timer, SD_EVENT_ONESHOT);
}

bool listener_is_full(const struct listener *listener, size_t surplus)
{
	size_t limit = listener->server->limits.connections;

	return listener->n_connections >= (limit < listener->room ? limit : listener->room) + surplus;
}

static int choose_certificate(gnutls_session_t session, const gnutls_datum_t *cas, int n_cas,
			      const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
			      gnutls_pcert_st **chain, unsigned *n_chain, gnutls_privkey_t *key)
{
	struct connection *c = gnutls_session_get_ptr(session);

	(void)cas; (void)n_cas; (void)algorithms; (void)n_algorithms;
	if (!c)
		return -1;
	if (!c->identity)
		c->identity = identity_ref(c->listener->server->identity);
	identity_show(c->identity, chain, n_chain, key);
	return 0;
}

static struct MHD_Daemon *start(struct listener *listener, int fd)
{
	unsigned flags = ONE_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 (listener->local ? MHD_USE_NO_LISTEN_SOCKET : MHD_USE_TLS);
	struct MHD_OptionItem network[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)PRIORITIES },
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)choose_certificate },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(flags, 0, NULL, NULL, request_go_on, listener,
		MHD_OPTION_NOTIFY_CONNECTION, connection_notify, listener,
		MHD_OPTION_URI_LOG_CALLBACK, request_begin, listener,
		MHD_OPTION_NOTIFY_COMPLETED, request_end, listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(listener->room + SURPLUS),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_ROOM,
		MHD_OPTION_ARRAY, listener->local ? network + CF_COUNT(network) - 1 : network,
		MHD_OPTION_END);
}

static int watch(struct listener *listener)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	sd_event *event = loop_sd(listener->server->loop);
	int r;

	r = sd_event_add_io(event, &listener->io, info->epoll_fd, EPOLLIN, on_io, listener);
	if (r >= 0)
		r = sd_event_add_time(event, &listener->timer, CLOCK_MONOTONIC, 0, 1, on_timer, listener);
	if (r >= 0 && listener->local)
		r = door_open(listener);
	return r;
}

int listener_new(struct listener **ret, struct server *server, int fd, const char *name, bool local,
		 struct cf_error *err)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener) {
		close(fd);
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}

	listener->server = server;
	listener->fd = fd;
	listener->local = local;
	listener->room = server->limits.connections;
	snprintf(listener->name, sizeof(listener->name), "%s", name);
	LIST_INSERT_HEAD(&server->listeners, listener, link);

	listener->mhd = start(listener, fd);
	r = listener->mhd ? watch(listener) : -EIO;
	if (r < 0) {
		if (!listener->mhd && !local)
			close(fd);
		listener_free(listener);
		return cf_fail(err, -r, CF_HOST, "cannot serve %s: %s", name, strerror(-r));
	}

	*ret = listener;
	return 0;
}

void listener_quiesce(struct listener *listener)
{
	int fd = MHD_quiesce_daemon(listener->mhd);

	if (fd >= 0)
		close(fd);
	listener->closing = true;
}

/* Nothing may be suspended any more. */
void listener_free(struct listener *listener)
{
	LIST_REMOVE(listener, link);
	if (listener->mhd)
		MHD_stop_daemon(listener->mhd);
	sd_event_source_disable_unref(listener->door);
	sd_event_source_disable_unref(listener->io);
	sd_event_source_disable_unref(listener->timer);
	if (listener->local)
		close(listener->fd);
	free(listener);
}
