/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* domain-xml.c's other half: what in a domain's XML makes a live migration impossible. */

#include "daemon/virt/domain-xml.h"
#include "daemon/virt/xml.h"

/* What is certain from the settings alone; versions as for domain_xml_read(). */
void blockers_read(struct xml domain, unsigned long libvirt_version, unsigned long emulator_version,
		   struct domain_xml *ret);

/* Append one; what exceeds the room is left out. */
void blocker_add(struct domain_xml *xml, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
