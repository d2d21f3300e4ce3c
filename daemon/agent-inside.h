/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the agent know of each other. */

#include "daemon/act/migrations.h"
#include "daemon/clock/report.h"
#include "daemon/http/api.h"
#include "daemon/http/server.h"
#include "daemon/ledger/ledger.h"
#include "daemon/loop.h"
#include "daemon/peer/fleet.h"
#include "daemon/settings.h"
#include "daemon/teller.h"
#include "daemon/virt/connect.h"
#include "daemon/watchdog.h"

struct agent {
	/* what it is made of, in the order in which it is made */
	const char *settings_path;
	struct loop *loop;
	struct ledger *ledger;
	struct reporter *reporter;
	struct virt *virt;
	struct watchdog *dog;
	struct fleet *fleet;
	struct act_context context;
	struct migrations *migrations;
	struct api api;
	struct server *server;

	bool stopping;			/* SIGTERM came */
	struct teller teller;

	/* what was last said, so that only changes are */
	enum cf_clock_state clock;
	struct ledger_state ledger_state;
};

struct reporter_options agent_reporter_options(const struct settings *settings);
struct ledger_options agent_ledger_options(const struct settings *settings);
struct server_options agent_server_options(const struct settings *settings);

/* Reads the settings again.  With a fault in them all stays as it was, and who asks is told; err is needed. */
int agent_reload(struct agent *agent, struct cf_error *err);
