/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A connection to one other agent, kept alive between requests.
 *
 * A call blocks until it is answered, has failed or its time is over; it may
 * be used by any thread, but by one at a time.  Whoever must not wait behind
 * another request (probes, a commit) has a call of its own.
 *
 * When the other end closed a kept connection, libcurl sends the request again on
 * a new one, unless a byte of an answer had come: a request can arrive twice.
 * All routes are idempotent or keyed by an id for that.
 */

#include "proto/error.h"
#include "proto/finding.h"
#include "proto/health.h"
#include "proto/problem.h"
#include "proto/route.h"
#include "proto/time.h"

struct call;

/* Longer than this no handshake takes, whatever the request may take after it: a host that is gone is given up then. */
#define CALL_CONNECT ((cf_span){ 5 * CF_S })

/* PEM files.  They are read when a connection is made: new ones need no new call. */
struct call_tls {
	const char *ca;			/* whom we trust, and nobody else */
	const char *crl;		/* NULL or "": none */
	const char *certificate;	/* who we are */
	const char *key;
};

/*
 * host is the name that the other agent's certificate has to have; address, a
 * name or numeric address, is where it is, NULL when that is the host's name.  Does
 * not connect yet.
 */
int call_new(struct call **ret, const char *host, const char *address, int port, const struct call_tls *tls,
	     struct cf_error *err);
void call_free(struct call *call);
CF_DEFINE_AUTO(struct call *, call_free)

/*
 * Send a request of the route and wait for its answer.  segments has one string
 * per "{}" of the route's path; query, request and reply are in the route's shapes,
 * NULL for no parameters, for a route without a body, and for an answer that nobody
 * wants.  The blobs of *reply are the caller's.
 *
 * timeout is for all of it.  On a connection whose agent's version is not known
 * yet that is asked first, so that nothing is sent that it does not know.
 *
 * Errors: CF_UNREACHABLE when there was no answer; CF_CERTIFICATE_TIME when one of
 * the two certificates would be accepted at another time, with both times in the
 * text; CF_PEER when what answered is not an agent of our major version or has not
 * the right certificate; CF_HOST when our own files cannot be used; else the code of
 * the problem that the agent answered with, which is then also in *problem where
 * that is not NULL (status 0 otherwise).
 */
int call_do(struct call *call, enum cf_route_id route, const char *const *segments, const void *query,
	    const void *request, void *reply, cf_span timeout, struct cf_problem *problem,
	    struct cf_error *err);

/* Have a connection that is authenticated, and know the agent behind it. */
int call_warm(struct call *call, cf_span timeout, struct cf_error *err);

/*
 * Is there a connection to be used again, later?  It is verified when it is made; this
 * says that it was made lately, that every certificate which was shown then is valid
 * now, by this host's clock, and that the last request over it was answered.
 */
bool call_is_good(const struct call *call);

/* The finding that a call is which failed with this result and error. */
enum cf_finding_code call_finding(int failed, const struct cf_error *err);

/* What the agent said of itself when it was last asked; NULL when it never was. */
const struct cf_version *call_version(const struct call *call);

const char *call_host(const struct call *call);

/*
 * CLOCK_MONOTONIC_RAW of the last request: just before its first byte was sent, and
 * when the first line of its answer had come.  0 when that has not happened: what
 * was not sent has had no effect.
 */
cf_mono call_sent(const struct call *call);
cf_mono call_answered(const struct call *call);
