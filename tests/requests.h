/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is asked of the list of migrations in `parts`, by a local operator and by other
 * hosts; why it fails is in `err`.
 */

#include "daemon/act/migration.h"
#include "tests/parts.h"
#include "tests/tap.h"

extern struct parts parts;
extern struct cf_error err;

/* A request of the operator's. */
int start(const char *id, struct cf_migration_request request, struct migration **ret);

/* A peer reserves. */
int expect(const char *id, const char *uuid, const char *peer, struct migration **ret);

/* The same of one that somebody else drives. */
int expect_foreign(const char *id, const char *uuid, const char *peer, struct migration **ret);

/* How it ended, once it has. */
const struct cf_migration *last(struct migration *migration);

bool has_finding(const struct cf_receipt *receipt, enum cf_finding_code code, const char *detail);

/* A test with parts of its own. */
static inline void run(const char *why, void (*test)(void))
{
	ok(parts_begin(&parts, &err) == 0, "%s: %s", why, err.text);
	test();
	parts_end(&parts);
}
