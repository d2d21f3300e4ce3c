/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/route.h"

#include <errno.h>
#include <string.h>

#include "proto/check.h"
#include "proto/domain.h"
#include "proto/health.h"
#include "proto/incoming.h"
#include "proto/peer.h"
#include "proto/probe.h"

#define BODY   ((size_t)64 << 10)
#define RECORD ((size_t)512 << 10)

#define ANYONE (CF_ROLE_LOCAL | CF_ROLE_PEER | CF_ROLE_VIEWER | CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define READ   (CF_ROLE_VIEWER | CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define ACT    (CF_ROLE_OPERATOR | CF_ROLE_ADMIN)
#define PEER   CF_ROLE_PEER

const struct cf_route cf_routes[CF_N_ROUTES] = {
	[CF_ROUTE_HEALTH] = { "GET", "/v1/health", NULL, &cf_health_shape, 0, READ | PEER,
		"How the agent is." },
	[CF_ROUTE_VERSION] = { "GET", "/v1/version", NULL, &cf_version_shape, 0, READ | PEER,
		"Which agent it is and which version of the API it speaks." },
	[CF_ROUTE_CLOCK] = { "GET", "/v1/clock", NULL, &cf_report_shape, 0, ANYONE,
		"The clock report of this host." },
	[CF_ROUTE_PROBE] = { "POST", "/v1/clock/probe", &cf_round_request_shape, &cf_round_reply_shape, BODY, PEER,
		"One round of measuring the offset." },
	[CF_ROUTE_PEERS] = { "GET", "/v1/peers", NULL, &cf_peers_shape, 0, READ,
		"Every peer: its offset, and whether the gate to it is open." },
	[CF_ROUTE_PEER] = { "GET", "/v1/peers/{}", NULL, &cf_peer_shape, 0, READ,
		"One peer, measured now." },
	[CF_ROUTE_DOMAINS] = { "GET", "/v1/domains", NULL, &cf_domains_shape, 0, READ,
		"The domains of this host; no guest is asked." },
	[CF_ROUTE_DOMAIN_CLOCK] = { "GET", "/v1/domains/{}/clock", NULL, &cf_guest_clock_shape, 0, READ,
		"A guest's clock state, measured now." },
	[CF_ROUTE_CHECKS] = { "POST", "/v1/checks", &cf_check_request_shape, &cf_checks_shape, BODY, READ,
		"Would this domain be allowed to migrate there?  Nothing is changed." },
	[CF_ROUTE_MIGRATE] = { "PUT", "/v1/migrations/{}", &cf_migration_request_shape, &cf_migration_shape, BODY, ACT,
		"Migrate a domain; answers when it has been checked." },
	[CF_ROUTE_MIGRATIONS] = { "GET", "/v1/migrations", NULL, &cf_migrations_shape, 0, READ,
		"Migrations of this host, newest first." },
	[CF_ROUTE_MIGRATION] = { "GET", "/v1/migrations/{}", NULL, &cf_migration_shape, 0, READ,
		"How one migration stands; with ?after=REVISION&wait=10s, when that has changed." },
	[CF_ROUTE_RECEIPT] = { "GET", "/v1/migrations/{}/receipt", NULL, &cf_receipt_shape, 0, READ,
		"The receipt of a migration that has ended." },
	[CF_ROUTE_ABORT] = { "DELETE", "/v1/migrations/{}", NULL, &cf_migration_shape, 0, ACT,
		"Abort a migration, as long as it can be aborted." },
	[CF_ROUTE_RESERVE] = { "PUT", "/v1/incoming/{}", &cf_reservation_shape, &cf_lease_shape, BODY, PEER,
		"Ask the destination whether a domain may come in, and reserve room for it." },
	[CF_ROUTE_RECORD] = { "PUT", "/v1/incoming/{}/record", &cf_record_shape, &cf_accepted_shape, RECORD, PEER,
		"The clock record: before the copy, and completed at STOP." },
	[CF_ROUTE_LANDING] = { "GET", "/v1/incoming/{}", NULL, &cf_landing_shape, 0, PEER,
		"What the destination has seen so far." },
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

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode the segment at *path, up to '/' or the end; *path is moved behind it. */
static int take_segment(const char **path, char segment[CF_SEGMENT_ROOM])
{
	const char *p = *path;
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		int c = (unsigned char)*p;

		if (*p == '%') {
			int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

			if (low < 0)
				return -EINVAL;
			c = high << 4 | low;
			p += 2;
		}
		if (c == 0 || n + 1 >= CF_SEGMENT_ROOM)
			return -EINVAL;
		segment[n++] = c;
	}
	if (n == 0)
		return -EINVAL;

	segment[n] = '\0';
	*path = p;
	return 0;
}

/* 1 when path has the pattern's form, 0 when not, -EINVAL when a segment is malformed. */
static int match(const char *pattern, const char *path, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM])
{
	size_t n = 0;
	int r;

	while (*pattern) {
		if (pattern[0] == '{') {
			r = take_segment(&path, segments[n++]);
			if (r < 0)
				return r;
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

/* Append one byte, percent-encoded unless RFC 3986 calls it unreserved. */
static int put_encoded(char c, char *text, size_t room, size_t *n)
{
	static const char digits[] = "0123456789ABCDEF";
	bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		     c == '-' || c == '.' || c == '_' || c == '~';

	if (*n + (plain ? 1 : 3) >= room)
		return -E2BIG;
	if (plain) {
		text[(*n)++] = c;
		return 0;
	}
	text[(*n)++] = '%';
	text[(*n)++] = digits[(unsigned char)c >> 4];
	text[(*n)++] = digits[(unsigned char)c & 15];
	return 0;
}

int cf_route_path(enum cf_route_id id, const char *const *segments, char *text, size_t room)
{
	size_t n = 0;

	for (const char *p = cf_routes[id].path; *p; p++) {
		if (*p == '{') {
			for (const char *s = *segments; *s; s++)
				if (put_encoded(*s, text, room, &n) < 0)
					return -E2BIG;
			segments++;
			p++;
			continue;
		}
		if (n + 1 >= room)
			return -E2BIG;
		text[n++] = *p;
	}

	text[n] = '\0';
	return 0;
}
