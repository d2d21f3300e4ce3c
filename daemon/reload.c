/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent's parts are told of the settings, when they are made and whenever the file is read again. */

#include <errno.h>
#include <stdio.h>

#include "daemon/agent-inside.h"
#include "daemon/log.h"

#define API_SOCKET RUNDIR "/clockferry/api.sock"
#define OPERATORS  "clockferry"

struct reporter_options agent_reporter_options(const struct settings *settings)
{
	const struct cf_limits *policy = &settings_policy(settings, "")->limits;
	struct reporter_options options = {
		.host = settings->host,
		.how = { .only = settings->chrony.via, .socket = settings->chrony.socket,
			 .timeout = settings->chrony.timeout },
		.limits = cf_clock_limits_default,
		.interval = settings->chrony.interval,
	};

	options.limits.max_stratum = policy->max_stratum;
	options.limits.holdover_max = policy->holdover_max;
	options.limits.max_skew = policy->max_skew;
	return options;
}

struct ledger_options agent_ledger_options(const struct settings *settings)
{
	struct ledger_options options = { .keep_for = settings->ledger.keep_for,
					  .keep_count = settings->ledger.keep_count };

	snprintf(options.path, sizeof(options.path), "%s", settings->ledger.path);
	return options;
}

struct server_options agent_server_options(const struct settings *settings)
{
	struct server_options options = {
		.socket = API_SOCKET,
		.group = OPERATORS,
		.n_listen = settings->n_listen,
		.port = settings->port,
		.ca = settings->tls.ca,
		.crl = settings->tls.crl,
		.certificate = *settings->fault ? NULL : settings->tls.cert,	/* nobody has said who may come in */
		.key = settings->tls.key,
		.rules = settings->access,
		.n_rules = settings->n_access,
		.max_connections = 512 + 2 * settings->n_peers,	/* each watches this host by one, and has another for checks */
		.max_per_party = 32 + 4 * (size_t)settings->incoming,	/* of each the source keeps two open */
	};

	for (size_t i = 0; i < settings->n_listen; i++)
		options.listen[i] = settings->listen[i];
	return options;
}

/* Settings that were read stay in force until the next start; what stood in for some does not. */
static int check_start_only(const struct agent *agent, const struct settings *fresh, struct cf_error *err)
{
	const struct settings *now = agent->context.settings;
	char key[SETTINGS_KEY_ROOM];

	if (!settings_for_a_start(now, fresh, key))
		return 0;
	if (*now->fault)
		return cf_fail(err, EBUSY, CF_BAD_REQUEST, "%s: %s is taken over by a start only: restart the agent",
			       agent->settings_path, key);
	log_warning("%s: %s is taken over when the agent is started again", agent->settings_path, key);
	return 0;
}

/* No settings could be read yet: say what is wrong with them now. */
static void stand_in(struct agent *agent, const char *fault)
{
	struct settings *fresh = NULL;

	if (settings_fallback(fault, &fresh, NULL) < 0)
		return;
	settings_free(agent->context.settings);
	agent->context.settings = fresh;
}

/* The new settings everywhere, or nowhere: what comes after the server cannot fail but for want of threads. */
static int reload(struct agent *agent, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *fresh = NULL;
	struct server_options server;
	struct reporter_options reporter;
	struct cf_error why;
	int r;

	r = settings_read(agent->settings_path, &fresh, err);
	if (r == 0)
		r = check_start_only(agent, fresh, err);
	if (r < 0)
		return r;
	server = agent_server_options(fresh);
	r = server_reload(agent->server, &server, err);
	if (r < 0)
		return r;

	ledger_keep(agent->ledger, fresh->ledger.keep_for, fresh->ledger.keep_count);
	reporter = agent_reporter_options(fresh);
	reporter_set(agent->reporter, &reporter);
	if (fleet_reload(agent->fleet, fresh, &why) < 0)
		log_error("not every peer is watched: %s", why.text);
	settings_free(agent->context.settings);
	agent->context.settings = CF_TAKE(fresh);
	migrations_reload(agent->migrations);
	teller_tell(&agent->teller, agent->context.settings);
	return 0;
}

int agent_reload(struct agent *agent, struct cf_error *err)
{
	int r;

	agent->api.settings_fault[0] = '\0';
	r = reload(agent, err);
	if (r == 0)
		return 0;
	snprintf(agent->api.settings_fault, sizeof(agent->api.settings_fault), "%s", err->text);
	if (*agent->context.settings->fault)
		stand_in(agent, err->text);
	return r;
}
