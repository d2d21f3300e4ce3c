/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In place of work_unmeasured(): what was last said not to be measured, as "figure: why". */

#include "daemon/act/work.h"

extern char unmeasured[CF_DETAIL_ROOM];
