/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long the files live that a host shows and trusts. */

#include "policy/doctor.h"

/* The time in which every certificate in the file is valid; not known when there is none, or it cannot be read. */
void certificate_life(const char *path, struct cf_shelf_life *ret);

/* The same of revocation lists: until the CA meant to issue the next. */
void crl_life(const char *path, struct cf_shelf_life *ret);
