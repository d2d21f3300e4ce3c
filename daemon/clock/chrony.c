/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/clock/chrony.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/clock/candm.h"
#include "daemon/clock/kernel.h"

#define PORT	323
#define TRIES	2

/* A way to chronyd while it is open. */
struct way {
	int fd;
	struct sockaddr_un own;		/* our end's name, to be removed; empty for UDP */
	cf_span timeout;
	cf_mono end;
};

static void way_closep(struct way *way)
{
	if (way->own.sun_path[0])
		unlink(way->own.sun_path);
	if (way->fd >= 0)
		close(way->fd);
}

static int fail(struct cf_error *err, int error)
{
	return cf_fail(err, error, CF_HOST, "%s", strerror(error));
}

/*
 * chronyd runs as a user of its own and has to be able to write to our socket.
 * Its directory belongs to that user too, who could put a link in our socket's
 * place before the mode is changed: so the mode goes by descriptor, and only if
 * that is the socket.
 */
static int open_to_chronyd(const char *path, struct cf_error *err)
{
	char self[32];
	struct stat st;
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), r = 0;

	if (fd < 0)
		return fail(err, errno);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		r = fail(err, EPERM);
	else if (chmod(self, 0666) < 0)
		r = fail(err, errno);
	close(fd);
	return r;
}

