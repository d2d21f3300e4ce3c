/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A libvirtd that hangs, or is not there.  What a guest that runs here still needs is put
 * off until it answers: the migration stays in its phase for as long, and an agent that is
 * started meanwhile takes it up there.
 */

#include "daemon/act/work.h"

/* Has libvirtd hung, and answers now?  False when it answers at once, or the agent is to stop before it does. */
bool hang_wait(struct work *work);
