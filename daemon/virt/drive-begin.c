/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every driver does before it begins. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/virt/domain.h"
#include "daemon/virt/private.h"

/* Templates */

/* What may stand in a host name or an address; whatever else could change the meaning of a URI. */
static bool is_host(const char *host)
{
	const char *at = host;

	while (isalnum((unsigned char)*at) || (*at && strchr(".:-_", *at)))
		at++;
	return *host && !*at;
}

int virt_uri_fill(const char *template, const char *host, char *ret, size_t size, struct cf_error *err)
{
	const char *place = strstr(template, "%s");
	bool bare = place && (place == template || place[-1] != '[');
	bool v6 = strchr(host, ':') && bare;
	int n;

	if (!is_host(host))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "destination: not a host name or an address");
	if (!place || strchr(place + 1, '%') || strchr(template, '%') != place)
		return cf_fail(err, EINVAL, CF_HOST,
			       "%s does not name the destination once, as %%s", template);
	n = snprintf(ret, size, "%.*s%s%s%s%s", (int)(place - template), template, v6 ? "[" : "", host,
		     v6 ? "]" : "", place + 2);
	if (n >= (int)size)
		return cf_fail(err, ENAMETOOLONG, CF_BAD_REQUEST, "destination: too long");
	return 0;
}

/* The domain */

int virt_drive_ready(struct virt *virt, const char *uuid, bool *persistent, struct cf_error *err)
{
	struct domain_standing standing;
	int r;

	r = domain_look(virt, uuid, &standing, err);
	if (r < 0)
		return r;
	if (!standing.known)
		return cf_fail(err, ENOENT, CF_NOT_FOUND, "there is no such domain");
	if (!standing.active)
		return cf_fail(err, ENOTCONN, CF_CONFLICT, "the domain does not run");
	if (standing.job_active)
		return cf_fail(err, EBUSY, CF_CONFLICT, "the domain is busy: %s", standing.job);
	*persistent = standing.persistent;
	return 0;
}

/*
 * QEMU's target is set before it copies, or a quick copy would be over first.
 * Set that early it would outlast the job: a domain that stays gets its own back.
 */
int virt_aim(virDomainPtr domain, unsigned long long target_ms, bool *known, unsigned long long *before_ms,
	     struct cf_error *err)
{
	*known = virDomainMigrateGetMaxDowntime(domain, before_ms, 0) == 0;
	if (virDomainMigrateSetMaxDowntime(domain, target_ms, 0) < 0)
		return virt_fail(err, "max downtime");
	return 0;
}
