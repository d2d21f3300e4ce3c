/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/route.h"

#include <errno.h>
#include <string.h>

#include "proto/check.h"
#include "proto/commit.h"
#include "proto/doctor.h"
#include "proto/domain.h"
#include "proto/guard.h"
#include "proto/health.h"
#include "proto/incoming.h"
#include "proto/peer.h"
#include "proto/percent.h"
#include "proto/policy.h"
#include "proto/probe.h"
#include "proto/query.h"
#include "proto/trial.h"

#define BODY   ((size_t)64 << 10)
#define WISH   ((size_t)4 << 20)	/* two domain XMLs in base64 */
#define RECORD ((size_t)512 << 10)
#define PHASE  ((size_t)4 << 20)	/* domain XML and cookies in base64 */

#define ANYONE (CF_ROLE_LOCAL | CF_ROLE_PEER | CF_ROLE_VIEWER | CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define READ   (CF_ROLE_VIEWER | CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define ACT    (CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define PEER   CF_ROLE_PEER

const struct cf_route cf_routes[CF_N_ROUTES] = {
	[CF_ROUTE_HEALTH] = { "GET", "/v1/health", NULL, &cf_health_shape, 0, READ | PEER,
		"How the agent is." },
	[CF_ROUTE_DOCTOR] = { "GET", "/v1/doctor", NULL, &cf_vitals_shape, 0, READ,
		"How each thing stands that this host needs, and what to do about it." },
	[CF_ROUTE_VERSION] = { "GET", "/v1/version", NULL, &cf_version_shape, 0, READ | PEER,
		"Which agent it is and which version of the API it speaks." },
	[CF_ROUTE_CLOCK] = { "GET", "/v1/clock", NULL, &cf_report_shape, 0, ANYONE,
		"The clock report of this host." },
	[CF_ROUTE_PROBE] = { "POST", "/v1/clock/probe", &cf_round_request_shape, &cf_round_reply_shape, BODY, PEER,
		"One round of measuring the offset." },
	[CF_ROUTE_PEERS] = { "GET", "/v1/peers", NULL, &cf_peers_shape, 0, READ,
		"Every peer: its offset, and whether the gate to it is open.",
		&cf_page_query_shape },
	[CF_ROUTE_PEER] = { "GET", "/v1/peers/{}", NULL, &cf_peer_shape, 0, READ,
		"One peer, measured now." },
	[CF_ROUTE_DOMAINS] = { "GET", "/v1/domains", NULL, &cf_domains_shape, 0, READ,
		"The domains of this host; no guest is asked.",
		&cf_page_query_shape },
	[CF_ROUTE_DOMAIN_CLOCK] = { "GET", "/v1/domains/{}/clock", NULL, &cf_guest_clock_shape, 0, READ,
		"A guest's clock state, measured now." },
	[CF_ROUTE_POLICIES] = { "GET", "/v1/policies", NULL, &cf_policies_shape, 0, READ,
		"The policies of this host, and which is in use." },
	[CF_ROUTE_POLICY] = { "GET", "/v1/policies/{}", NULL, &cf_policy_shape, 0, READ,
		"One policy: each of its keys, and what that means." },
	[CF_ROUTE_TRIAL] = { "POST", "/v1/policies/check", &cf_trial_request_shape, &cf_trial_shape, BODY, READ,
		"What a policy would have done to the receipts in the ledger.  Nothing is changed." },
	[CF_ROUTE_FINDINGS] = { "GET", "/v1/findings", NULL, &cf_finding_kinds_shape, 0, READ,
		"What can speak against a migration: each code, what it means, and what to do about it." },
	[CF_ROUTE_CHECKS] = { "POST", "/v1/checks", &cf_check_request_shape, &cf_checks_shape, BODY, READ,
		"Would this domain be allowed to migrate there?  Nothing is changed.",
		&cf_page_query_shape },
	[CF_ROUTE_MIGRATE] = { "PUT", "/v1/migrations/{}", &cf_migration_request_shape, &cf_migration_shape, WISH, ACT,
		"Migrate a domain; answers when it has been checked, or has to wait for its turn." },
	[CF_ROUTE_MIGRATIONS] = { "GET", "/v1/migrations", NULL, &cf_migrations_shape, 0, READ | PEER,
		"Migrations of this host, newest first; with ?state=PHASE|open|ended, ?domain=NAME, ?label=KEY=VALUE those. "
		"A peer sees those that it has a part in.",
		&cf_migrations_query_shape },
	[CF_ROUTE_MIGRATION] = { "GET", "/v1/migrations/{}", NULL, &cf_migration_shape, 0, READ,
		"How one migration stands; with ?after=REVISION&wait=10s, when that has changed.",
		&cf_migration_query_shape },
	[CF_ROUTE_RECEIPT] = { "GET", "/v1/migrations/{}/receipt", NULL, &cf_receipt_shape, 0, READ | PEER,
		"The receipt of a migration that has ended; a peer's own part in it is needed." },
	[CF_ROUTE_SAID] = { "GET", "/v1/migrations/{}/said", NULL, &cf_said_shape, 0, PEER,
		"What the two agents have said of a migration, for the one that has lost that." },
	[CF_ROUTE_ABORT] = { "DELETE", "/v1/migrations/{}", NULL, &cf_migration_shape, 0, ACT,
		"Abort a migration, as long as it can be aborted." },
	[CF_ROUTE_RESOLVE] = { "POST", "/v1/migrations/{}/resolve", &cf_resolve_shape, &cf_migration_shape, BODY, CF_ROLE_ADMIN,
		"Say where the guest of a migration in doubt runs, having looked." },
	[CF_ROUTE_QUIESCE] = { "POST", "/v1/quiesce", &cf_quiesce_shape, &cf_quiesced_shape, BODY, CF_ROLE_ADMIN,
		"Take no new migrations, from here or to here; or take them again." },
	[CF_ROUTE_GUARD] = { "POST", "/v1/guard", &cf_guard_request_shape, &cf_guard_answer_shape, BODY, CF_ROLE_ADMIN,
		"May this domain come in, which another manager moves?  For libvirt's hook on this host." },
	[CF_ROUTE_RESERVE] = { "PUT", "/v1/incoming/{}", &cf_reservation_shape, &cf_lease_shape, BODY, PEER,
		"Ask the destination whether a domain may come in, and reserve room for it." },
	[CF_ROUTE_RECORD] = { "PUT", "/v1/incoming/{}/record", &cf_record_shape, &cf_accepted_shape, RECORD, PEER,
		"The clock record: before the copy, and completed at STOP." },
	[CF_ROUTE_COUNTERS] = { "PUT", "/v1/incoming/{}/counters", &cf_counters_shape, &cf_accepted_shape, RECORD, PEER,
		"The guest's counters, while memory is copied and at STOP: for the KVM library there." },
	[CF_ROUTE_LANDING] = { "GET", "/v1/incoming/{}", NULL, &cf_landing_shape, 0, PEER,
		"What the destination has seen so far." },
	[CF_ROUTE_PREPARE] = { "POST", "/v1/incoming/{}/prepare", &cf_offer_shape, &cf_prepared_shape, PHASE, PEER,
		"Make the incoming domain; it waits for its memory, and then for a commit." },
	[CF_ROUTE_COMMIT] = { "POST", "/v1/incoming/{}/commit", &cf_commit_shape, &cf_answer_shape, PHASE, PEER,
		"Let the guest run, if that still keeps the blackout within its limit." },
	[CF_ROUTE_CLOSE] = { "POST", "/v1/incoming/{}/close", &cf_closing_shape, &cf_accepted_shape, RECORD, PEER,
		"The end of a migration: its receipt." },
};

