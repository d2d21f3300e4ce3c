/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Source: a driver that does not end although the destination has let the migration go, as libvirtd's call
 * that migrates may not (job_unblock()). The guest runs on here and nobody would ever say so.
 */

#include "daemon/act/work.h"
#include "daemon/virt/drive.h"
#include "policy/recover.h"

struct stuck {
	bool is;
	cf_mono since;	/* or since it was last freed */
};

/* Look at both, all the time; frees it every few seconds as long as it is so. */
void stuck_look(struct stuck *stuck, struct work *work, enum drive_state state, enum cf_there there);
