/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The server with libmicrohttpd and all: the input is what a client sends before it
 * closes its end.  A body of JSON comes from us, and says which status it has; the
 * rest is what libmicrohttpd answers to what is no request.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/http/server.h"
#include "tests/fuzz.h"

static struct loop *loop;
static struct server *server;
static struct sockaddr_un to = { .sun_family = AF_UNIX };
static char top[] = "/tmp/clockferry-fuzz-XXXXXX";
static http_handler *handlers[CF_N_ROUTES];

static void answer(void *userdata, struct http_exchange *x)
{
	const struct cf_route *route = &cf_routes[http_route(x)];
	void *reply = calloc(1, route->reply->size);

	(void)userdata;
	must(reply && !route->request == !http_body(x) && !route->query == !http_query(x));
	http_reply(x, reply);
	free(reply);
}

static void remove_all(void)
{
	server_free(server);
	loop_free(loop);
	rmdir(top);
}

static void start(void)
{
	struct server_options options = { .socket = to.sun_path };

	must(mkdtemp(top));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/sock", top);
	for (size_t i = 0; i < CF_N_ROUTES; i++)
		handlers[i] = answer;
	must(loop_new(&loop, NULL) == 0);
	must(server_new(&server, loop, &options, handlers, NULL, NULL) == 0);
	atexit(remove_all);
}

/* Turn the loop until the server has closed; what it said is in *text then. */
static size_t converse(const uint8_t *data, size_t size, char *text, size_t room)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t sent = 0, used = 0;
	ssize_t n = -1;

	must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int turns = 0; n != 0; turns++) {
		must(turns < 100000);
		if (sent < size) {
			n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
			sent = n < 0 ? sent : sent + (size_t)n;
		}
		if (sent == size)
			shutdown(fd, SHUT_WR);
		sd_event_run(loop_sd(loop), 100);
		n = recv(fd, text + used, room - used, 0);
		used += n > 0 ? (size_t)n : 0;
		must(used < room);
		if (n < 0 && sent < size && turns > 1000)
			sent = size;	/* it does not read on */
	}
	close(fd);
	sd_event_run(loop_sd(loop), 0);
	text[used] = '\0';
	return used;
}

/* The value of a header field of ours, or "". */
static const char *field(const char *head, const char *end, const char *name)
{
	const char *at = strstr(head, name);

	return at && at < end ? at + strlen(name) : "";
}

/* One answer after another, until there is one that is not ours: what has no type comes from libmicrohttpd. */
static void check(const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\r\n\r\n"), *type, *body;
		int status = 0;

		must(sscanf(text, "HTTP/1.1 %d ", &status) == 1 && end);
		must(status >= 100 && status < 600);
		body = end + 4;
		type = field(text, end, "\r\nContent-Type: ");
		if (status == 100) {
			text = body;
			continue;
		}
		must(*type || status >= 400);
		if (!*type)
			return;
		must(*body == '{' && strncmp(type, status < 400 ? "application/json\r" : "application/problem+json\r", 17) == 0);
		text = body + strtoul(field(text, end, "\r\nContent-Length: "), NULL, 10);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { ROOM = 4 << 20 };
	char *text = malloc(ROOM);

	must(text);
	if (!server)
		start();
	converse(data, size, text, ROOM);
	if (!memmem(data, size, "HEAD", 4))	/* has a length without a body */
		check(text);
	free(text);
	return 0;
}
