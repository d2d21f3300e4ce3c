/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a domain is between its starts.  libvirt carries the definition, and not
 * that it starts with its host.  A source that came up again after the guest had
 * left, and still had both, would start it a second time: so it loses the
 * autostart before the migration begins, and gets it back if it keeps the guest.
 */

#include "daemon/act/work.h"

/* Source, before the driver begins. */
int persist_hold(struct work *work, struct cf_error *err);

/* Source, when it keeps the guest; one whose host came up meanwhile is started, as it would have been then. */
void persist_restore(struct work *work);

/* Destination, once the guest has landed and libvirt is done with it.  Both wait for a libvirtd that hangs. */
void persist_land(struct work *work);
