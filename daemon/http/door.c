/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The door of the Unix socket.  libmicrohttpd would take in whoever knocks, read what he
 * asks and tell him that he is too many: a tenth of a millisecond for each, and a local user
 * can have thousands in the backlog in no time, with an operator behind them.  Who has many
 * more connections than anybody may is sent away here, for a few microseconds.
 */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/http/internal.h"

/*
 * The listeners take turns.  In one turn libmicrohttpd takes in eleven connections from the
 * network, and with TLS that can be as many handshakes, each of some milliseconds.  So many
 * here are about as long as one of those: who asks on the socket waits for one turn of the
 * network's, however many others are there, and nobody can keep the network out.
 */
#define LET_IN_MOST  176
#define LOOK_AT_MOST 1024

/* Is what accept4() said about this host, and not about who knocked? */
static bool is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Who comes then waits outside until those have gone that make way. */
static bool is_full(const struct listener *listener)
{
	return listener_is_full(listener, SURPLUS);
}

static int on_knock(sd_event_source *source, int door, uint32_t revents, void *userdata)
{
	static const struct sockaddr nameless = { .sa_family = AF_UNIX };
	struct listener *listener = userdata;
	uid_t uid, flooder = 0;		/* who was sent away last: nobody's connections get fewer in this turn, and counting takes long */
	int in = 0, fd = -1;

	(void)revents;
	for (int looks = 0; looks < LOOK_AT_MOST && in < LET_IN_MOST && !is_full(listener); looks++) {
		fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		uid = local_uid(fd);
		if (uid != 0 && (uid == flooder || connection_floods(listener->server, uid))) {
			flooder = uid;
			close(fd);
			continue;
		}
		MHD_add_connection(listener->mhd, fd, &nameless, sizeof(nameless.sa_family));	/* closes it when it cannot */
		in++;
	}
	if (is_full(listener) || (fd < 0 && is_exhausted(errno)))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);	/* until one has gone, or the next sweep */
	listener_run(listener);
	return 0;
}

int door_open(struct listener *listener)
{
	return sd_event_add_io(loop_sd(listener->server->loop), &listener->door, listener->fd, EPOLLIN, on_knock, listener);
}

void door_open_again(struct listener *listener)
{
	if (listener->door && !is_full(listener))
		sd_event_source_set_enabled(listener->door, SD_EVENT_ON);
}
