/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One agent on a host: played by processes that lock a file, and end in several ways. */

#include "daemon/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

#define AT_ONCE ((cf_span){ 0 })
#define LONG	((cf_span){ 60 * CF_S })

static char folder[64], path[96];
static struct cf_error err;

/* What a process says when it has tried: 0 or -errno; then it waits until its stdin ends. */
struct agent {
	pid_t pid;
	int orders;
	int result;
	struct cf_error err;
};

static void be_agent(int orders, int answers)
{
	struct agent self = { .pid = getpid() };
	char order;

	self.result = alone_lock(path, AT_ONCE, &self.err);
	if (write(answers, &self, sizeof(self)) != sizeof(self) || read(orders, &order, 1) < 0)
		_exit(1);
	_exit(0);
}

static struct agent begin(void)
{
	int orders[2], answers[2];
	struct agent agent = { 0 };
	pid_t pid;

	if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		close(orders[1]);
		be_agent(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	if (read(answers[0], &agent, sizeof(agent)) != sizeof(agent))
		abort();
	close(answers[0]);
	agent.orders = orders[1];
	return agent;
}

static void end(struct agent *agent)
{
	close(agent->orders);
	waitpid(agent->pid, NULL, 0);
}

static void test_two(void)
{
	struct agent one = begin(), other = begin();
	char pid[32];
	struct stat st;

	snprintf(pid, sizeof(pid), "process %d", (int)one.pid);
	ok(one.result == 0 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "an agent begins: %s", one.err.text);
	ok(other.result == -EADDRINUSE && strstr(other.err.text, path) && strstr(other.err.text, pid),
	   "another one does not, and is told why: %s", other.err.text);
	end(&other);
	other = begin();
	ok(other.result == -EADDRINUSE, "nor does the next, when that has gone");
	end(&other);
	kill(one.pid, SIGKILL);
	end(&one);
	one = begin();
	ok(one.result == 0, "one that was killed is in nobody's way");
	end(&one);
}

/* Whoever it has begun lives on. */
static void test_child(void)
{
	int ends[2];
	pid_t parent;
	struct agent next;

	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	parent = fork();
	if (parent == 0) {
		close(ends[1]);
		if (alone_lock(path, AT_ONCE, &err) == 0 && fork() == 0) {
			char order;

			_exit(read(ends[0], &order, 1) < 0);
		}
		_exit(0);
	}
	waitpid(parent, NULL, 0);
	next = begin();
	ok(next.result == 0, "nor is what one has begun that ended: %s", next.err.text);
	end(&next);
	close(ends[0]);
	close(ends[1]);
}

/* As after a restart by hand: the old one is killed, and not gone yet. */
static void test_soon(void)
{
	struct agent old = begin();
	pid_t killer = fork();

	if (killer == 0) {
		usleep(200 * 1000);
		kill(old.pid, SIGKILL);
		_exit(0);
	}
	err = (struct cf_error){ 0 };
	ok(alone_lock(path, LONG, &err) == 0, "one that ends soon is waited for: %s", err.text);
	waitpid(killer, NULL, 0);
	end(&old);
}

/* As if the folder was the service's, and root began an agent by hand. */
static void test_by_root(void)
{
	const uid_t service = 1;
	struct agent agent;
	struct stat st;

	unlink(path);
	if (chown(folder, service, service) < 0) {
		ok(true, "a lock that root makes # SKIP is not root");
		return;
	}
	agent = begin();
	ok(agent.result == 0 && stat(path, &st) == 0 && st.st_uid == service && st.st_gid == service,
	   "a lock that root makes is his whose folder it is in: %s", agent.err.text);
	end(&agent);
}

static void test_nowhere(void)
{
	char nowhere[sizeof(path) + 8];

	snprintf(nowhere, sizeof(nowhere), "%s/x/lock", folder);
	ok(alone_lock(nowhere, LONG, &err) == -ENOENT && strstr(err.text, nowhere), "where no file can be is no agent: %s", err.text);
}

int main(void)
{
	snprintf(folder, sizeof(folder), "%.30s/alone.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/lock", folder);
	test_two();
	test_child();
	test_by_root();
	test_nowhere();
	test_soon();
	unlink(path);
	rmdir(folder);
	return done();
}
