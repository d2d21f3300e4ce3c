/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest that the source keeps.  An attempt that ended here may have cost it time: from STOP
 * to the RESUME that QEMU gave it back.
 */

#include "daemon/act/work.h"

/*
 * Is what this host has of that name the guest of the migration still?  After a boot it is another run of it,
 * and one that was given back for good, as an agent before this one noted, is in nobody's hands any more.
 */
bool kept_is_ours(const struct work *work);

/*
 * How long it stood still, into the receipt, and its clock made right.  What is corrected is what is
 * measured; events that an agent missed because it was dead, or libvirtd hung or was not there, or that
 * fit no clock here because that was stepped, do not keep it from being looked at.
 */
void kept_mend(struct work *work);
