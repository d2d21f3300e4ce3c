/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The certificates that the other end showed when the connection was made, and whether
 * they are still good: TLS looks once, and connections live on.
 */

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/internal.h"
#include "proto/base.h"

/* What can end unseen by the times of what was shown (the CA itself, a name that moved) is looked at as often. */
#define GOOD_FOR ((cf_span){ 300 * CF_S })

gnutls_x509_crt_t call_shown(CURL *curl, int i)
{
	static const char key[] = "Cert:";
	struct curl_certinfo *info = NULL;
	gnutls_x509_crt_t crt;

	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info || i >= info->num_of_certs)
		return NULL;

	for (struct curl_slist *row = info->certinfo[i]; row; row = row->next) {
		gnutls_datum_t pem = { (unsigned char *)row->data + strlen(key), strlen(row->data) };

		if (strncmp(row->data, key, strlen(key)) != 0 || gnutls_x509_crt_init(&crt) < 0)
			continue;
		pem.size -= strlen(key);
		if (gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0)
			return crt;
		gnutls_x509_crt_deinit(crt);
	}
	return NULL;
}

void call_note_shown(struct call *call)
{
	gnutls_x509_crt_t crt;

	call->made = kernel_raw();
	call->from = 0;
	call->until = 0;
	for (int i = 0; (crt = call_shown(call->curl, i)); i++) {
		time_t from = gnutls_x509_crt_get_activation_time(crt);
		time_t until = gnutls_x509_crt_get_expiration_time(crt);

		call->from = i == 0 || from > call->from ? from : call->from;
		call->until = i == 0 || until < call->until ? until : call->until;
		gnutls_x509_crt_deinit(crt);
	}
}

bool call_is_good(const struct call *call)
{
	time_t now = time(NULL);

	return !call->broken && call->made.ns && call->from <= now && now < call->until &&
	       cf_span_cmp(cf_mono_since(kernel_raw(), call->made), GOOD_FOR) < 0;
}
