/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a domain's XML says about its clock, its owner, and whether it can be
 * migrated.  Nothing else of the XML is kept, and no error quotes it.
 */

#include "proto/error.h"
#include "proto/options.h"
#include "proto/record.h"
#include "proto/terms.h"

#define DOMAIN_BLOCKERS_MAX 8

/* In <metadata>: <clockferry:policy xmlns:clockferry="urn:clockferry:policy:1" name="strict"/> */
#define DOMAIN_POLICY "urn:clockferry:policy:1"

struct domain_xml {
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	char manager[32];		/* whose metadata it carries, "" for none */
	bool has_policy;
	char policy[CF_POLICY_ROOM];	/* that its metadata chooses: DOMAIN_POLICY; "" for one that cannot be read */
	char binary[512];		/* the emulator; "" when the XML names none */

	/* type, arch, machine, clock, timers, kvmclock, vmclock, counter, agent; the rest is not the XML's to say. */
	struct cf_guest_clock guest;

	struct cf_passthrough passthrough;	/* for QEMU past libvirt */

	bool has_disks;			/* all of them are below */
	size_t n_disks;
	struct cf_disk disks[CF_DISKS_MAX];

	size_t n_blockers;		/* why libvirt or QEMU will not migrate it: certain ones only */
	char blockers[DOMAIN_BLOCKERS_MAX][CF_DETAIL_ROOM];
};

/*
 * libvirt_version and emulator_version as libvirt counts (major * 1000000 +
 * minor * 1000 + release), 0 for unknown: what blocks depends on them.
 * CF_HOST when this is no domain XML, or a name is longer than there is room.
 */
int domain_xml_read(const char *text, unsigned long libvirt_version, unsigned long emulator_version,
		    struct domain_xml *ret, struct cf_error *err);

/* Is this the XML of the domain of that name and uuid?  Fails with why not.  *passthrough: what it has past libvirt. */
int domain_xml_is(const char *text, const char *name, const char *uuid, struct cf_passthrough *passthrough,
		  struct cf_error *err);
