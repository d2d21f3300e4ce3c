/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Making a guest's clock right again after it stood still, wherever it runs on:
 * at the destination after a landing, at the source after an aborted attempt.
 * On the migration's thread.
 */

#include "daemon/act/aim.h"
#include "daemon/act/work.h"

/*
 * Measure the guest's clock error and correct it by policy until it is within
 * or no longer improves; later than settings' correct-within after RESUME it
 * is only measured.  at is the landing that is filled; it is changed under
 * the work's lock.
 */
void mend(struct work *work, struct cf_landing *at, const struct aim *aim, const char *uuid);

/* One reading of the guest's clock error, noted as a residual; false when it could not be had. */
bool mend_read(struct work *work, struct cf_landing *at, const struct aim *aim, const char *uuid, cf_span patience,
	       struct cf_interval *ret, struct cf_error *err);
