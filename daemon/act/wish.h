/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What somebody asks for, and no more of it than may be kept. */

#include "daemon/act/work.h"
#include "proto/migration.h"

/* Two requests that mean the same have the same mark, XML included. */
int wish_mark(const struct cf_migration_request *request, int64_t *ret, struct cf_error *err);

/* To work what only its thread needs: options, and XML, which is taken out of the request. */
int wish_hand_over(struct cf_migration_request *request, struct work *work, struct cf_error *err);
