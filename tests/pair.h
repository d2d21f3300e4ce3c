/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two agents' ends of the wire: a server with TLS, and calls with all kinds of certificates. */

#include "daemon/peer/call.h"
#include "proto/migration.h"
#include "tests/wire.h"

#define PAIR_HOST "b.peers.example"

/* What the last call came to. */
struct pair {
	struct wire wire;
	int port;
	struct cf_error err;
	struct cf_problem problem;
	struct cf_version version;
};

extern struct pair pair;
extern const cf_span pair_patience;

/* Makes the certificates and starts the server on 127.0.0.1; tells by TAP. */
void pair_start(void);

/* dir/NAME SUFFIX; lives as long as the test. */
const char *pair_file(const char *name, const char *suffix);

/* A call to the server that shows NAME's certificate; NULL: none. */
struct call *pair_call(const char *name);
struct call *pair_call_to(const char *address, int port, const char *name, const char *crl);

/* GET /v1/version into pair. */
int pair_ask(struct call *call);

/* server_reload() with what the options are now; pair.port follows. */
int pair_reload(void);
int pair_serve_as(const char *name);

/* A request that waits until the test has it answered; for a thread. */
struct late {
	struct call *call;
	struct cf_migration migration;
	struct cf_error err;
	cf_span timeout;
	int r;
};

void *pair_ask_later(void *late);
