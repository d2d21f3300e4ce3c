/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/base.h"

#define ENDS_MAX 16	/* addresses of the names that were wanted */

/* Where a wanted connection leads. */
struct end {
	enum cf_side side;
	enum socket_use use;
	struct in6_addr address;	/* an IPv4 one as IPv6 maps it; the source's only */
	in_port_t port;			/* as the network has it */
};

/* A socket of the process. */
struct known {
	ino_t inode;			/* several of its descriptors may be this one */
	int copy;			/* ours, or -1: it is none of those wanted */
	enum socket_use use;
	bool seen;			/* at the last look */
};

struct sockets {
	char folder[64];		/* its /proc/PID/fd, as far as ours; for a test its own */
	pid_t pid;
	int pidfd;
	size_t expected[SOCKET_N_USES];
	size_t n_ends;
	struct end ends[ENDS_MAX];
	size_t n, room;
	struct known *known;
};

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Its process */

static bool has_ended(int pidfd)
{
	struct pollfd process = { .fd = pidfd, .events = POLLIN };

	return poll(&process, 1, 0) != 0;
}

int sockets_open(const struct counter_roots *roots, const char *name, const char *uuid, struct sockets **ret,
		 struct cf_error *err)
{
	CF_AUTO(sockets_free) struct sockets *sockets = calloc(1, sizeof(*sockets));
	pid_t again;
	int r;

	if (!sockets)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	sockets->pidfd = -1;
	r = counters_pid(roots, name, uuid, &sockets->pid, err);
	if (r < 0)
		return r;
	sockets->pidfd = (int)syscall(SYS_pidfd_open, sockets->pid, 0);
	if (sockets->pidfd < 0)
		return cf_fail(err, errno, CF_HOST, "pidfd_open: %s", strerror(errno));

	/* Now that the number is held: is it still the domain's, and was it all the time? */
	r = counters_pid(roots, name, uuid, &again, err);
	if (r < 0)
		return r;
	if (again != sockets->pid || has_ended(sockets->pidfd))
		return cf_fail(err, ESRCH, CF_NOT_FOUND, "the domain's process has just ended");
	snprintf(sockets->folder, sizeof(sockets->folder), "%.40s/%d/fd", roots->proc, (int)sockets->pid);
	*ret = CF_TAKE(sockets);
	return 0;
}

static void close_copy(struct known *known)
{
	if (known->copy >= 0)
		close(known->copy);
	known->copy = -1;
}

void sockets_drop(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->n; i++)
		close_copy(&sockets->known[i]);
	sockets->n = 0;
}

struct sockets *sockets_free(struct sockets *sockets)
{
	if (!sockets)
		return NULL;

	sockets_drop(sockets);
	free(sockets->known);
	if (sockets->pidfd >= 0)
		close(sockets->pidfd);
	free(sockets);
	return NULL;
}

int sockets_pidfd(const struct sockets *sockets)
{
	return sockets->pidfd;
}

/* What is wanted */

/* "tcp://host:port", "tcp:host:port", "tcp://[::1]:port" */
static bool read_uri(const char *uri, char host[static CF_HOST_ROOM], char port[static 8])
{
	const char *at = uri, *colon = strrchr(uri, ':'), *end;

	if (strncmp(at, "tcp:", 4) != 0)
		return false;
	at += strncmp(at, "tcp://", 6) == 0 ? 6 : 4;
	if (colon < at || strspn(colon + 1, "0123456789") == 0)
		return false;
	end = colon + 1 + strspn(colon + 1, "0123456789");
	if ((*end && *end != '/' && *end != '?') || end - colon > 6)
		return false;
	snprintf(port, 8, "%.*s", (int)(end - colon - 1), colon + 1);
	if (*at == '[') {
		if (colon - at < 2 || colon[-1] != ']')
			return false;
		at++;
		colon--;
	}
	if (colon - at >= CF_HOST_ROOM)
		return false;
	snprintf(host, CF_HOST_ROOM, "%.*s", (int)(colon - at), at);
	return true;
}

/* Address and port of a TCP socket's end; false for what has neither. */
static bool end_of(const struct sockaddr_storage *from, struct in6_addr *address, in_port_t *port)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;

	if (from->ss_family == AF_INET6) {
		*address = six->sin6_addr;
		*port = six->sin6_port;
		return true;
	}
	if (from->ss_family != AF_INET)
		return false;
	memset(address, 0, sizeof(*address));
	address->s6_addr[10] = address->s6_addr[11] = 0xff;
	memcpy(&address->s6_addr[12], &four->sin_addr, sizeof(four->sin_addr));
	*port = four->sin_port;
	return true;
}

/* What did not fit what was wanted then may fit now. */
static void forget_others(struct sockets *sockets)
{
	size_t n = 0;

	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->known[i].copy >= 0)
			sockets->known[n++] = sockets->known[i];
	sockets->n = n;
}

