/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A storm from the network, or from a local user, and who asks on the socket meanwhile. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/pair.h"
#include "tests/tap.h"

#define STRANGERS 110	/* who begin a handshake, all at once */
#define NEIGHBOURS 300	/* who come to the socket just before, and say nothing */
#define FLOOD 900	/* who come to the socket as one user */
#define NOBODY 65534
#define EACH 8		/* connections of one party */
#define IN_TURN 11	/* handshakes, in one turn of libmicrohttpd's */

static struct stranger {
	int fd;
	gnutls_session_t session;
} strangers[STRANGERS];

static int neighbours[NEIGHBOURS], asker, greeted_before = -1;
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

/* On the server's own thread: whatever it does for strangers after this answer comes too late to be counted. */
static void on_version(void *userdata, struct http_exchange *x)
{
	struct cf_version version = { .major = CF_MAJOR, .minor = CF_MINOR };

	(void)userdata;
	if (greeted_before < 0)
		greeted_before = count_greeted(0);
	http_reply(x, &version);
}

static http_handler *const handlers[CF_N_ROUTES] = { [CF_ROUTE_VERSION] = on_version };

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

/* More than there may be connections at all, and nobody counts root's: who came first and says nothing makes way. */
static void crowd(void *fds)
{
	int *crowd = fds;

	for (int i = 0; i < FLOOD; i++)
		crowd[i] = raw_connect(pair.wire.socket);
	asker = raw_connect(pair.wire.socket);
	raw_send(asker, "GET /v1/version HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void test_crowd(void)
{
	static struct answer a;
	int fds[FLOOD];

	if (getuid() != 0) {
		ok(true, "a crowd that nobody counts # SKIP needs root");
		return;
	}
	wire_do(&pair.wire, crowd, fds);
	ok(raw_read(asker, &a) == 0 && a.status == 200, "who asks behind %d that nobody counts waits outside, and is answered", FLOOD);
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	close(asker);
}

/* What became of them, as they saw it. */
struct flood {
	int sent_away, told, served;
};

static bool ends(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char c;

	return poll(&p, 1, 20000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) <= 0;
}

/* The last one that is let in is in when those behind it have been sent away. */
static struct flood flood_fate(const int *fds)
{
	static struct answer a;
	struct flood fate = { 0 };

	for (int i = 2 * EACH; i < FLOOD; i++)
		fate.sent_away += ends(fds[i]);
	for (int i = 0; i < 2 * EACH; i++) {
		if (raw_ask(fds[i], &a, "GET", "/v1/version", NULL) < 0)
			continue;
		fate.served += a.status == 403;
		fate.told += a.status == 503;
	}
	return fate;
}

/* In a process of its own: says when all have knocked, and later what became of them. */
static void flood_as_nobody(int to)
{
	int fds[FLOOD];
	struct flood fate;

	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(1);
	for (int i = 0; i < FLOOD; i++)
		fds[i] = raw_connect(pair.wire.socket);
	if (write(to, "", 1) != 1)
		_exit(1);
	fate = flood_fate(fds);
	_exit(write(to, &fate, sizeof(fate)) != sizeof(fate));
}

/* On the server's own thread as well: who asks is behind all of them. */
static void flood(void *ends_of_pipe)
{
	int *pipe = ends_of_pipe;
	char c;

	if (fork() == 0)
		flood_as_nobody(pipe[1]);
	if (read(pipe[0], &c, 1) != 1)
		abort();
	asker = raw_connect(pair.wire.socket);
	raw_send(asker, "GET /v1/version HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void test_flood(void)
{
	static struct answer a;
	struct flood fate = { 0 };
	int both[2];

	if (getuid() != 0) {
		ok(true, "a local user's flood # SKIP needs root");
		return;
	}
	pair.wire.options.max_per_party = EACH;
	ok(pair_reload() == 0 && pipe(both) == 0, "one party may have %d %s", EACH, pair.err.text);
	wire_do(&pair.wire, flood, both);
	ok(raw_read(asker, &a) == 0 && a.status == 200, "who asks behind a local user's %d is answered", FLOOD);
	ok(read(both[0], &fate, sizeof(fate)) == sizeof(fate) && wait(NULL) > 0, "... whose fate is known");
	ok(fate.served == EACH, "%d of them are served", fate.served);
	ok(fate.told == EACH, "%d are told that they are too many", fate.told);
	ok(fate.sent_away == FLOOD - 2 * EACH, "and all others, %d, sent away unheard", fate.sent_away);
	close(asker);
	close(both[0]);
	close(both[1]);
}

int main(void)
{
	static struct answer a;
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	pair.wire.handlers = handlers;
	pair_start();
	pair.wire.options.max_per_party = STRANGERS + NEIGHBOURS;
	ok(pair_reload() == 0, "one party may have them all %s", pair.err.text);
	gnutls_certificate_allocate_credentials(&nothing_to_show);

	wire_do(&pair.wire, gather, NULL);
	ok(raw_read(asker, &a) == 0 && a.status == 200, "who asks on the socket is answered");
	ok(greeted_before <= 3 * IN_TURN, "... behind all others there, and before all but %d of %d strangers", greeted_before, STRANGERS);
	ok(count_greeted(20000) == STRANGERS, "who have their turn then");

	leave();
	test_crowd();
	test_flood();
	wire_stop(&pair.wire);
	return done();
}
