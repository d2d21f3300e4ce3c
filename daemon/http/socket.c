/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets to listen on. */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/http/internal.h"

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static int make_parent(const char *path, struct cf_error *err)
{
	char parent[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;

	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (mkdir(parent, 0755) < 0 && errno != EEXIST)
		return cf_fail(err, errno, CF_HOST, "cannot make %s: %s", parent, strerror(errno));
	return 0;
}

/* Remove what an agent that died has left; never what one that lives listens on. */
static int remove_stale(const struct sockaddr_un *to, struct cf_error *err)
{
	__attribute__((cleanup(closep))) int fd = -1;
	struct stat st;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "cannot make a socket: %s", strerror(errno));
	if (lstat(to->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return cf_fail(err, EEXIST, CF_HOST, "%s exists and is not a socket", to->sun_path);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno != ECONNREFUSED)
		return cf_fail(err, EADDRINUSE, CF_HOST, "%s is in use by another agent", to->sun_path);
	if (unlink(to->sun_path) < 0)
		return cf_fail(err, errno, CF_HOST, "cannot remove %s: %s", to->sun_path, strerror(errno));
	return 0;
}

int socket_local(const char *path, struct cf_error *err)
{
	__attribute__((cleanup(closep))) int fd = -1;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(to.sun_path))
		return cf_fail(err, ENAMETOOLONG, CF_HOST, "%s is too long for a socket", path);
	strcpy(to.sun_path, path);

	r = make_parent(path, err);
	if (r < 0)
		return r;
	r = remove_stale(&to, err);
	if (r < 0)
		return r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return cf_fail(err, errno, CF_HOST, "cannot listen on %s: %s", path, strerror(errno));

	return take(&fd);
}

/*
 * An address that the host does not have yet is no error: the network may come
 * up after us.  Keepalives are inherited by the connections: a peer whose host
 * has died says nothing.
 */
static int prepare(int fd, int family)
{
	int one = 1, idle = 20, interval = 5, count = 4;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count)) < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

int socket_tcp(const char *address, int port, struct cf_error *err)
{
	__attribute__((cleanup(closep))) int fd = -1;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%d", port);
	r = getaddrinfo(address, service, &hints, &found);
	if (r != 0)
		return cf_fail(err, EINVAL, CF_HOST, "%s is no address to listen on: %s", address,
			       gai_strerror(r));

	r = 0;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (fd < 0 || prepare(fd, found->ai_family) < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		r = cf_fail(err, errno, CF_HOST, "cannot listen on %s port %d: %s", address, port,
			    strerror(errno));
	freeaddrinfo(found);

	return r < 0 ? r : take(&fd);
}
