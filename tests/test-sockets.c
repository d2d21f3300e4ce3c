/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A process of our own in the place of QEMU: it sends what it can, over the
 * sockets that it is given, and says when one fails.
 */
#include "daemon/virt/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "tests/stand-in.h"
#include "tests/tap.h"

static char folder[] = "/tmp/sockets.XXXXXX";
static struct counter_roots roots = { .proc = "/proc", .run = folder };

static void name_pid(pid_t pid)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/g.pid", folder);
	file = fopen(path, "w");
	fprintf(file, "%d\n", (int)pid);
	fclose(file);
	/* Until exec has happened its command line is ours. */
	for (int i = 0; i < 2000; i++) {
		pid_t found;

		if (counters_pid(&roots, "g", UUID, &found, NULL) == 0)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 5 * CF_MS }, NULL);
	}
}

/* Its connections */

struct server {
	int fd;
	int family;
	in_port_t port;		/* as the host has it */
	char uri[64];
};

static bool listen_on(int family, struct server *ret)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *address = family == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t size = family == AF_INET6 ? sizeof(six) : sizeof(four);

	ret->family = family;
	ret->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(ret->fd, address, size) < 0 || listen(ret->fd, 300) < 0 || getsockname(ret->fd, address, &size) < 0)
		return false;
	ret->port = ntohs(family == AF_INET6 ? six.sin6_port : four.sin_port);
	snprintf(ret->uri, sizeof(ret->uri), family == AF_INET6 ? "tcp://[::1]:%d" : "tcp://127.0.0.1:%d", ret->port);
	return true;
}

