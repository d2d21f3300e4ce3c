/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "proto/base.h"

#define CACHE_MAX 8

static const char questions[] =
	"{\"execute\": \"qmp_capabilities\"}\n"
	"{\"execute\": \"qom-list-properties\", \"id\": \"properties\","
	" \"arguments\": {\"typename\": \"kvmclock\"}}\n"
	"{\"execute\": \"quit\"}\n";

/* Answers that are known, by the binary they are true for. */
static struct {
	pthread_mutex_t lock;
	size_t next;
	struct known {
		char binary[PATH_MAX];
		struct timespec modified;
		bool answer;
	} list[CACHE_MAX];
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct emulator {
	pid_t pid;
	int fd;
};

static struct emulator *emulator_end(struct emulator *emulator)
{
	if (emulator->pid > 0) {
		kill(emulator->pid, SIGKILL);
		waitpid(emulator->pid, NULL, 0);
	}
	if (emulator->fd >= 0)
		close(emulator->fd);
	return NULL;
}
CF_DEFINE_AUTO(struct emulator *, emulator_end)

/*
 * Some accelerator it must have.  split-wx: under MemoryDenyWriteExecute, which
 * children inherit, TCG gets no memory otherwise.
 */
static int spawn(const char *binary, int fd, pid_t *ret)
{
	char *const arguments[] = {
		(char *)binary, (char *)"-machine", (char *)"none", (char *)"-nodefaults",
		(char *)"-no-user-config", (char *)"-accel", (char *)"tcg,split-wx=on", (char *)"-accel",
		(char *)"kvm", (char *)"-display", (char *)"none", (char *)"-S", (char *)"-qmp",
		(char *)"stdio", NULL,
	};
	char *const environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(ret, binary, &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

static int start(const char *binary, struct emulator *emulator, struct cf_error *err)
{
	int ends[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cf_fail(err, errno, CF_HOST, "socketpair: %s", strerror(errno));
	emulator->fd = ends[0];
	r = spawn(binary, ends[1], &emulator->pid);
	close(ends[1]);
	if (r > 0) {
		emulator->pid = 0;
		return cf_fail(err, r, CF_HOST, "%s: %s", binary, strerror(r));
	}
	return 0;
}

/* All it says until it ends, as text. */
static int listen_to(int fd, cf_mono deadline, char *text, size_t size, struct cf_error *err)
{
	size_t used = 0;

	while (used + 1 < size) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		cf_span left = cf_mono_since(deadline, kernel_raw());
		ssize_t n;

		if (left.ns <= 0 || poll(&wait, 1, (int)(left.ns / CF_MS) + 1) == 0)
			return cf_fail(err, ETIMEDOUT, CF_HOST, "the emulator did not answer in time");
		n = read(fd, text + used, size - used - 1);
		if (n < 0 && errno != EINTR && errno != ECONNRESET)
			return cf_fail(err, errno, CF_HOST, "the emulator's answer: %s", strerror(errno));
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		if (n > 0)
			used += (size_t)n;
	}
	text[used] = '\0';
	return 0;
}

/* QMP answers in lines, and the one to our question carries its id. */
int emulator_read(char *text, bool *ret, struct cf_error *err)
{
	char *next = NULL;

	for (char *line = strtok_r(text, "\r\n", &next); line; line = strtok_r(NULL, "\r\n", &next)) {
		if (!strstr(line, "\"id\": \"properties\""))
			continue;
		/* An error is its word that it knows no such device. */
		*ret = strstr(line, "\"x-account-downtime\"");
		return 0;
	}
	return cf_fail(err, EPROTO, CF_HOST, "the emulator did not answer what it was asked");
}

static int ask(const char *binary, cf_span timeout, bool *ret, struct cf_error *err)
{
	enum { ANSWER_ROOM = 256 * 1024 };
	cf_mono deadline = cf_mono_add(kernel_raw(), timeout);
	struct emulator ours = { .fd = -1 };
	CF_AUTO(emulator_end) struct emulator *emulator = &ours;
	CF_AUTO(cf_free) char *text = malloc(ANSWER_ROOM);
	int r;

	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = start(binary, emulator, err);
	if (r < 0)
		return r;
	/* One that has ended already has not answered, whichever of us was faster. */
	if (send(emulator->fd, questions, sizeof(questions) - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		return cf_fail(err, errno, CF_HOST, "the emulator cannot be asked: %s", strerror(errno));
	r = listen_to(emulator->fd, deadline, text, ANSWER_ROOM, err);
	if (r < 0)
		return r;
	return emulator_read(text, ret, err);
}

static bool recall(const char *binary, struct timespec modified, bool *ret)
{
	bool found = false;

	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i < CACHE_MAX && !found; i++) {
		const struct known *known = &cache.list[i];

		found = strcmp(known->binary, binary) == 0 && known->modified.tv_sec == modified.tv_sec &&
			known->modified.tv_nsec == modified.tv_nsec;
		if (found)
			*ret = known->answer;
	}
	pthread_mutex_unlock(&cache.lock);
	return found;
}

static void remember(const char *binary, struct timespec modified, bool answer)
{
	struct known *known;

	pthread_mutex_lock(&cache.lock);
	known = &cache.list[cache.next++ % CACHE_MAX];
	snprintf(known->binary, sizeof(known->binary), "%s", binary);
	known->modified = modified;
	known->answer = answer;
	pthread_mutex_unlock(&cache.lock);
}

int emulator_self_corrects(const char *binary, cf_span timeout, bool *ret, struct cf_error *err)
{
	struct stat status;
	bool answer = false;
	int r;

	if (binary[0] != '/')
		return cf_fail(err, EINVAL, CF_HOST, "the emulator's path is not absolute");
	if (stat(binary, &status) < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", binary, strerror(errno));
	if (!recall(binary, status.st_mtim, &answer)) {
		r = ask(binary, timeout, &answer, err);
		if (r < 0)
			return r;
		remember(binary, status.st_mtim, answer);
	}
	*ret = answer;
	return 0;
}
