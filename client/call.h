/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A conversation with one agent: one request, one reply, one error at a time.
 *
 * Over the agent's Unix socket, or over TLS when a host is named.  What comes
 * back is an answer only when it is the route's shape as JSON: anything else
 * that answers on that address is an error, whatever its status.
 *
 * One thread at a time may use a call.
 */

#include <signal.h>

#include "proto/base.h"
#include "proto/problem.h"
#include "proto/route.h"

/* Whom to ask, and how.  The texts belong to the caller and outlive the call. */
struct call_to {
	const char *socket;		/* of this host's agent */
	const char *host;		/* NULL, or another agent: NAME, NAME:PORT, [ADDRESS]:PORT */
	const char *ca;			/* PEM files, for a host */
	const char *crl;		/* NULL: none */
	const char *cert;
	const char *key;
	cf_span timeout;		/* for one answer */
};

struct question {
	enum cf_route_id route;
	const char *segment;		/* for its "{}", if it has one */
	const void *query;		/* of the route's query shape; NULL without parameters */
	const void *request;		/* of the route's request shape; NULL without a body */
	cf_span patience;		/* by how much longer than the timeout the agent was asked to wait */
};

/*
 * An answer.  The text is what the agent sent; the message is the same,
 * decoded to the route's reply shape.  After an error that the agent sent
 * itself, text and problem are set instead.  Zero it before the first use.
 */
struct reply {
	char *text;
	size_t size;
	const struct cf_shape *shape;
	void *message;
	struct cf_problem *problem;
	bool sent;			/* the request may have reached the agent, whatever came back */
};

struct call;

/* -EINVAL, CF_BAD_REQUEST when the host is not one; -ENOMEM. */
int call_new(struct call **ret, const struct call_to *to, struct cf_error *err);
void call_free(struct call *call);

/*
 * Ask, and wait for the answer.  A question with something in it that the first
 * version of the API did not have is asked only of an agent that knows it: one
 * that does not is CF_PEER.  The reply is released first, so that one may be
 * used again and again.  Errors: CF_UNREACHABLE, CF_CERTIFICATE_TIME when there
 * was no answer, CF_PEER when it was not one of ours, and the agent's own.
 */
int call_ask(struct call *call, const struct question *question, struct reply *reply, struct cf_error *err);

/* Give up with -EINTR once *stop is set; NULL for never. */
void call_stop_on(struct call *call, const volatile sig_atomic_t *stop);

void reply_clear(struct reply *reply);

CF_DEFINE_AUTO(struct call *, call_free)

static inline void reply_clearp(struct reply *reply)
{
	reply_clear(reply);
}
