/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a person is shown of an answer, whatever an agent says: nothing that moves a
 * cursor, and it ends.  The input is as for fuzz-messages.
 */

#include <string.h>

#include "client/show.h"
#include "proto/problem.h"
#include "proto/utf8.h"
#include "tests/fuzz-take.h"

typedef void show_fn(FILE *to, const void *message);

#define SHOW(name, T, call)                               \
	static void name(FILE *to, const void *message)   \
	{                                                 \
		const T *m = message;                     \
		call;                                     \
	}

SHOW(report, struct cf_report, show_report(to, m))
SHOW(peer, struct cf_peer, show_peer(to, m))
SHOW(peers, struct cf_peers, show_peers(to, m->list, m->n_list, NULL))
SHOW(domains, struct cf_domains, show_domains(to, m->list, m->n_list, NULL))
SHOW(guest, struct cf_guest_clock, show_guest(to, m))
SHOW(checks, struct cf_checks, show_checks(to, m->domain, m->list, m->n_list, NULL))
SHOW(receipt, struct cf_receipt, show_receipt(to, m))
SHOW(migrations, struct cf_migrations, show_migrations(to, m->list, m->n_list, NULL))
SHOW(vitals, struct cf_vitals, show_vitals(to, m))
SHOW(policy, struct cf_policy, show_policy_rows(to, m))
SHOW(policies, struct cf_policies, show_policy_table(to, m, NULL))
SHOW(whole_migration, struct cf_migration, show_migration(to, m))
SHOW(problem, struct cf_problem, show_findings(to, "  ", m->findings, m->n_findings))

static void health(FILE *to, const void *message)
{
	static const struct cf_report none;

	show_health(to, message, &none);
}

static void migration(FILE *to, const void *message)
{
	char text[PROGRESS_TEXT_ROOM];

	must(memchr(progress_text(message, text), '\0', sizeof(text)));
	show_end(to, message);
}

static const struct {
	const struct cf_shape *shape;
	show_fn *show;
} cases[] = {
	{ &cf_report_shape, report }, { &cf_peer_shape, peer }, { &cf_peers_shape, peers },
	{ &cf_domains_shape, domains }, { &cf_guest_clock_shape, guest }, { &cf_checks_shape, checks },
	{ &cf_receipt_shape, receipt }, { &cf_migrations_shape, migrations }, { &cf_problem_shape, problem },
	{ &cf_health_shape, health }, { &cf_migration_shape, migration },
	{ &cf_migration_shape, whole_migration }, { &cf_vitals_shape, vitals }, { &cf_policy_shape, policy },
	{ &cf_policies_shape, policies },
};

/* Line by line: a line is text that any terminal can be shown. */
static void check(char *text)
{
	char *clean = malloc(strlen(text) + 1);

	must(clean);
	for (char *line; (line = strsep(&text, "\n"));) {
		size_t n = strlen(line);

		must(strcmp(cf_utf8_clean(line, n, clean, n + 1), line) == 0);
	}
	free(clean);
}

static void show(show_fn *fn, const void *message)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	must(to);
	fn(to, message);
	must(fclose(to) == 0 && strlen(text) == n);
	check(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text;
	size_t n;
	const struct cf_shape *shape = fuzz_named(data, size, &text, &n);
	void *message = calloc(1, shape ? shape->size + 1 : 1);

	must(message);
	if (shape && cf_decode(shape, CF_TOLERANT, text, n, message, NULL) == 0) {
		for (size_t i = 0; i < CF_COUNT(cases); i++)
			if (cases[i].shape == shape)
				show(cases[i].show, message);
		cf_message_clear(shape, message);
	}
	free(message);
	return 0;
}
