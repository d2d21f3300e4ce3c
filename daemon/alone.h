/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One agent on a host: two would take up the same migrations, by the same ledger and the
 * same page.  It is the one that has the file locked.
 */

#include "proto/error.h"
#include "proto/time.h"

/*
 * Locks the file, which is made for its folder's owner if it is not there, until this process is gone, however it
 * ends; none of its children has the lock.  Whoever has it now is given so long to go:
 * EADDRINUSE then.  For each file once.
 */
int alone_lock(const char *path, cf_span patience, struct cf_error *err);
