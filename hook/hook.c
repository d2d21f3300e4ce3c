/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hook/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hook/answer.h"
#include "hook/uuid.h"

#define XML_MOST     ((size_t)1 << 20)	/* the uuid stands far in front of that */
#define ANSWER_MOST  ((size_t)1 << 18)
#define AGAIN        20			/* ms, between attempts to reach an agent that is just starting */

/* One that may not allocate has its memory from the start. */
static char xml[XML_MOST], response[ANSWER_MOST];

static cf_mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (cf_mono){ t.tv_sec * CF_S + t.tv_nsec };
}

/* Milliseconds until then, for poll(2); 0 when it is over. */
static int left(cf_mono deadline)
{
	cf_span span = cf_mono_since(deadline, now());

	return span.ns <= 0 ? 0 : (int)((span.ns + CF_MS - 1) / CF_MS);
}

static bool wait_for(int fd, short what, cf_mono deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	int ms, r;

	while ((ms = left(deadline)) > 0) {
		r = poll(&p, 1, ms);
		if (r > 0)
			return true;
		if (r < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

/* What is opened here must not become the standard error of a parent that closed its own. */
static void fill_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* The XML on standard input, as far as it takes; "" when there is no uuid in it, or not in time. */
static void read_uuid(cf_mono deadline, char ret[static UUID_ROOM])
{
	size_t size = 0;
	ssize_t n;

	*ret = '\0';
	while (size < sizeof(xml) && wait_for(STDIN_FILENO, POLLIN, deadline)) {
		n = read(STDIN_FILENO, xml + size, sizeof(xml) - size);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		size += (size_t)n;
		if (uuid_find(xml, size, ret))
			return;
	}
}

/* Of a domain's name what needs no care in JSON. */
static const char *plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+: ");

	return name[n] || n > 200 ? "" : name;
}

static int try_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/*
 * An agent that is being restarted is back in a moment.  That is worth waiting for where
 * the guest would be kept out otherwise; and a queue that is full, always.
 */
static int reach(const char *path, bool patient, cf_mono deadline)
{
	int fd;

	while ((fd = try_connect(path)) < 0) {
		if (errno != EAGAIN && !(patient && (errno == ENOENT || errno == ECONNREFUSED)))
			return -1;
		if (left(deadline) <= AGAIN)
			return -1;
		poll(NULL, 0, AGAIN);
	}
	return fd;
}

static bool send_all(int fd, const char *at, size_t n, cf_mono deadline)
{
	ssize_t sent;

	while (n > 0) {
		if (!wait_for(fd, POLLOUT, deadline))
			return false;
		sent = send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		at += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

/* How much of an answer came, all of it or until it ended; -1 with errno. */
static ssize_t receive(int fd, cf_mono deadline)
{
	size_t size = 0;
	ssize_t n;

	while (size < sizeof(response) && !answer_whole(response, size)) {
		if (!wait_for(fd, POLLIN, deadline))
			return -1;
		n = recv(fd, response + size, sizeof(response) - size, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}

enum verdict { LET_IN, REFUSED, NOT_JUDGED };

static enum verdict give_up(char reason[static ANSWER_TEXT_ROOM], const char *what)
{
	snprintf(reason, ANSWER_TEXT_ROOM, "the agent %s: %.100s", what, strerror(errno));
	return NOT_JUDGED;
}

static enum verdict ask(const char *path, const char *domain, const struct hook_settings *settings, cf_mono deadline,
			char reason[static ANSWER_TEXT_ROOM])
{
	char uuid[UUID_ROOM], body[512], request[1024];
	bool let_in = false;
	ssize_t size;
	int fd;

	read_uuid(cf_mono_add(now(), (cf_span){ settings->deadline.ns / 2 }), uuid);
	snprintf(body, sizeof(body), "{\"domain\":\"%s\"%s%s%s}", plain(domain), *uuid ? ",\"uuid\":\"" : "", uuid,
		 *uuid ? "\"" : "");
	snprintf(request, sizeof(request),
		 "POST /v1/guard HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);

	fd = reach(path, settings->closed, deadline);
	if (fd < 0)
		return give_up(reason, "cannot be asked");
	if (!send_all(fd, request, strlen(request), deadline) || (size = receive(fd, deadline)) < 0) {
		give_up(reason, "does not answer");
		close(fd);
		return NOT_JUDGED;
	}
	close(fd);
	if (answer_read(response, (size_t)size, &let_in, reason))
		return let_in ? LET_IN : REFUSED;

	snprintf(reason, ANSWER_TEXT_ROOM, "the agent's answer is none");
	return NOT_JUDGED;
}

/* Into the system's log, unless that would take time. */
static void note(const char *path, const char *domain, const char *reason)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[512];
	int fd, n;

	n = snprintf(line, sizeof(line), "<28>clockferry-hook: domain '%s' was let in and not judged: %s", plain(domain),
		     reason);
	fd = strlen(path) < sizeof(address.sun_path) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (fd < 0)
		return;
	strcpy(address.sun_path, path);
	sendto(fd, line, (size_t)(n < (int)sizeof(line) ? n : (int)sizeof(line) - 1), MSG_NOSIGNAL | MSG_DONTWAIT,
	       (struct sockaddr *)&address, sizeof(address));
	close(fd);
}

/* libvirt shows it to whoever asked for the migration. */
static int refuse(const char *reason)
{
	char line[ANSWER_TEXT_ROOM + 32];
	int n = snprintf(line, sizeof(line), "clockferry: %s\n", reason);

	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return 1;	/* then without words */
	return 1;
}

int hook_run(const struct hook_places *places, int argc, char **argv)
{
	struct hook_settings settings;
	char reason[ANSWER_TEXT_ROOM] = "";
	enum verdict verdict;

	if (argc < 4 || strcmp(argv[2], "migrate") != 0 || strcmp(argv[3], "begin") != 0)
		return 0;

	signal(SIGPIPE, SIG_IGN);
	fill_standard_files();
	hook_settings_read(places->settings, &settings);
	verdict = ask(places->socket, argv[1], &settings, cf_mono_add(now(), settings.deadline), reason);
	if (verdict == NOT_JUDGED && !settings.closed)
		note(places->log, argv[1], reason);
	if (verdict == REFUSED || (verdict == NOT_JUDGED && settings.closed))
		return refuse(reason);
	return 0;
}
