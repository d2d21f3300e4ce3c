/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/json.h"
#include "proto/check.h"

const struct command commands[] = {
	{ "status",  "",                         0, 0, 0, run_status,
		"How the agent is, its clock, and the migrations under way" },
	{ "doctor",  "",                         0, 0,  false, run_doctor,
		"Look at everything the host needs, and say what to do about what is not well" },
	{ "clock",   "",                         0, 0, 0, run_clock,
		"The host's clock: its state, its error bound, and where that comes from" },
	{ "peers",   "[HOST]",                   0, 1, 0, run_peers,
		"The other hosts' clocks against this one's; of one host, measured now" },
	{ "domains", "",                         0, 0, 0, run_domains,
		"The domains of the host; no guest is asked" },
	{ "domain",  "DOMAIN",                   1, 1, 0, run_domain,
		"A guest's clock, measured now, and what speaks against migrating it" },
	{ "check",   "DOMAIN [DESTINATION...]",  1, 1 + CF_DESTINATIONS_MAX, TAKES_TERMS | TAKES_OPTIONS, run_check,
		"Would the domain be allowed to migrate there?  Changes nothing" },
	{ "migrate", "DOMAIN DESTINATION",       2, 2, TAKES_WATCHING | TAKES_REQUEST | TAKES_TERMS | TAKES_OPTIONS, run_migrate,
		"Migrate the domain, watch it, and show the receipt" },
	{ "watch",   "[ID...]",                  0, CF_PAGE_MAX, TAKES_WATCHING, run_watch,
		"Watch migrations to their end, all that are under way where none is named" },
	{ "abort",   "ID",                       1, 1, 0, run_abort,
		"Abort a migration, as long as it can be aborted" },
	{ "resolve", "ID runs-here|runs-there REASON", 3, 3, 0, run_resolve,
		"Say where the guest of a migration in doubt runs, having looked; for administrators" },
	{ "list",    "",                         0, 0, TAKES_LIST, run_list,
		"The migrations of the host, newest first" },
	{ "show",    "ID",                       1, 1, 0, run_show,
		"The receipt of a migration" },
	{ "quiesce", "",                         0, 0, TAKES_OFF, run_quiesce,
		"Take no new migrations; a copy that needs longer than stop-wait is aborted" },
	{ "hook",    "install|remove|status",    1, 1, TAKES_PROGRAM, run_hook,
		"Guard this host against migrations that others drive, by a hook of libvirt's" },
	{ "kvm",     "on|off|status",            1, 1, TAKES_PROGRAM, run_kvm,
		"Have libvirt load the library that keeps guests' counters exact into every QEMU; and which have it" },
	{ "policy",  "[NAME | check FILE]",      0, 2, TAKES_TRIAL, run_policy,
		"What the host allows; or what a policy would have done to past migrations" },
	{ "explain", "[CODE]",                   0, 1, 0, run_explain,
		"What a finding means, how it is treated by default, and what to do about it" },
	{ "version", "",                         0, 0, 0, run_version,
		"Which version this is, and which the agent" },
};

const size_t n_commands = CF_COUNT(commands);

int take_labels(const struct ask *ask, char (*ret)[CF_LABEL_ROOM], size_t *ret_n, struct cf_error *err)
{
	for (size_t i = 0; i < ask->n_labels; i++) {
		if (strlen(ask->labels[i]) >= CF_LABEL_ROOM)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--label: '%.64s...' is too long", ask->labels[i]);
		strcpy(ret[i], ask->labels[i]);
	}
	*ret_n = ask->n_labels;
	return cf_labels_check(ret, ask->n_labels, err);
}

int fetch(struct ask *ask, enum cf_route_id route, const char *segment, struct cf_error *err)
{
	struct question question = { .route = route, .segment = segment };

	return fetch_answer(ask, &question, err);
}

int fetch_answer(struct ask *ask, const struct question *question, struct cf_error *err)
{
	int r = call_ask(ask->call, question, &ask->reply, err);

	if (r < 0 || !ask->json)
		return r;

	json_print(ask->to, ask->reply.text, ask->reply.size);
	return 1;
}

int fail_here(const char *path, struct cf_error *err)
{
	int error = errno;
	bool forbidden = error == EACCES || error == EPERM;

	return cf_fail(err, error, forbidden ? CF_FORBIDDEN : CF_HOST, "%s: %s%s", path, strerror(error),
		       forbidden && geteuid() != 0 ? ": that takes root" : "");
}

int run_verb(struct ask *ask, const struct verb *verbs, size_t n, struct cf_error *err)
{
	const struct command *command = ask->command;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(ask->args[0], verbs[i].word) != 0)
			continue;
		if (verbs[i].here && ask->whom.host)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s %s is for the host it is called on", command->name,
				       verbs[i].word);
		return verbs[i].run(ask, err);
	}
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "usage: clockferry %s %s", command->name, command->args);
}
