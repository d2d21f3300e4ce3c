/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the source's agent is told of what it had prepared. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/migration.h"
#include "tests/tap.h"

/* A domain was made; the ledger has it as armed, has not yet, or cannot be written. */
static void test_prepared(struct migration *m)
{
	static const struct {
		const char *sentence;
		enum cf_phase phase, told;
		bool prepared;
	} rows[] = {
		{ "one that is armed is prepared", CF_PHASE_ARMED, CF_PHASE_ARMED, true },
		{ "and so it is, asked again, when it is loaded", CF_PHASE_LOADED, CF_PHASE_LOADED, true },
		{ "one that is not in the ledger as armed is not yet", CF_PHASE_ARMED, CF_PHASE_PREPARED, false },
		{ "nor ever one that was called off for that", CF_PHASE_DROPPED, CF_PHASE_PREPARED, false },
		{ "also once that is noted", CF_PHASE_DROPPED, CF_PHASE_DROPPED, false },
	};
	struct cf_prepared prepared;

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		struct cf_error err = { 0 };

		m->phase = rows[i].phase;
		m->told = rows[i].told;
		ok((migration_prepared(m, &prepared, &err) == 0) == rows[i].prepared, "%s", rows[i].sentence);
		ok(rows[i].prepared || strcmp(err.text, "the ledger cannot be written") == 0, "... and why: %s", err.text);
	}
}

int main(void)
{
	struct migration *m = calloc(1, sizeof(*m));

	if (!m || !(m->work = calloc(1, sizeof(*m->work))))
		return 1;
	m->side = CF_DESTINATION;
	pthread_mutex_init(&m->work->lock, NULL);
	strcpy(m->work->prepared.uri, "tcp:hB:49152");
	strcpy(m->work->shown.reason, "the ledger cannot be written");
	test_prepared(m);
	free(m->work);
	free(m);
	return done();
}
