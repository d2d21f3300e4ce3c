/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Source: why an attempt came to nothing, where no more was seen than that the driver's copy had ended.  A source that stood
 * still, or was busy, sees that before it hears who had asked for it.
 */

#include "daemon/act/work.h"

/* So ask later; for now the driver's word is all there is, or `otherwise` where it has none. */
void reason_driver(struct work *work, const struct drive_end *end, const char *otherwise, char why[static CF_DETAIL_ROOM]);

/* Once the guest runs on, and nobody has to hurry: had somebody asked for it, here or there?  Then why says who. */
bool reason_asked(struct work *work, char why[static CF_DETAIL_ROOM]);
