/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/act/work.h"

/* Tell the guest that has landed what became of its clock, as policy has it; the landing says what came of that. */
void notice_give(struct work *work);
