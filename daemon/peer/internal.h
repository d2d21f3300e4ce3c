/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder know of each other. */

#include <curl/curl.h>

#include "daemon/peer/call.h"

#define CALL_ANSWER_MAX ((size_t)8 << 20)

struct call {
	CURL *curl;
	struct curl_slist *headers, *route;
	char host[CF_HOST_ROOM];
	char base[CF_HOST_ROOM + 32];	/* "https://HOST:PORT" */
	char detail[CURL_ERROR_SIZE];
	cf_mono sent, answered;

	char *text;			/* of the answer */
	size_t n_text, room;
	bool overflowed;

	bool asked;			/* version was learned */
	bool current;			/* ... on the connection there is now */
	struct cf_version version;
};

/* Why a transfer to host failed with this result, in our words. */
int call_blame(CURL *curl, CURLcode result, const char *host, const char *detail, struct cf_error *err);
