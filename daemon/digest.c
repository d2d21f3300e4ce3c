/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/digest.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proto/codec.h"

void digest_limits(const struct cf_limits *limits, char ret[static CF_DIGEST_ROOM])
{
	CF_AUTO(cf_free) char *json = cf_encode(&cf_limits_shape, limits, CF_MINOR);
	unsigned char hash[32];

	*ret = '\0';
	if (!json || gnutls_hash_fast(GNUTLS_DIG_SHA256, json, strlen(json), hash) < 0)
		return;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(ret + 2 * i, CF_DIGEST_ROOM - 2 * i, "%02x", hash[i]);
}
