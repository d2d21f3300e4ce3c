/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "proto/terms.h"

/*
 * The SHA-256 of limits as JSON has them, in hexadecimal: two migrations with the
 * same one were judged by the same limits.  "" without memory.  Any thread.
 */
void digest_limits(const struct cf_limits *limits, char ret[static CF_DIGEST_ROOM]);
