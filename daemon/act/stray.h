/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Strays: what is under way since a ledger was lost, and in nobody's hands here.  By whose order and to
 * where libvirt cannot say, and what another host's agent has may be more than is safe to take up, so that nothing is done about
 * them but to say so, for as long as they are there.
 */

#include "daemon/act/migration.h"

/* On a thread: the domains that libvirt has on their way.  Blocks. */
int strays_find(const struct act_context *context, struct strays *ret, struct cf_error *err);

/* One more of them; nothing happens where there is one of that domain, or no room. */
void strays_add(struct strays *found, const struct cf_stray *stray);
bool strays_have(const struct strays *strays, const char *uuid);

/* On the loop: those there are now.  Which is new is said. */
void strays_tell(struct migrations *all, const struct strays *found);