/* From a socket of that family, which may be IPv6 where the server is IPv4; the other end in *ret_there. */
static int connect_to(const struct server *server, int family, int *ret_there)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				    .sin6_port = htons(server->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons(server->port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (server->family == AF_INET)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
	r = family == AF_INET6 ? connect(fd, (struct sockaddr *)&six, sizeof(six))
			       : connect(fd, (struct sockaddr *)&four, sizeof(four));
	*ret_there = r < 0 ? -1 : accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	if (*ret_there < 0)
		abort();
	return fd;
}

/* Its process, and what of its sockets are the memory's. */
static struct sockets *memory_of(const struct qemu *qemu, enum cf_side side, const struct server *memory, size_t n)
{
	struct sockets *sockets = NULL;

	name_pid(qemu->pid);
	if (sockets_open(&roots, "g", UUID, &sockets, NULL) < 0)
		abort();
	sockets_want(sockets, side, SOCKET_MEMORY, memory->uri, n, NULL);
	return sockets;
}

/* The peer has seen the end of it, without our own. */
static bool at_end(int there)
{
	struct pollfd readable = { .fd = there, .events = POLLIN };
	char bytes[65536];
	ssize_t n;

	do {
		if (poll(&readable, 1, 5000) != 1)
			return false;
		n = recv(there, bytes, sizeof(bytes), 0);
	} while (n > 0);
	return n == 0;
}

static bool is_open(int there)
{
	char byte;

	return recv(there, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void test_uris(void)
{
	static const struct {
		const char *uri, *sentence;
		int want;
	} cases[] = {
		{ "tcp://127.0.0.1:49152", "an address", 0 },
		{ "tcp:127.0.0.1:49152", "the old way", 0 },
		{ "tcp://[::1]:49152", "an IPv6 address", 0 },
		{ "tcp://localhost:49152/", "a name", 0 },
		{ "tcp://localhost:49152?x=y", "with parameters", 0 },
		{ "tcp://127.0.0.1", "without a port", -EINVAL },
		{ "tcp://[::1]", "IPv6 without a port", -EINVAL },
		{ "tcp://127.0.0.1:", "with an empty port", -EINVAL },
		{ "tcp://127.0.0.1:4x", "with something that is no port", -EINVAL },
		{ "tcp://127.0.0.1:4915200", "with a port that is none", -EINVAL },
		{ "unix:///run/x", "a Unix socket", -EINVAL },
		{ "rdma://hB:49152", "RDMA", -EINVAL },
		{ "", "nothing", -EINVAL },
		{ "tcp:", "nearly nothing", -EINVAL },
		{ "tcp://[no::address::]:49152", "an address that means nothing", -EHOSTUNREACH },
	};
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	struct cf_error err = { 0 };

	ok(sockets_open(&roots, "g", UUID, &sockets, &err) == 0, "the process is found %s", err.text);
	for (size_t i = 0; sockets && i < CF_COUNT(cases); i++) {
		int r = sockets_want(sockets, CF_SOURCE, SOCKET_MEMORY, cases[i].uri, 0, &err);

		ok(r == cases[i].want, "%s: '%s' %s", cases[i].sentence, cases[i].uri, r < 0 ? err.text : "");
	}
}

static void test_process(const char *self)
{
	struct qemu qemu = start(self, NULL, 0);
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	struct sockets_seen seen;
	struct pollfd process;
	struct cf_error err;
	struct cut cut;

	name_pid(qemu.pid);
	ok(sockets_open(&roots, "g", "00000000-d9a0-4f7a-8f5e-0123456789ab", &sockets, &err) == -ESRCH,
	   "a process of another domain is not taken for it: %s", err.text);
	ok(sockets_open(&roots, "other", UUID, &sockets, &err) == -ENOENT, "nor is there one of no domain: %s", err.text);
	test_uris();
	ok(sockets_open(&roots, "g", UUID, &sockets, &err) == 0, "its own is");
	sockets_look(sockets, &cut, &seen);
	ok(!seen.can_cut && cut.n == 0, "nothing can be cut where nothing is wanted: %s", seen.why);
	process = (struct pollfd){ .fd = sockets_pidfd(sockets), .events = POLLIN };
	ok(poll(&process, 1, 0) == 0, "its pidfd says that it lives");
	end(&qemu);
	ok(poll(&process, 1, 5000) == 1, "and that it ended");
	sockets_look(sockets, &cut, &seen);
	ok(!seen.can_cut && strcmp(seen.why, "QEMU has ended") == 0, "then nothing can be cut: %s", seen.why);
}

/* What is found among all that a QEMU has. */
static void test_find(const char *self, int family, int from)
{
	struct server memory, disks, vnc;
	int there[6], fds[9], pair[2], listener, twice, n = 0;
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	struct sockets_seen seen;
	struct qemu qemu;
	struct cut cut;
	bool shut = true, kept;

	if (!listen_on(family, &memory) || !listen_on(family, &disks) || !listen_on(family, &vnc)) {
		printf("# this machine has no such loopback\n");
		return;
	}
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	fds[n++] = connect_to(&memory, from, &there[0]);
	fds[n++] = connect_to(&vnc, from, &there[1]);
	fds[n++] = pair[1];
	fds[n++] = connect_to(&memory, from, &there[2]);
	fds[n++] = connect_to(&disks, from, &there[3]);
	fds[n++] = listener = socket(family, SOCK_STREAM, 0);
	listen(listener, 1);
	fds[n++] = open("/dev/null", O_RDONLY);
	twice = fcntl(fds[0], F_DUPFD, 0);
	fds[n++] = twice;
	fds[n++] = socket(AF_INET, SOCK_DGRAM, 0);
	qemu = start(self, fds, (size_t)n);
	name_pid(qemu.pid);

	ok(sockets_open(&roots, "g", UUID, &sockets, NULL) == 0, "a process with all kinds of sockets");
	sockets_want(sockets, CF_SOURCE, SOCKET_MEMORY, memory.uri, 3, NULL);
	sockets_look(sockets, &cut, &seen);
	ok(cut.n == 2 && seen.n[SOCKET_MEMORY] == 2, "those to where the memory goes are found, each once, and no other: %zu",
	   cut.n);
	ok(!seen.can_cut, "but not as many as there should be: %s", seen.why);
	sockets_want(sockets, CF_SOURCE, SOCKET_STORAGE, disks.uri, 1, NULL);
	sockets_look(sockets, &cut, &seen);
	ok(cut.n == 3 && seen.n[SOCKET_STORAGE] == 1, "those of the disks are found when they are known");
	for (size_t i = 0; i < cut.n; i++)
		shutdown(cut.fds[i], SHUT_RDWR);
	shut = at_end(there[0]) && at_end(there[2]) && at_end(there[3]);
	kept = is_open(there[1]) && send(pair[0], "x", 1, MSG_NOSIGNAL) == 1;
	ok(shut, "shut down here they are at an end there");
	ok(kept, "and others are not");

	end(&qemu);
	for (int i = 0; i < 4; i++)
		close(there[i]);
	close(pair[0]);
	close(memory.fd);
	close(disks.fd);
	close(vnc.fd);
}

/* At the destination it is who connected. */
static void test_accepted(const char *self)
{
	struct server memory, other;
	int there[2], here[2], fds[3];
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	struct sockets_seen seen;
	struct qemu qemu;
	struct cut cut;

	if (!listen_on(AF_INET, &memory) || !listen_on(AF_INET, &other))
		abort();
	here[0] = connect_to(&memory, AF_INET, &there[0]);
	here[1] = connect_to(&other, AF_INET, &there[1]);
	fds[0] = there[0];
	fds[1] = there[1];
	fds[2] = memory.fd;
	qemu = start(self, fds, 3);
	sockets = memory_of(&qemu, CF_DESTINATION, &memory, 1);
	sockets_look(sockets, &cut, &seen);
	ok(cut.n == 1 && seen.can_cut, "at the destination what was accepted is found, and not what listens: %zu %s", cut.n,
	   seen.why);
	for (size_t i = 0; i < cut.n; i++)
		shutdown(cut.fds[i], SHUT_RDWR);
	ok(at_end(here[0]) && is_open(here[1]), "shut down there it is at an end here");
	end(&qemu);
	close(here[0]);
	close(here[1]);
	close(other.fd);
}

/* A QEMU that has one connection, over which it sends its memory, as it was first looked at. */
struct sender {
	struct server memory;
	int there;
	struct qemu qemu;
	struct sockets *sockets;
	struct sockets_seen seen;
	struct cut cut;
};

static struct sender sender_new(const char *self)
{
	struct sender one;
	int here;

	if (!listen_on(AF_INET, &one.memory))
		abort();
	here = connect_to(&one.memory, AF_INET, &one.there);
	one.qemu = start(self, &here, 1);
	one.sockets = memory_of(&one.qemu, CF_SOURCE, &one.memory, 1);
	sockets_look(one.sockets, &one.cut, &one.seen);
	return one;
}

static void sender_end(struct sender *one)
{
	sockets_free(one->sockets);
	end(&one->qemu);
	close(one->there);
	close(one->memory.fd);
}

/* What QEMU has closed its peer sees, once the duplicates are given back. */
static void test_closed(const char *self)
{
	struct sender one = sender_new(self);

	ok(one.seen.can_cut, "all that were expected: it can be cut %s", one.seen.why);
	order(&one.qemu, 'c');
	ok(hear(&one.qemu) == 'c' && is_open(one.there), "QEMU closes one, and its duplicate keeps it open");
	sockets_look(one.sockets, &one.cut, &one.seen);
	ok(one.cut.n == 0 && !one.seen.can_cut && is_open(one.there), "it is no longer among those to be cut: %s", one.seen.why);
	sockets_settle(one.sockets);
	ok(at_end(one.there), "and when it is settled the peer sees the end");
	sender_end(&one);
}

/* What it says next that is no full queue. */
static char hear_more(struct qemu *qemu)
{
	char what;

	do
		what = hear(qemu);
	while (what == 'f');
	return what;
}

/* A peer that reads nothing any more and has ended its half: QEMU closes what one of its threads waits for. */
static void test_closed_asleep(const char *self)
{
	struct sender one = sender_new(self);

	order(&one.qemu, 't');
	ok(hear(&one.qemu) == 'f', "a thread of QEMU's waits to send");
	shutdown(one.there, SHUT_WR);
	order(&one.qemu, 'c');
	ok(hear_more(&one.qemu) == 'c', "QEMU closes the connection, which the thread is not told");
	sockets_look(one.sockets, &one.cut, &one.seen);
	sockets_settle(one.sockets);
	ok(one.cut.n == 0 && hear_more(&one.qemu) == 'e', "and when it is settled the thread is woken");
	sender_end(&one);
}

/* A peer that reads nothing, and is stopped: QEMU's queue is full, and QEMU sleeps. */
static void test_stalled(const char *self)
{
	struct watchdog *dog;
	struct server memory;
	int there, fds[1];
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	struct sockets_seen seen;
	struct guard_end how;
	struct guard *guard;
	struct qemu qemu;
	struct cut cut;
	pid_t peer;

	if (!listen_on(AF_INET, &memory) || watchdog_start(&dog, NULL) < 0)
		abort();
	fds[0] = connect_to(&memory, AF_INET, &there);
	peer = fork();
	if (peer == 0) {
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(peer, NULL, WUNTRACED);
	close(there);
	close(memory.fd);
	qemu = start(self, fds, 1);
	sockets = memory_of(&qemu, CF_SOURCE, &memory, 1);
	sockets_look(sockets, &cut, &seen);
	guard = guard_new(dog, sockets_pidfd(sockets));
	guard_sockets(guard, &cut);
	order(&qemu, 's');
	ok(hear(&qemu) == 'f', "a peer that is stopped: the queue is full");
	guard_due(guard, GUARD_BLACKOUT, cf_mono_add(kernel_raw(), (cf_span){ 20 * CF_MS }));
	while (hear(&qemu) == 'f')
		;
	guard_read(guard, &how);
	ok(how.cut && how.n == 1 && how.error == 0, "it is cut all the same, and who waited to send is told at once");
	guard_free(guard);

	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	end(&qemu);
	watchdog_stop(dog);
}

static void test_many(const char *self)
{
	enum { N = 256, LOOKS = 50 };
	static int there[N], fds[N];
	CF_AUTO(sockets_free) struct sockets *sockets = NULL;
	cf_mono begun;
	cf_span first, later;
	struct server memory;
	struct sockets_seen seen;
	struct qemu qemu;
	struct cut cut;

	if (!listen_on(AF_INET, &memory))
		abort();
	for (int i = 0; i < N; i++)
		fds[i] = connect_to(&memory, AF_INET, &there[i]);
	qemu = start(self, fds, 80);
	for (int i = 80; i < N; i++)
		close(fds[i]);
	sockets = memory_of(&qemu, CF_SOURCE, &memory, 80);
	begun = kernel_raw();
	sockets_look(sockets, &cut, &seen);
	first = cf_mono_since(kernel_raw(), begun);
	ok(cut.n == 80 && seen.can_cut, "parallel connections, all of them: %zu %s", cut.n, seen.why);
	begun = kernel_raw();
	for (int i = 0; i < LOOKS; i++)
		sockets_look(sockets, &cut, &seen);
	later = cf_mono_since(kernel_raw(), begun);
	ok(cut.n == 80 && seen.can_cut, "as often as one looks");
	printf("# the first look took %lld us, one more %lld us\n", (long long)(first.ns / CF_US),
	       (long long)(later.ns / LOOKS / CF_US));
	end(&qemu);
	for (int i = 0; i < N; i++)
		close(there[i]);
	close(memory.fd);
}

int main(int argc, char **argv)
{
	char why[CF_DETAIL_ROOM], path[64], self[4096];
	ssize_t n;

	if (argc > 1 && strcmp(argv[1], "-name") == 0)
		return be_qemu();
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n] = '\0';
	if (!mkdtemp(folder))
		return 1;
	sockets_permitted(why);
	printf("# permitted: %s\n", *why ? why : "yes");	/* from one's own child it is in any case */
	test_process(self);
	test_find(self, AF_INET, AF_INET);
	test_find(self, AF_INET6, AF_INET6);
	test_find(self, AF_INET, AF_INET6);
	test_accepted(self);
	test_closed(self);
	test_closed_asleep(self);
	test_stalled(self);
	test_many(self);
	snprintf(path, sizeof(path), "%s/g.pid", folder);
	unlink(path);
	rmdir(folder);
	return done();
}
