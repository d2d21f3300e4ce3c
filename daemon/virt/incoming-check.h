/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What of a peer's offer is looked at before libvirt sees it.  No error quotes the XML. */

#include "daemon/virt/drive.h"

#define INCOMING_EMULATOR_ROOM 256

/*
 * Is this the XML of the domain that is offered, without anything for QEMU's command line (unless
 * that is allowed, or is no more than this host's own libclockferry-kvm.so)?  Its emulator, "" for
 * libvirt's default.  -EINVAL, CF_PEER.
 */
int incoming_check_xml(const struct drive_offer *offer, bool allow_passthrough, char *emulator, size_t size,
		       struct cf_error *err);

/* Is that one of libvirt's, by its capabilities?  -EINVAL, CF_PEER. */
int incoming_check_emulator(const char *capabilities, const char *emulator, struct cf_error *err);
