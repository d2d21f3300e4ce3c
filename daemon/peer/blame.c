/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why a transfer failed, and what that means for a migration. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "daemon/peer/internal.h"
#include "proto/base.h"
#include "proto/text.h"

/* The i-th certificate that was shown; the first one is the host's own, the others are its CAs'. */
static int blame_time_of(gnutls_x509_crt_t crt, int i, const char *host, struct cf_error *err)
{
	char from[CF_REAL_TEXT_ROOM], to[CF_REAL_TEXT_ROOM], now[CF_REAL_TEXT_ROOM];
	gnutls_datum_t ca = { 0 };
	int r;

	if (i > 0)
		gnutls_x509_crt_get_dn3(crt, &ca, 0);
	r = cf_fail(err, EKEYEXPIRED, CF_CERTIFICATE_TIME,
		"the certificate of %s%s%s%s is valid from %s to %s, and the clock of this host says %s", host,
		i > 0 ? "'s CA \"" : "", ca.data ? (const char *)ca.data : "", i > 0 ? "\"" : "",
		cf_real_text((cf_real){ gnutls_x509_crt_get_activation_time(crt) * CF_S }, from),
		cf_real_text((cf_real){ gnutls_x509_crt_get_expiration_time(crt) * CF_S }, to),
		cf_real_text((cf_real){ time(NULL) * CF_S }, now));
	gnutls_free(ca.data);
	return r;
}

static int blame_time(CURL *curl, const char *host, struct cf_error *err)
{
	char now[CF_REAL_TEXT_ROOM];
	gnutls_x509_crt_t crt;
	time_t t = time(NULL);
	int r = 0;

	for (int i = 0; r == 0 && (crt = call_shown(curl, i)); i++) {
		if (t < gnutls_x509_crt_get_activation_time(crt) || gnutls_x509_crt_get_expiration_time(crt) < t)
			r = blame_time_of(crt, i, host, err);
		gnutls_x509_crt_deinit(crt);
	}
	if (r < 0)
		return r;
	return cf_fail(err, EKEYEXPIRED, CF_CERTIFICATE_TIME,
		       "the CA that the certificate of %s is checked against is not valid now, and the clock of this host says %s",
		       host, cf_real_text((cf_real){ t * CF_S }, now));
}

/*
 * libcurl leaves GnuTLS' verdict in what its manual calls the verify result.  It
 * stops there, before it has looked at the name: so that is done here.
 */
static int blame_certificate(CURL *curl, const char *host, const char *detail, struct cf_error *err)
{
	unsigned only_time = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
	gnutls_x509_crt_t crt = call_shown(curl, 0);
	gnutls_datum_t text = { 0 };
	long status = 0;
	int r;

	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &status);
	if (status)
		gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);

	if (crt && status && !(status & ~only_time) && gnutls_x509_crt_check_hostname(crt, host))
		r = blame_time(curl, host, err);
	else
		r = cf_fail(err, EKEYREJECTED, CF_PEER, "the certificate of %s is not accepted: %s", host,
			    text.data ? (const char *)text.data : detail);
	gnutls_free(text.data);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	return r;
}

/* The kernel's word for it is shorter than libcurl's, and says more. */
static const char *why_not_connected(CURL *curl, const char *detail)
{
	long os = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
	return os ? strerror((int)os) : detail;
}

int call_blame(CURL *curl, CURLcode result, const char *host, const char *detail, struct cf_error *err)
{
	if (!*detail)
		detail = curl_easy_strerror(result);

	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return blame_certificate(curl, host, detail, err);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
		return cf_fail(err, EINVAL, CF_HOST, "our certificates cannot be used: %s", detail);
	case CURLE_OUT_OF_MEMORY:
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return cf_fail(err, EPROTO, CF_PEER, "%s answers unlike an agent: %s", host, detail);
	case CURLE_OPERATION_TIMEDOUT:
		return cf_fail(err, ETIMEDOUT, CF_UNREACHABLE, "%s does not answer: %s", host, detail);
	case CURLE_COULDNT_CONNECT:
		return cf_fail(err, EHOSTUNREACH, CF_UNREACHABLE, "%s cannot be reached: %s", host,
			       why_not_connected(curl, detail));
	default:
		return cf_fail(err, EHOSTUNREACH, CF_UNREACHABLE, "%s cannot be reached: %s", host, detail);
	}
}

enum cf_finding_code call_finding(int failed, const struct cf_error *err)
{
	if (failed == -EPROTONOSUPPORT)
		return CF_FINDING_PEER_VERSION;

	switch (err->code) {
	case CF_CERTIFICATE_TIME:
		return CF_FINDING_PEER_CERTIFICATE_TIME;
	case CF_FORBIDDEN:
		return CF_FINDING_PEER_DENIED;
	case CF_NOT_FOUND:	/* an agent that has no such route */
		return CF_FINDING_PEER_VERSION;
	case CF_BUSY:
	case CF_CONFLICT:
		return CF_FINDING_PEER_BUSY;
	default:
		return CF_FINDING_PEER_UNREACHABLE;
	}
}
