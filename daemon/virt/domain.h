/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Domains: which there are, how they stand, and what of their settings matters
 * to their clocks.  No guest is asked anything here, a domain whose QEMU hangs
 * holds nothing up, and a libvirt that does not answer (-ETIMEDOUT) does so for
 * seconds; until it has, the same is not asked of that domain again (-EALREADY).
 *
 * A domain's XML may hold secrets: it never leaves this folder, and no part of
 * it but the figures below stands in an error.
 */

#include "daemon/virt/connect.h"
#include "policy/gate.h"
#include "policy/recover.h"
#include "proto/domain.h"
#include "proto/record.h"

/* The domains of this host whose names come after that one ("": all), at most limit of them: all of those, or it fails. */
int domain_list(struct virt *virt, const char *after, size_t limit, struct cf_domains *ret, struct cf_error *err);

/* How one domain stands. */
struct domain_standing {
	bool known;			/* false: there is no such domain, and nothing below means anything */
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	enum cf_domain_state state;
	bool active;			/* it has a QEMU, running or not */
	bool migrating;			/* it is paused because it is being migrated, to here or from here */
	bool starting;			/* libvirt is about to start its QEMU, for a migration to here or not */
	bool stranded;			/* it is paused because libvirt could not let it run again, and nobody else wants that */
	bool torn;			/* post-copy failed: what it needs of its memory is on another host, or nowhere */
	bool moving;			/* migrating, or a migration has it while it still runs; or nobody can say: QEMU does not, or is just started */
	bool persistent;
	bool autostart;			/* it starts with its host */
	bool job_active;
	char job[32];			/* "migration-out", "migration-in", or libvirt's operation */
};

/* The same, as the rules of recovery want it; never CF_HERE_UNKNOWN, which is that libvirt does not answer. */
static inline enum cf_here domain_here(const struct domain_standing *standing)
{
	if (!standing->known || !standing->active)
		return CF_HERE_ABSENT;
	return standing->moving ? CF_HERE_MOVING : CF_HERE_RUNNING;
}

/*
 * By name or by uuid; a name that looks like a uuid is taken as a uuid first.
 * No such domain is an answer (known = false), not an error.
 */
int domain_look(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret,
		struct cf_error *err);

/*
 * The same of a domain that somebody else has a job on: that is not asked for, so nothing is
 * known of it (moving is migrating or starting, and no job is active), and nobody waits for us.
 */
int domain_glance(struct virt *virt, const char *name_or_uuid, struct domain_standing *ret,
		  struct cf_error *err);

/*
 * What the gate has to know of a domain; ret->domain points at name_or_uuid,
 * predicted_blackout is the caller's.  For an active domain *guest gets the
 * settings that matter to its clock (no offset, no vCPU counters: guest.h,
 * counters.h) and ret->guest points at it; the caller owns it.
 */
int domain_evidence(struct virt *virt, const char *name_or_uuid, struct cf_domain_evidence *ret,
		    struct cf_guest_clock *guest, struct cf_error *err);

/* The same without the job, as domain_glance(). */
int domain_evidence_aside(struct virt *virt, const char *name_or_uuid, struct cf_domain_evidence *ret,
			  struct cf_guest_clock *guest, struct cf_error *err);
