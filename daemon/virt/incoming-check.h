/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a peer brings is looked at before libvirt sees it.  No error quotes the XML. */

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"
#include "proto/version.h"

#define INCOMING_EMULATOR_ROOM 256

/* Which domain it says it is, and whether that may have arguments for QEMU's command line. */
struct incoming_claim {
	char uuid[CF_UUID_ROOM];
	char name[CF_NAME_ROOM];
	bool allow_passthrough;
};

/*
 * Is this the XML of that domain, without anything for QEMU's command line (unless that is allowed, or
 * is no more than this host's own libclockferry-kvm.so)?  Its emulator, "" for libvirt's default.
 * -EINVAL, CF_PEER.
 */
int incoming_check_xml(const char *xml, const struct incoming_claim *claim, char *emulator, size_t size,
		       struct cf_error *err);

/*
 * The same of the cookie that comes when memory is there: by the domain in it, if there is one, libvirt starts the
 * guest from then on, when it was shut off here.
 */
int incoming_check_cookie(const void *cookie, size_t cookie_size, const struct incoming_claim *claim, char *emulator,
			  size_t size, struct cf_error *err);

/* Is that one of libvirt's, by its capabilities?  -EINVAL, CF_PEER. */
int incoming_check_emulator(const char *capabilities, const char *emulator, struct cf_error *err);
