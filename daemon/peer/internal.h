/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder know of each other. */

#include <curl/curl.h>
#include <gnutls/x509.h>

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

	bool asking;			/* a transfer is under way */
	bool broken;			/* the last transfer failed */
	cf_mono made;			/* the connection was; 0: there was none yet */
	time_t from, until;		/* what was shown on it is valid, all of it */
};

/* The i-th certificate that was shown, the other end's own first; NULL when there is none.  The caller's. */
gnutls_x509_crt_t call_shown(CURL *curl, int i);

/* A connection was made just now. */
void call_note_shown(struct call *call);

/* Why a transfer to host failed with this result, in our words. */
int call_blame(CURL *curl, CURLcode result, const char *host, const char *detail, struct cf_error *err);
