/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/where.h"

#include <stdio.h>

#include "daemon/virt/domain.h"

#define PATIENCE ((cf_span){ 2 * CF_S })

enum cf_here where_here(const struct work *work, const char *uuid)
{
	struct domain_standing standing;

	if (domain_look(work->context->virt, uuid, &standing, NULL) < 0)
		return CF_HERE_UNKNOWN;
	return domain_here(&standing);
}

/*
 * Would it take the domain in?  What it says against that is how it stands there.  It is
 * asked by its uuid alone: another domain of the same name is none of our business.
 */
static enum cf_there ask_for_domain(struct work *work, struct cf_error *err)
{
	const char *segments[] = { work->id };
	struct cf_reservation dry = work->reservation;
	CF_AUTO(cf_free) struct cf_lease *lease = calloc(1, sizeof(*lease));
	enum cf_there there = CF_THERE_STRANGE;

	dry.dry_run = true;
	snprintf(dry.domain, sizeof(dry.domain), "%s", dry.uuid);
	if (!lease || call_do(work->peer.call, CF_ROUTE_RESERVE, segments, NULL, &dry, lease, PATIENCE, NULL, err) < 0)
		return CF_THERE_UNKNOWN;

	for (size_t i = 0; i < lease->n_findings; i++) {
		if (lease->findings[i].code == CF_FINDING_DOMAIN_EXISTS_THERE)
			return CF_THERE_FOUND;
		if (lease->findings[i].code == CF_FINDING_DOMAIN_MIGRATING)
			there = CF_THERE_WAITING;
		if (lease->findings[i].code == CF_FINDING_LIBVIRT_UNAVAILABLE)
			there = CF_THERE_UNKNOWN;
	}
	return there;
}

/* It runs there or did, even if QEMU's stamp of that could not be used. */
static bool has_landed(const struct cf_landing *landing)
{
	return landing->has_resume || (landing->phase >= CF_PHASE_RUNNING && landing->phase <= CF_PHASE_DONE);
}

enum cf_there where_there(struct work *work, struct cf_error *err)
{
	struct cf_landing landing;

	if (work_calls(work, err) < 0)
		return CF_THERE_UNKNOWN;
	if (work_ask_landing(work, &landing, err) < 0)
		return err->code == CF_NOT_FOUND ? ask_for_domain(work, err) : CF_THERE_UNKNOWN;

	work->receipt->has_landing = true;
	work->receipt->landing = landing;
	if (has_landed(&landing))
		return CF_THERE_RAN;
	return landing.phase == CF_PHASE_DROPPED ? CF_THERE_DROPPED : CF_THERE_WAITING;
}

bool where_runs_there(struct work *work)
{
	struct cf_error err = { 0 };

	return ask_for_domain(work, &err) == CF_THERE_FOUND;
}
