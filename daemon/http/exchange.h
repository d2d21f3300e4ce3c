/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One request and its answer, as a handler sees it.
 *
 * When a handler is called, the route was found, the caller authenticated and
 * allowed to use it, the query decoded, the body read within the route's limit
 * and decoded strictly.  It answers with exactly one of the five calls at the end, at once
 * or later, and must not touch the exchange afterwards.  One that answers later
 * blocks nobody, and an exchange stays valid until it is answered, even when the
 * client has gone away or the server was freed meanwhile.
 *
 * Everything here is for the loop's thread.
 */

#include "daemon/host-names.h"
#include "proto/error.h"
#include "proto/finding.h"
#include "proto/route.h"
#include "proto/time.h"

struct http_exchange;

struct http_caller {
	unsigned roles;			/* an OR of enum cf_role */
	char name[CF_PERSON_ROOM];	/* "uid 0 (root)", or what in the certificate gave roles: "cn:Ada Example" */
	struct host_names hosts;	/* of a peer: what it is called by its certificate */
};

typedef void http_handler(void *userdata, struct http_exchange *x);

enum cf_route_id http_route(const struct http_exchange *x);

/* What stands for the i-th "{}" of the route's path, percent-decoded. */
const char *http_segment(const struct http_exchange *x, size_t i);

/* The request's query in its route's shape; NULL for a route without one. */
const void *http_query(const struct http_exchange *x);

/*
 * The request's message in its route's shape; NULL for a route without one.  It
 * goes with the exchange: a handler that wants to keep a blob takes its data and
 * leaves NULL behind.
 */
void *http_body(struct http_exchange *x);

const struct http_caller *http_caller(const struct http_exchange *x);

/* CLOCK_MONOTONIC_RAW just after the request's first line was read from the socket (t2 of a round). */
cf_mono http_received(const struct http_exchange *x);

/* 200 and the message in the route's reply shape. */
void http_reply(struct http_exchange *x, const void *message);

/* The same for a message that was encoded before, which it takes over; NULL: there was no memory for it. */
void http_reply_encoded(struct http_exchange *x, char *text);

/* The same with another status of success, such as 202. */
void http_reply_status(struct http_exchange *x, unsigned status, const void *message);

/* The problem that err says, with the status of its code. */
void http_fail(struct http_exchange *x, const struct cf_error *err);

/* The same with the n findings that explain it. */
void http_refuse(struct http_exchange *x, const struct cf_error *err, const struct cf_finding *findings,
		 size_t n);
