/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/requests.h"

#include <stdio.h>
#include <string.h>

#include "proto/receipt.h"

struct parts parts;
struct cf_error err;

int start(const char *id, struct cf_migration_request request, struct migration **ret)
{
	static const struct cf_requester operator = { "uid 1000 (ada)", "operator", "hA" };

	return migrations_start(parts.all, id, &request, &operator, ret, &err);
}

static int reserve(const char *id, const char *uuid, const char *driver, const char *peer, struct migration **ret)
{
	static const struct cf_lease lease = { .granted = true };
	struct cf_reservation reservation = { .domain = "guest", .source = "hB", .destination = "hA",
					      .has_requester = true,
					      .requester = { "cn:Ada Example", "admin", "hB" } };

	snprintf(reservation.uuid, sizeof(reservation.uuid), "%s", uuid);
	snprintf(reservation.driver, sizeof(reservation.driver), "%s", driver);
	return migrations_expect(parts.all, id, &reservation, &lease, peer, ret, &err);
}

int expect(const char *id, const char *uuid, const char *peer, struct migration **ret)
{
	return reserve(id, uuid, "", peer, ret);
}

int expect_foreign(const char *id, const char *uuid, const char *peer, struct migration **ret)
{
	return reserve(id, uuid, "foreign", peer, ret);
}

const struct cf_migration *last(struct migration *migration)
{
	parts_run_to_end(&parts, migration);
	return &migration_receipt(migration)->migration;
}

bool has_finding(const struct cf_receipt *receipt, enum cf_finding_code code, const char *detail)
{
	for (size_t i = 0; receipt && i < receipt->migration.n_findings; i++)
		if (receipt->migration.findings[i].code == code &&
		    strstr(receipt->migration.findings[i].detail, detail))
			return true;

	return false;
}