int sockets_want(struct sockets *sockets, enum cf_side side, enum socket_use use, const char *uri, size_t expected,
		 struct cf_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char host[CF_HOST_ROOM], port[8];
	size_t n = sockets->n_ends;
	int r;

	if (!read_uri(uri, host, port))
		return cf_fail(err, EINVAL, CF_HOST, "%.160s: no host and port of TCP", uri);
	if (expected > CUT_MAX)
		return cf_fail(err, E2BIG, CF_HOST, "more than %d connections", CUT_MAX);
	if (strchr(host, ':'))	/* no name has one */
		hints.ai_flags |= AI_NUMERICHOST;
	r = getaddrinfo(side == CF_SOURCE ? host : NULL, port, &hints, &found);
	if (r != 0)
		return cf_fail(err, EHOSTUNREACH, CF_HOST, "%.160s: %.60s", host, gai_strerror(r));
	for (struct addrinfo *at = found; at && n < ENDS_MAX; at = at->ai_next) {
		struct sockaddr_storage address = { 0 };
		struct end end = { .side = side, .use = use };

		memcpy(&address, at->ai_addr, at->ai_addrlen);
		if (end_of(&address, &end.address, &end.port))
			sockets->ends[n++] = end;
	}
	freeaddrinfo(found);
	if (n == ENDS_MAX)
		return cf_fail(err, E2BIG, CF_HOST, "%.160s: too many addresses", host);

	sockets->n_ends = n;
	sockets->expected[use] += expected;
	forget_others(sockets);
	return 0;
}

/* What there is */

static const struct end *find_end(const struct sockets *sockets, enum cf_side side, const struct sockaddr_storage *of)
{
	struct in6_addr address;
	in_port_t port;

	if (!end_of(of, &address, &port))
		return NULL;
	for (const struct end *end = sockets->ends; end < sockets->ends + sockets->n_ends; end++)
		if (end->side == side && end->port == port &&
		    (side != CF_SOURCE || memcmp(&end->address, &address, sizeof(address)) == 0))
			return end;
	return NULL;
}

static bool is_tcp(int copy)
{
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	return getsockopt(copy, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

/*
 * Is it one of those wanted?  Returns false for one that listens or is still
 * connecting: it has no peer, and what becomes of it shows at a later look.
 */
static bool judge(const struct sockets *sockets, int copy, const struct end **ret)
{
	struct sockaddr_storage there = { 0 }, here = { 0 };
	socklen_t size_there = sizeof(there), size_here = sizeof(here);

	*ret = NULL;
	if (!is_tcp(copy))
		return true;
	if (getpeername(copy, (struct sockaddr *)&there, &size_there) < 0 ||
	    getsockname(copy, (struct sockaddr *)&here, &size_here) < 0)
		return false;
	*ret = find_end(sockets, CF_SOURCE, &there);
	if (!*ret)
		*ret = find_end(sockets, CF_DESTINATION, &here);
	return true;
}

static bool add(struct sockets *sockets, const struct known *fresh)
{
	if (sockets->n == sockets->room) {
		size_t room = sockets->room ? 2 * sockets->room : 64;
		struct known *more = reallocarray(sockets->known, room, sizeof(*more));

		if (!more)
			return false;
		sockets->known = more;
		sockets->room = room;
	}
	sockets->known[sockets->n++] = *fresh;
	return true;
}

/* Take a duplicate of a socket that is new.  0, or what pidfd_getfd(2) has against it. */
static int take(struct sockets *sockets, int fd, ino_t inode)
{
	int copy = (int)syscall(SYS_pidfd_getfd, sockets->pidfd, fd, 0);
	struct known fresh = { .inode = inode, .copy = -1, .seen = true };
	const struct end *end;
	struct stat is;

	if (copy < 0)
		return errno == EBADF ? 0 : errno;	/* EBADF: closed since */
	if (fstat(copy, &is) < 0 || is.st_ino != inode || !judge(sockets, copy, &end)) {
		close(copy);
		return 0;
	}
	if (end) {
		fresh.copy = copy;
		fresh.use = end->use;
	}
	if (!add(sockets, &fresh) || !end)
		close(copy);
	return 0;
}

static struct known *find(struct sockets *sockets, ino_t inode)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->known[i].inode == inode)
			return &sockets->known[i];
	return NULL;
}

/* "socket:[123]".  What may not be read is an error, and what is gone or something else is none. */
static bool is_socket(int folder, const char *name, ino_t *ret, int *error)
{
	char link[64];
	ssize_t n = readlinkat(folder, name, link, sizeof(link) - 1);
	unsigned long long inode;

	if (n < 0 && (errno == EACCES || errno == EPERM))
		*error = errno;
	if (n <= 0)
		return false;
	link[n] = '\0';
	if (sscanf(link, "socket:[%llu]", &inode) != 1)
		return false;
	*ret = (ino_t)inode;
	return true;
}

