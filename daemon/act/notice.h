/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/act/work.h"

/* Tell the guest that has landed what became of its clock, as policy has it; the landing says what came of that. */
void notice_give(struct work *work);

/*
 * The disruption marker of the guest's vmclock, where it has one and policy has the guest told at all: into the
 * record, before it leaves; and beside that one into the landing, where it has come to.
 */
void notice_marker_before(struct work *work, cf_span patience);
void notice_marker_after(struct work *work);
