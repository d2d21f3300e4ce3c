/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why a transfer failed, and what that means for a migration. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/lapsed.h"
#include "daemon/peer/internal.h"
#include "proto/base.h"

static bool look(void *shown, unsigned i, struct lapsed_certificate *ret)
{
	gnutls_x509_crt_t crt = call_shown(shown, (int)i);

	if (!crt)
		return false;
	lapsed_read(crt, ret);
	gnutls_x509_crt_deinit(crt);
	return true;
}

static int blame_time(CURL *curl, const char *host, struct cf_error *err)
{
	char whose[CF_HOST_ROOM + 32];

	snprintf(whose, sizeof(whose), "the certificate of %s", host);
	return lapsed_blame(look, curl, whose, "the clock of this host", err);
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

/* libcurl with GnuTLS has no code of its own for our certificate and our key being unusable. */
static bool is_ours(CURLcode result, const char *detail)
{
	return result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CACERT_BADFILE ||
	       result == CURLE_SSL_CRL_BADFILE || strstr(detail, "reading X.509");
}

int call_blame(CURL *curl, CURLcode result, const char *host, const char *detail, struct cf_error *err)
{
	if (!*detail)
		detail = curl_easy_strerror(result);
	if (is_ours(result, detail))
		return cf_fail(err, EINVAL, CF_HOST, "this host's own certificate, key or CA cannot be used: %s", detail);

	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return blame_certificate(curl, host, detail, err);
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
	case CF_BAD_REQUEST:	/* one that has no word for what was asked; or nobody was asked, for want of a name */
		return failed == -EREMOTEIO ? CF_FINDING_PEER_VERSION : CF_FINDING_PEER_UNREACHABLE;
	case CF_BUSY:
	case CF_CONFLICT:
		return CF_FINDING_PEER_BUSY;
	default:
		return CF_FINDING_PEER_UNREACHABLE;
	}
}
