/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a domain's XML has for QEMU past libvirt, <qemu:commandline> and <qemu:override>:
 * whoever writes that can have its QEMU, and what is loaded into it, do anything.
 */

#include "daemon/virt/xml.h"
#include "proto/record.h"

#define KVM_LIBRARY "libclockferry-kvm.so"

void passthrough_read(struct xml domain, struct cf_passthrough *ret);

/* Has it a device of that model among QEMU's arguments?  libvirt (11.3) does not know all that QEMU has. */
bool passthrough_has_device(struct xml domain, const char *model);

bool passthrough_is_any(const struct cf_passthrough *passthrough);

/* Nothing but this host's own libclockferry-kvm.so: from anybody. */
bool passthrough_is_harmless(const struct cf_passthrough *passthrough);

/* As another host tells of it: is its library, where it has one, a path of libclockferry-kvm.so? */
bool passthrough_is_sound(const struct cf_passthrough *passthrough);

/* Of a value of LD_PRELOAD: the path of libclockferry-kvm.so, "" when it is not in it.  true: there is something else. */
bool preload_read(const char *value, char library[static CF_LIBRARY_ROOM]);