/* Goes through the descriptors; 0, or the first error that is no matter of one of them. */
static int walk(struct sockets *sockets)
{
	CF_AUTO(closedir) DIR *dir = opendir(sockets->folder);
	struct dirent *entry;
	int error = 0;

	if (!dir)
		return errno;
	while (!error && (entry = readdir(dir))) {
		struct known *known;
		ino_t inode;

		if (entry->d_name[0] == '.' || !is_socket(dirfd(dir), entry->d_name, &inode, &error))
			continue;
		known = find(sockets, inode);
		if (known)
			known->seen = true;
		else
			error = take(sockets, atoi(entry->d_name), inode);
	}
	return error;
}

static void gather(const struct sockets *sockets, struct cut *cut, struct sockets_seen *ret)
{
	cut->n = 0;
	for (size_t i = 0; i < sockets->n; i++) {
		const struct known *known = &sockets->known[i];

		if (!known->seen || known->copy < 0 || cut->n == CUT_MAX)
			continue;
		cut->fds[cut->n++] = known->copy;
		ret->n[known->use]++;
	}
}

static void tell(const struct sockets *sockets, int error, struct sockets_seen *ret)
{
	static const char *const uses[SOCKET_N_USES] = { "memory", "disks" };

	if (has_ended(sockets->pidfd))
		snprintf(ret->why, sizeof(ret->why), "QEMU has ended");
	else if (error == EPERM || error == EACCES)
		sockets_permitted(ret->why);
	if (error && !*ret->why)
		snprintf(ret->why, sizeof(ret->why), "QEMU's sockets cannot be taken: %s", strerror(error));
	for (int use = 0; use < SOCKET_N_USES && !*ret->why; use++)
		if (ret->n[use] < sockets->expected[use])
			snprintf(ret->why, sizeof(ret->why), "of %zu connections for its %s %zu were found",
				 sockets->expected[use], uses[use], ret->n[use]);
	if (sockets->n_ends == 0 && !*ret->why)
		snprintf(ret->why, sizeof(ret->why), "it is not known where the memory goes");
	ret->can_cut = !*ret->why;
}

void sockets_look(struct sockets *sockets, struct cut *cut, struct sockets_seen *ret)
{
	struct sockets_seen seen = { 0 };
	int error;

	for (size_t i = 0; i < sockets->n; i++)
		sockets->known[i].seen = false;
	error = walk(sockets);
	for (size_t i = 0; error && i < sockets->n; i++)	/* it is not known of any that it was closed */
		sockets->known[i].seen = true;
	gather(sockets, cut, &seen);
	tell(sockets, error, &seen);
	*ret = seen;
}

/*
 * QEMU closes a connection on which its thread that sends still waits, when its peer has ended
 * its half (FIN) and the thread that reads sees that.  Closing does not wake who waits, and
 * whoever waits keeps it open: it has to be shut down while there is a duplicate yet.
 */
void sockets_settle(struct sockets *sockets)
{
	size_t n = 0;

	for (size_t i = 0; i < sockets->n; i++) {
		struct known *known = &sockets->known[i];

		if (known->seen) {
			sockets->known[n++] = *known;
			continue;
		}
		if (known->copy >= 0)
			shutdown(known->copy, SHUT_RDWR);
		close_copy(known);
	}
	sockets->n = n;
}

/* Whether it is allowed */

static bool reads_as(const char *path, const char *key, unsigned long long *ret, int base)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, key, strlen(key)) == 0;
		if (found)
			*ret = strtoull(line + strlen(key), NULL, base);
	}
	if (file)
		fclose(file);
	return found;
}

void sockets_permitted(char why[static CF_DETAIL_ROOM])
{
	const unsigned cap_sys_ptrace = 19, cap_dac_read_search = 2, cap_dac_override = 1;
	unsigned long long effective = 0, scope = 0;
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int copy = (int)syscall(SYS_pidfd_getfd, self, self, 0), error = errno;

	if (copy >= 0)
		close(copy);
	if (self >= 0)
		close(self);
	*why = '\0';
	if (copy < 0 && self >= 0)
		snprintf(why, CF_DETAIL_ROOM, "pidfd_getfd: %s", strerror(error));
	else if (copy < 0)
		snprintf(why, CF_DETAIL_ROOM, "this kernel has no pidfd_open and pidfd_getfd");
	else if (reads_as("/proc/self/status", "CapEff:", &effective, 16) && !(effective >> cap_sys_ptrace & 1))
		snprintf(why, CF_DETAIL_ROOM, "the agent has no CAP_SYS_PTRACE");
	else if (effective && !(effective >> cap_dac_read_search & 1) && !(effective >> cap_dac_override & 1))
		snprintf(why, CF_DETAIL_ROOM, "the agent has no CAP_DAC_READ_SEARCH");
	else if (reads_as("/proc/sys/kernel/yama/ptrace_scope", "", &scope, 10) && scope >= 3)
		snprintf(why, CF_DETAIL_ROOM, "kernel.yama.ptrace_scope is 3: nobody may take sockets from QEMU");
}
