/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Source: a migration that libvirtd does not end although it has come to nothing, as its call that migrates
 * may not return (job_unblock()). The guest runs on here and nobody would ever say so.
 */

#include "daemon/act/work.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "policy/recover.h"

struct stuck {
	bool is;
	cf_mono since;		/* or since it was last freed */
	cf_span patience;	/* until it is the next time: twice as long after each, as the guest is paused for it */
};

/* Look at both, all the time; frees it as long as it is so, ever more seldom. */
void stuck_look(struct stuck *stuck, struct work *work, enum drive_state state, enum cf_there there);

/*
 * The same of one that is called back, by how its domain stands. told: libvirt has taken the request for its end;
 * that is enough where nobody heard QEMU's own word that the copy is over.
 */
void stuck_look_back(struct stuck *stuck, struct work *work, const struct domain_standing *standing, bool told);
