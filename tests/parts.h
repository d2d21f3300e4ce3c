/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The list of migrations with all its real parts around it, but for the other
 * host: libvirt is its own test driver, and what is called is never there.
 */

#include "daemon/act/migrations.h"
#include "tests/ledger-made.h"

#define PATIENCE ((cf_span){ 60 * CF_S })

struct parts {
	struct ledger_made made;
	struct act_context context;
	struct migrations *all;
	bool nobody_leaves;		/* by the settings of agents that begin from now on */
};

int parts_begin(struct parts *parts, struct cf_error *err);
void parts_end(struct parts *parts);

/* The agent ends, and another one begins with the same ledger. */
int parts_again(struct parts *parts, struct cf_error *err);

/* Turn the loop until what is shown of the migration has changed, as its long poll tells. */
void parts_run_to_change(struct parts *parts, struct migration *migration, struct cf_migration *view);
void parts_run_to_phase(struct parts *parts, struct migration *migration, enum cf_phase phase);

/* Until its receipt is there. */
void parts_run_to_end(struct parts *parts, struct migration *migration);
