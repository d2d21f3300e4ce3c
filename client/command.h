/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commands, one row each: parsing, dispatch, --help and the manual's test
 * follow the table.
 *
 * A command writes its answer to ask->to and returns its exit status, or a
 * negative errno with the reason in err; main() prints the reason and takes
 * the exit status from the error's code.
 */

#include <stdio.h>

#include "client/call.h"
#include "proto/migration.h"

/* Exit statuses that are not an error's. */
enum {
	EXIT_CLEAN      = 0,
	EXIT_FAILED     = 1,
	EXIT_USAGE      = 2,
	EXIT_REFUSED    = 3,
	EXIT_ABORTED    = 4,
	EXIT_DOUBTFUL   = 5,	/* done, but breached or unverified */
};

/* What a person asked for, and whom to ask. */
struct ask {
	const struct command *command;
	char **args;
	int n_args;
	struct call_to whom;
	bool json;
	bool abort_on_interrupt;
	bool off;
	bool has_since;
	cf_span since;
	struct cf_migration_request wish;	/* as far as options say it */
	struct cf_migrations_query query;	/* the same */
	const char *labels[CF_LABELS_MAX];
	size_t n_labels;
	const char *xml, *persistent_xml;	/* files */
	const char *program;		/* that libvirt's hook leads to, or the KVM library; NULL: where it was installed */
	FILE *to;

	struct call *call;
	struct reply reply;	/* to the latest question */
};

/* What kinds of options a command takes beside those that all take. */
enum {
	TAKES_WATCHING = 1 << 0,	/* how it watches a migration */
	TAKES_REQUEST  = 1 << 1,	/* what is asked of a migration */
	TAKES_OFF      = 1 << 2,	/* that it be taken back */
	TAKES_TERMS    = 1 << 3,	/* on which terms it is judged */
	TAKES_TRIAL    = 1 << 5,	/* which past it is held against */
	TAKES_OPTIONS  = 1 << 4,	/* how the guest is to be carried */
	TAKES_LIST     = 1 << 6,	/* which of many */
	TAKES_PROGRAM  = 1 << 7,	/* which program is meant */
};

struct command {
	const char *name;
	const char *args;
	int min, max;
	unsigned takes;
	int (*run)(struct ask *ask, struct cf_error *err);
	const char *help;
};

extern const struct command commands[];
extern const size_t n_commands;

int run_status(struct ask *ask, struct cf_error *err);
int run_doctor(struct ask *ask, struct cf_error *err);
int run_clock(struct ask *ask, struct cf_error *err);
int run_peers(struct ask *ask, struct cf_error *err);
int run_domains(struct ask *ask, struct cf_error *err);
int run_domain(struct ask *ask, struct cf_error *err);
int run_check(struct ask *ask, struct cf_error *err);
int run_migrate(struct ask *ask, struct cf_error *err);
int run_watch(struct ask *ask, struct cf_error *err);
int run_abort(struct ask *ask, struct cf_error *err);
int run_list(struct ask *ask, struct cf_error *err);
int run_show(struct ask *ask, struct cf_error *err);
int run_resolve(struct ask *ask, struct cf_error *err);
int run_quiesce(struct ask *ask, struct cf_error *err);
int run_hook(struct ask *ask, struct cf_error *err);
int run_kvm(struct ask *ask, struct cf_error *err);
int run_policy(struct ask *ask, struct cf_error *err);
int run_explain(struct ask *ask, struct cf_error *err);
int run_version(struct ask *ask, struct cf_error *err);

/* The labels that were given, of which there is room for all. */
int take_labels(const struct ask *ask, char (*ret)[CF_LABEL_ROOM], size_t *ret_n, struct cf_error *err);

/*
 * Ask the route (with its one segment, or NULL) and keep the answer in
 * ask->reply until the next question.  With --json the answer is printed and
 * nothing is left to do: returns 1 then, 0 when there is something to show.
 */
int fetch(struct ask *ask, enum cf_route_id route, const char *segment, struct cf_error *err);

/* The same of a question that has more to it. */
int fetch_answer(struct ask *ask, const struct question *question, struct cf_error *err);

/* Commands of several verbs, of which the first word is one. */
struct verb {
	const char *word;
	int (*run)(struct ask *ask, struct cf_error *err);
	bool here;	/* it is done on this host, by whoever calls it */
};
int run_verb(struct ask *ask, const struct verb *verbs, size_t n, struct cf_error *err);

/* Such a verb failed at that path of this host, for the reason in errno: CF_FORBIDDEN or CF_HOST. */
int fail_here(const char *path, struct cf_error *err);
