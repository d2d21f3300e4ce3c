/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which roles the names in a certificate give. */

#include <gnutls/x509.h>

#include "daemon/http/server.h"

/* Whether pattern covers name, by the rules for its kind (server.h). */
bool access_match(const struct access_rule *rule, const char *name);

/* Adds to ret->roles those of every rule that a name of crt matches; names the caller by the first, and a peer's host by all. */
void access_roles(const struct access_rule *rules, size_t n, gnutls_x509_crt_t crt, struct http_caller *ret);

/* Adds what others may call a host by that shows crt. */
void access_names(gnutls_x509_crt_t crt, struct host_names *ret);
