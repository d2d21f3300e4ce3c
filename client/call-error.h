/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libcurl's errors mean for somebody who asks an agent. */

#include <curl/curl.h>

#include "client/call.h"

/* Fails with what `code` says of the transfer that has just ended; said is libcurl's error buffer. */
int call_error(CURL *easy, CURLcode code, const struct call_to *to, const char *said, struct cf_error *err);

/* Can the last request have reached the agent?  Not when no connection was ready to carry it. */
bool call_was_sent(CURL *easy);
