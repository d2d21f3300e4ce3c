/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ledger-made.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/clock/kernel.h"
#include "proto/base.h"
#include "tests/made-up.h"

#define PATIENCE ((cf_span){ 30 * CF_S })

void ledger_made_begin(struct ledger_made *made)
{
	memset(made, 0, sizeof(*made));
	snprintf(made->folder, sizeof(made->folder), "%.40s/ledger.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(made->folder) || loop_new(&made->loop, NULL) < 0)
		abort();
	snprintf(made->options.path, sizeof(made->options.path), "%s/ledger.db", made->folder);
	made->options.keep_for = (cf_span){ 90 * CF_DAY };
	made->options.keep_count = 10000;
}

void ledger_made_end(struct ledger_made *made)
{
	char command[128];

	ledger_free(made->ledger);
	loop_free(made->loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", made->folder);
	if (system(command) != 0)
		abort();
}

static void on_changed(void *userdata, const struct ledger_state *state)
{
	struct ledger_made *made = userdata;

	(void)state;
	made->changes++;
}

void ledger_made_open(struct ledger_made *made)
{
	const struct ledger_listener listener = { on_changed, made };

	if (ledger_new(&made->ledger, made->loop, &made->options, &listener, NULL) < 0)
		abort();
	while (sd_event_run(loop_sd(made->loop), 0) > 0)
		;
	made->changes = 0;
}

void ledger_made_close(struct ledger_made *made)
{
	ledger_free(made->ledger);
	made->ledger = NULL;
	while (sd_event_run(loop_sd(made->loop), 0) > 0)
		;
}

const char *ledger_made_id(int n)
{
	static char id[CF_UUID_ROOM];

	snprintf(id, sizeof(id), "%08d-0000-4000-8000-000000000000", n);
	return id;
}

struct ledger_line *ledger_made_line(int n, enum cf_phase phase, bool ended)
{
	struct ledger_line *line = calloc(1, sizeof(*line));

	if (!line)
		abort();
	line->receipt = *(const struct cf_receipt *)made_up_find(ended ? "receipt-clean" : "receipt-absent")->message;
	line->at = (cf_real){ 1000 * CF_DAY + n * CF_S };
	snprintf(line->view.id, sizeof(line->view.id), "%s", ledger_made_id(n));
	snprintf(line->view.domain, sizeof(line->view.domain), "guest%d", n % 3);
	snprintf(line->view.uuid, sizeof(line->view.uuid), "00000000-1111-4000-8000-00000000000%c", "abc"[n % 3]);
	snprintf(line->view.source, sizeof(line->view.source), "hA");
	snprintf(line->view.destination, sizeof(line->view.destination), "hB");
	snprintf(line->peer, sizeof(line->peer), n % 2 ? "hB" : "hC");
	line->view.side = CF_SOURCE;
	line->view.phase = phase;
	line->view.revision = n;
	line->view.n_labels = n % 2 ? 0 : n % 6 ? 1 : 2;
	snprintf(line->view.labels[0], sizeof(line->view.labels[0]), "even=yes");
	snprintf(line->view.labels[1], sizeof(line->view.labels[1]), "who=it's \"six\"");
	line->receipt.migration = line->view;
	line->ended = ended;
	snprintf(line->event, sizeof(line->event), "asked");
	snprintf(line->why, sizeof(line->why), "because of %d", n);
	return line;
}

struct answer {
	int calls;
	int result;
	struct cf_error err;
};

static void on_done(void *arg, int result, const struct cf_error *err)
{
	struct answer *answer = arg;

	answer->calls++;
	answer->result = result;
	if (err)
		answer->err = *err;
}

int ledger_made_write(struct ledger_made *made, struct ledger_line *line, cf_span patience, struct cf_error *err)
{
	struct answer answer = { 0 };

	ledger_write(made->ledger, line, patience, on_done, &answer);
	while (!answer.calls)
		sd_event_run(loop_sd(made->loop), UINT64_MAX);
	if (err)
		*err = answer.err;
	return answer.result;
}

bool ledger_made_until(struct ledger_made *made, bool writable)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), PATIENCE);
	struct ledger_state state;

	do {
		ledger_state(made->ledger, &state);
		if (state.writable == writable)
			return true;
		sd_event_run(loop_sd(made->loop), 100 * CF_MS / CF_US);
	} while (cf_mono_cmp(kernel_raw(), deadline) < 0);
	return false;
}

const char *ledger_made_sql(const struct ledger_made *made, const char *sql)
{
	static char fault[256];
	sqlite3 *db = NULL;

	fault[0] = '\0';
	if (sqlite3_open(made->options.path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 10000) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		snprintf(fault, sizeof(fault), "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return fault;
}

long long ledger_made_ask(const struct ledger_made *made, const char *sql)
{
	long long n = -1;
	sqlite3 *db = NULL;
	sqlite3_stmt *row = NULL;

	if (sqlite3_open(made->options.path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		n = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_close(db);
	return n;
}
