/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A process in the place of a QEMU: it has its sockets, and does with them what it is told. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID "d3b07384-d9a0-4f7a-8f5e-0123456789ab"

struct qemu {
	pid_t pid;
	int orders;	/* a byte each: what it is to do */
	int news;	/* and what it says */
};

/* Sends until it cannot: 'f' when its queue is full, 'e' when the connection ended. */
static inline void send_all(int fd, int news)
{
	static const char page[4096];

	for (;;) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (send(fd, page, sizeof(page), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			continue;
		if (errno != EAGAIN)
			break;
		if (write(news, "f", 1) != 1)
			_exit(2);
		poll(&writable, 1, -1);
	}
	if (write(news, "e", 1) != 1)
		_exit(2);
}

static inline void *send_beside(void *unused)
{
	send_all(10, 1);
	return unused;
}

/* Orders: 's' send over the first socket, 't' on a thread, 'c' close it, 'q' quit; sockets are 10 and above. */
static inline int be_qemu(void)
{
	pthread_t thread;
	char order;

	while (read(0, &order, 1) == 1 && order != 'q') {
		if (order == 's')
			send_all(10, 1);
		if (order == 't' && pthread_create(&thread, NULL, send_beside, NULL) != 0)
			return 2;
		if (order == 'c')
			close(10);
		if (order == 'c' && write(1, "c", 1) != 1)
			return 2;
	}
	return 0;
}

/* Starts it with these sockets as 10, 11 and so on; ours are closed. */
static inline struct qemu start(const char *self, int *fds, size_t n)
{
	int orders[2], news[2];
	struct qemu qemu;

	if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(news, O_CLOEXEC) < 0)
		abort();
	qemu.pid = fork();
	if (qemu.pid == 0) {
		/* Whatever else was inherited, and of what number: none of these may lie where another goes. */
		orders[0] = fcntl(orders[0], F_DUPFD, 100);
		news[1] = fcntl(news[1], F_DUPFD, 100);
		for (size_t i = 0; i < n; i++)
			fds[i] = fcntl(fds[i], F_DUPFD, 100);
		for (size_t i = 0; i < n; i++)
			dup2(fds[i], 10 + (int)i);
		dup2(orders[0], 0);
		dup2(news[1], 1);
		for (int fd = 100; fd < 300; fd++)
			close(fd);
		execl(self, "qemu-system-x86_64", "-name", "g", "-uuid", UUID, NULL);
		_exit(127);
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(orders[0]);
	close(news[1]);
	qemu.orders = orders[1];
	qemu.news = news[0];
	return qemu;
}

static inline void order(struct qemu *qemu, char what)
{
	if (write(qemu->orders, &what, 1) != 1)
		abort();
}

/* What it says next, within 20 s. */
static inline char hear(struct qemu *qemu)
{
	struct pollfd said = { .fd = qemu->news, .events = POLLIN };
	char what = '?';

	if (poll(&said, 1, 20000) == 1 && read(qemu->news, &what, 1) != 1)
		what = '-';
	return what;
}

static inline void end(struct qemu *qemu)
{
	kill(qemu->pid, SIGKILL);
	waitpid(qemu->pid, NULL, 0);
	close(qemu->orders);
	close(qemu->news);
}