static int open_socket(const struct chrony_how *how, struct way *way, struct cf_error *err)
{
	const char *path = how->socket ? how->socket : RUNDIR "/chrony/chronyd.sock";
	struct sockaddr_un own = { .sun_family = AF_UNIX }, peer = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	unsigned int random;
	int n, r;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, EIO);
	n = snprintf(own.sun_path, sizeof(own.sun_path), "%.*s/clockferry.%08x.sock",
		     slash ? (int)(slash - path) : 1, slash ? path : ".", random);
	if (n >= (int)sizeof(own.sun_path) || strlen(path) >= sizeof(peer.sun_path))
		return fail(err, ENAMETOOLONG);
	strcpy(peer.sun_path, path);

	way->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (way->fd < 0 || bind(way->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return fail(err, errno);
	way->own = own;
	r = open_to_chronyd(own.sun_path, err);
	if (r < 0)
		return r;
	if (connect(way->fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		return fail(err, errno);
	return 0;
}

static int open_udp(const struct sockaddr *peer, socklen_t size, struct way *way, struct cf_error *err)
{
	way->fd = socket(peer->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Connected: the kernel drops what does not come from there. */
	if (way->fd < 0 || connect(way->fd, peer, size) < 0)
		return fail(err, errno);
	return 0;
}

static int open_ipv4(const struct chrony_how *how, struct way *way, struct cf_error *err)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET,
		.sin_port = htons(how->port ? how->port : PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return open_udp((struct sockaddr *)&peer, sizeof(peer), way, err);
}

static int open_ipv6(const struct chrony_how *how, struct way *way, struct cf_error *err)
{
	struct sockaddr_in6 peer = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(how->port ? how->port : PORT),
		.sin6_addr = in6addr_loopback,
	};

	return open_udp((struct sockaddr *)&peer, sizeof(peer), way, err);
}

/* Until the descriptor is ready, the try's end, or the way's. */
static int wait_until(const struct way *way, short events, cf_mono try_end, struct cf_error *err)
{
	cf_mono now = kernel_raw(), end = cf_mono_cmp(try_end, way->end) < 0 ? try_end : way->end;
	cf_span left = cf_mono_since(end, now);
	struct timespec wait = { left.ns / CF_S, left.ns % CF_S };
	struct pollfd pfd = { .fd = way->fd, .events = events };
	int n;

	if (left.ns <= 0)
		return fail(err, ETIMEDOUT);
	n = ppoll(&pfd, 1, &wait, NULL);
	if (n < 0 && errno != EINTR)
		return fail(err, errno);
	return n > 0;
}

/* A chronyd that hangs leaves its Unix socket's queue full: then sending waits too. */
static int send_request(const struct way *way, const struct candm_request *request, cf_mono try_end,
			struct cf_error *err)
{
	unsigned char packet[CANDM_ROOM];
	size_t size = candm_request(request, packet);
	int r;

	while (send(way->fd, packet, size, MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return fail(err, errno);
		r = wait_until(way, POLLOUT, try_end, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The reply to the request; late and stray ones are passed over. */
static int take_reply(const struct way *way, const struct candm_request *request, cf_mono try_end,
		      unsigned char packet[static CANDM_ROOM], size_t *ret_size, struct cf_error *err)
{
	ssize_t size;
	int r;

	for (;;) {
		size = recv(way->fd, packet, CANDM_ROOM, MSG_TRUNC);
		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return fail(err, errno);
		if (size >= 0 && candm_answers(request, packet, (size_t)size)) {
			*ret_size = (size_t)size;
			return 0;
		}
		r = wait_until(way, POLLIN, try_end, err);
		if (r < 0)
			return r;
	}
}

static int ask(const struct way *way, struct candm_request *request, unsigned char packet[static CANDM_ROOM],
	       size_t *ret_size, struct cf_error *err)
{
	int r = -ETIMEDOUT;

	if (getrandom(&request->sequence, sizeof(request->sequence), 0) != sizeof(request->sequence))
		return fail(err, EIO);

	for (request->attempt = 0; request->attempt < TRIES && r == -ETIMEDOUT; request->attempt++) {
		cf_mono try_end = cf_mono_add(kernel_raw(), way->timeout);

		r = send_request(way, request, try_end, err);
		if (r == 0)
			r = take_reply(way, request, try_end, packet, ret_size, err);
	}
	return r;
}

/* Which source chronyd follows, if any. */
static int read_selected(const struct way *way, struct cf_tracking *t, struct cf_error *err)
{
	struct candm_request request = { .command = CANDM_N_SOURCES };
	unsigned char packet[CANDM_ROOM];
	struct candm_source source;
	uint32_t n = 0;
	size_t size;
	int r;

	r = ask(way, &request, packet, &size, err);
	if (r == 0)
		r = candm_n_sources(&request, packet, size, &n, err);

	request.command = CANDM_SOURCE_DATA;
	for (request.index = 0; r == 0 && request.index < n && !t->selected; request.index++) {
		r = ask(way, &request, packet, &size, err);
		if (r == 0)
			r = candm_source(&request, packet, size, &source, err);
		if (r == 0 && source.state == CANDM_SELECTED) {
			t->selected = t->has_reachability = t->has_poll_interval = true;
			t->reachability = source.reachability;
			t->poll_interval = source.poll_interval;
		}
	}
	return r;
}

static int read_reading(const struct way *way, struct cf_tracking_reading *ret, struct cf_error *err)
{
	struct candm_request request = { .command = CANDM_TRACKING };
	struct cf_tracking_reading reading = { .at = kernel_instant() };
	unsigned char packet[CANDM_ROOM];
	size_t size;
	int r;

	r = ask(way, &request, packet, &size, err);
	if (r < 0)
		return r;
	reading.took = cf_mono_since(kernel_raw(), reading.at.raw);
	r = candm_tracking(&request, packet, size, &reading.tracking, err);
	if (r < 0)
		return r;
	r = read_selected(way, &reading.tracking, err);
	if (r < 0)
		return r;

	*ret = reading;
	return 0;
}

static const struct {
	enum cf_via via;
	const char *name;
	int (*open)(const struct chrony_how *how, struct way *way, struct cf_error *err);
} ways[] = {
	{ CF_VIA_SOCKET, "socket", open_socket },
	{ CF_VIA_IPV4, "127.0.0.1", open_ipv4 },
	{ CF_VIA_IPV6, "::1", open_ipv6 },
};

static int read_by(size_t i, const struct chrony_how *how, cf_mono end, struct cf_tracking_reading *ret,
		   struct cf_error *err)
{
	cf_span timeout = how->timeout.ns ? how->timeout : (cf_span){ 500 * CF_MS };
	__attribute__((cleanup(way_closep))) struct way way = { .fd = -1, .timeout = timeout, .end = end };
	int r;

	r = ways[i].open(how, &way, err);
	if (r == 0)
		r = read_reading(&way, ret, err);
	if (r == 0)
		ret->via = ways[i].via;
	return r;
}

int chrony_read(const struct chrony_how *how, struct cf_tracking_reading *ret, struct cf_error *err)
{
	cf_span deadline = how->deadline.ns ? how->deadline : (cf_span){ 3 * CF_S };
	cf_mono end = cf_mono_add(kernel_raw(), deadline);
	char text[sizeof(err->text)] = "";
	struct cf_error why;
	int r = -EINVAL;

	for (size_t i = 0, n = 0; i < CF_COUNT(ways); i++) {
		if (how->only != CF_VIA_UNKNOWN && how->only != ways[i].via)
			continue;
		r = read_by(i, how, end, ret, &why);
		if (r == 0)
			return 0;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s: %s", n ? "; " : "", ways[i].name, why.text);
		if (n >= sizeof(text))
			n = sizeof(text) - 1;
	}
	return cf_fail(err, -r, CF_HOST, "%s", text);
}
