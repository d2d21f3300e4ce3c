/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server on a loop in a thread of its own, and a client that speaks HTTP byte by byte. */

#include <pthread.h>

#include "daemon/http/server.h"
#include "daemon/loop.h"
#include "proto/report.h"

struct wire {
	char dir[64];			/* with the socket and what else the test puts there */
	char socket[96];
	struct server_options options;
	http_handler *const *handlers;	/* NULL: some of wire.c's own */
	const struct cf_report *clock;	/* what those say of the clock; NULL: that there is none */
	_Atomic unsigned greets_us;	/* how long they take to say who they are */
	struct loop *loop;
	struct server *server;
	pthread_t thread;
	bool runs;
};

/* Makes the directory and sets options.socket; the test sets the rest, its handlers before. */
void wire_init(struct wire *wire);
int wire_start(struct wire *wire, struct cf_error *err);
void wire_stop(struct wire *wire);	/* also removes the directory */

/* fn(arg) on the loop's thread; returns when it has run. */
void wire_do(struct wire *wire, void (*fn)(void *arg), void *arg);

/* The exchanges that GET /v1/migrations/later left unanswered, for wire_do(). */
extern size_t wire_n_waiting;
void wire_answer_waiting(void *ignored);
void wire_await_waiting(struct wire *wire, size_t n);

struct answer {
	int status;			/* 0: the connection ended without one */
	char type[64];
	char allow[64];
	bool close;
	char body[65536];
};

int raw_connect(const char *path);
int raw_send(int fd, const char *text);
int raw_read(int fd, struct answer *ret);	/* waits 20 s for it; 0 or -1 */
int raw_read_head(int fd, struct answer *ret);	/* of an answer that has no body */
int raw_ask(int fd, struct answer *ret, const char *method, const char *path, const char *body);
