/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A storm from the network, and who asks on the socket meanwhile. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/pair.h"
#include "tests/tap.h"

#define STRANGERS 110	/* who begin a handshake, all at once */
#define NEIGHBOURS 300	/* who come to the socket just before, and say nothing */
#define IN_TURN 11	/* handshakes, in one turn of libmicrohttpd's */

static struct stranger {
	int fd;
	gnutls_session_t session;
} strangers[STRANGERS];

static int neighbours[NEIGHBOURS], asker;
static gnutls_certificate_credentials_t nothing_to_show;

static int connect_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)pair.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		abort();
	return fd;
}

static void say_hello(struct stranger *stranger)
{
	stranger->fd = connect_tcp();
	gnutls_init(&stranger->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(stranger->session);
	gnutls_credentials_set(stranger->session, GNUTLS_CRD_CERTIFICATE, nothing_to_show);
	gnutls_transport_set_int(stranger->session, stranger->fd);
	if (gnutls_handshake(stranger->session) != GNUTLS_E_AGAIN)
		abort();
}

/* On the server's own thread, so that it finds all of them at once. */
static void gather(void *ignored)
{
	(void)ignored;
	for (int i = 0; i < STRANGERS; i++)
		say_hello(&strangers[i]);
	for (int i = 0; i < NEIGHBOURS; i++)
		neighbours[i] = raw_connect(pair.wire.socket);
	asker = raw_connect(pair.wire.socket);
	raw_send(asker, "GET /v1/version HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* How many have the server's hello, waiting for each so long. */
static int count_greeted(int patience_ms)
{
	int n = 0;

	for (int i = 0; i < STRANGERS; i++) {
		struct pollfd p = { strangers[i].fd, POLLIN, 0 };

		n += poll(&p, 1, patience_ms) == 1;
	}
	return n;
}

static void leave(void)
{
	for (int i = 0; i < STRANGERS; i++) {
		gnutls_deinit(strangers[i].session);
		close(strangers[i].fd);
	}
	for (int i = 0; i < NEIGHBOURS; i++)
		close(neighbours[i]);
	close(asker);
	gnutls_certificate_free_credentials(nothing_to_show);
}

int main(void)
{
	static struct answer a;
	int before;

	pair_start();
	pair.wire.options.max_per_party = STRANGERS + NEIGHBOURS;
	ok(pair_reload() == 0, "one party may have them all %s", pair.err.text);
	gnutls_certificate_allocate_credentials(&nothing_to_show);

	wire_do(&pair.wire, gather, NULL);
	ok(raw_read(asker, &a) == 0 && a.status == 200, "who asks on the socket is answered");
	before = count_greeted(0);
	ok(before <= 3 * IN_TURN, "... behind all others there, and before all but %d of %d strangers", before, STRANGERS);
	ok(count_greeted(20000) == STRANGERS, "who have their turn then");

	leave();
	wire_stop(&pair.wire);
	return done();
}
