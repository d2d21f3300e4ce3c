/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every destination does, with a gate or without. */

#include "daemon/act/work.h"

/* Has the source said that it is over?  Its receipt is kept. */
bool arrive_source_gave_up(struct work *work, char why[static CF_DETAIL_ROOM]);

/* RESUME, which has been seen or is known to have been, into the landing; libvirt's word of it is waited for. */
void arrive_note_resume(struct work *work);
