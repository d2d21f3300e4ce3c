/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files say that a host shows and trusts. */

#include "daemon/host-names.h"
#include "policy/doctor.h"

/* The time in which every certificate in the file is valid; not known when there is none, or it cannot be read. */
void certificate_life(const char *path, struct cf_shelf_life *ret);

/* The same of revocation lists: until the CA meant to issue the next. */
void crl_life(const char *path, struct cf_shelf_life *ret);

/* Adds what others may call the host that shows the file's certificate. */
void certificate_names(const char *path, struct host_names *ret);