const char *cf_role_name(unsigned roles)
{
	static const char *const names[] = { "local", "peer", "viewer", "operator", "admin" };

	for (size_t i = CF_COUNT(names); i-- > 0;)
		if (roles & 1U << i)
			return names[i];

	return "nobody";
}

/* 1 when path has the pattern's form, 0 when not, -EINVAL when a segment is malformed. */
static int match(const char *pattern, const char *path, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM])
{
	size_t n = 0;
	int r;

	while (*pattern) {
		if (pattern[0] == '{') {
			r = cf_percent_decode(&path, "/", segments[n], CF_SEGMENT_ROOM);
			if (r < 0 || !*segments[n])
				return -EINVAL;
			n++;
			pattern += 2;
		} else if (*pattern++ != *path++) {
			return 0;
		}
	}

	return *path == '\0';
}

int cf_route_find(const char *method, const char *path, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM])
{
	int worst = -ENOENT;

	for (int id = 0; id < CF_N_ROUTES; id++) {
		int r = match(cf_routes[id].path, path, segments);

		if (r < 0 && worst == -ENOENT)
			worst = r;
		if (r > 0 && strcmp(cf_routes[id].method, method) == 0)
			return id;
		if (r > 0)
			worst = -EPERM;
	}

	return worst;
}

char *cf_route_target(enum cf_route_id id, const char *const *segments, const void *query, int minor,
		      struct cf_error *err)
{
	struct cf_grow target = { 0 };
	char *text;

	for (const char *p = cf_routes[id].path; *p; p++) {
		if (*p != '{') {
			cf_grow_char(&target, *p);
			continue;
		}
		if (strlen(*segments) >= CF_SEGMENT_ROOM) {
			cf_fail(err, E2BIG, CF_BAD_REQUEST, "'%.64s...' is too long for a name", *segments);
			free(cf_grow_take(&target));
			return NULL;
		}
		cf_percent_encode(&target, *segments++);
		p++;
	}
	if (query)
		cf_query_encode(cf_routes[id].query, query, minor, &target);

	text = cf_grow_take(&target);
	if (!text)
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return text;
}
