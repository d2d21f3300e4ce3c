/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two files that show a receipt share. */

#include <stdio.h>

#include "proto/receipt.h"
#include "proto/text.h"

/* "limit 25 ms (hA)": and whose it is. */
#define LIMIT_TEXT_ROOM (CF_SPAN_TEXT_ROOM + CF_HOST_ROOM + 16)
char *limit_text(cf_span limit, const char *owner, char ret[static LIMIT_TEXT_ROOM]);

/* The guest's clock, before the migration, through it and after it. */
void show_guest_carried(FILE *to, const struct cf_receipt *receipt, bool moved);
