/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The uuid in a domain's XML.  Not a parser: it walks over tags, comments and
 * quoted attributes as far as it takes to tell the domain's own <uuid> from one in
 * its metadata or in a title, and makes nothing of what it does not understand.
 */

#include <stdbool.h>
#include <stddef.h>

#define UUID_ROOM 37

/* Into ret, in lower case; false when it is not among these bytes, of which more may come. */
bool uuid_find(const char *xml, size_t size, char ret[static UUID_ROOM]);
