/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/parts.h"

#include <stdlib.h>
#include <systemd/sd-event.h>

#include "daemon/clock/report.h"
#include "daemon/peer/fleet.h"
#include "daemon/settings.h"
#include "daemon/virt/connect.h"

static void on_peer(void *userdata, const struct cf_peer *peer, bool reachable, bool open)
{
	(void)userdata, (void)peer, (void)reachable, (void)open;
}

static int make(struct parts *parts, struct cf_error *err)
{
	const struct fleet_listener listener = { on_peer, NULL };
	const struct reporter_options reporter = { .host = "hA", .interval = { CF_S } };
	struct act_context *context = &parts->context;
	int r;

	ledger_made_open(&parts->made);
	context->loop = parts->made.loop;
	context->ledger = parts->made.ledger;
	r = settings_read("/dev/null", &context->settings, err);
	if (r == 0 && parts->nobody_leaves)
		context->settings->outgoing = 0;
	if (r == 0)
		r = reporter_new(&reporter, &context->reporter, err);
	if (r == 0)
		r = virt_new(&context->virt, "test:///default", err);
	if (r == 0)
		r = virt_wait(context->virt, PATIENCE, err);
	if (r == 0)
		r = fleet_new(&context->fleet, context->settings, context->reporter, &listener, err);
	if (r == 0)
		r = migrations_new(&parts->all, context, err);
	if (r == 0)
		migrations_recover(parts->all);
	return r;
}

static void unmake(struct parts *parts)
{
	migrations_free(parts->all);
	fleet_free(parts->context.fleet);
	virt_free(parts->context.virt);
	reporter_free(parts->context.reporter);
	settings_free(parts->context.settings);
	ledger_free(parts->made.ledger);
	loop_free(parts->made.loop);
	parts->made.ledger = NULL;
	parts->made.loop = NULL;
}

int parts_begin(struct parts *parts, struct cf_error *err)
{
	ledger_made_begin(&parts->made);
	return make(parts, err);
}

void parts_end(struct parts *parts)
{
	unmake(parts);
	ledger_made_end(&parts->made);
}

int parts_again(struct parts *parts, struct cf_error *err)
{
	unmake(parts);
	if (loop_new(&parts->made.loop, err) < 0)
		abort();
	return make(parts, err);
}

static void on_waited(void *arg)
{
	*(bool *)arg = true;
}

void parts_run_to_change(struct parts *parts, struct migration *migration, struct cf_migration *view)
{
	bool waited = false;

	if (migration_when_changed(migration, view->revision, PATIENCE, on_waited, &waited, NULL) < 0)
		abort();
	while (!waited)
		sd_event_run(loop_sd(parts->made.loop), UINT64_MAX);
	migration_view(migration, view);
}

void parts_run_to_phase(struct parts *parts, struct migration *migration, enum cf_phase phase)
{
	struct cf_migration view;

	for (migration_view(migration, &view); view.phase != phase; )
		parts_run_to_change(parts, migration, &view);
}

void parts_run_to_end(struct parts *parts, struct migration *migration)
{
	struct cf_migration view;

	for (migration_view(migration, &view); !migration_receipt(migration); )
		parts_run_to_change(parts, migration, &view);
}
