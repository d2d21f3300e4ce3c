/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/call-error.h"

#include <errno.h>
#include <string.h>

/*
 * Bits of GnuTLS's certificate status (gnutls/gnutls.h, gnutls_certificate_status_t),
 * which a libcurl built with GnuTLS hands on as CURLINFO_SSL_VERIFYRESULT.
 */
#define TLS_INVALID       (1L << 1)
#define TLS_NOT_ACTIVATED (1L << 9)
#define TLS_EXPIRED       (1L << 10)

/* Was a certificate refused for its validity time and for nothing else? */
static bool only_time(CURL *easy)
{
	const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
	long result = 0;

	if (!library || strncmp(library, "GnuTLS", 6) != 0)
		return false;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
	return (result & (TLS_NOT_ACTIVATED | TLS_EXPIRED)) &&
	       !(result & ~(TLS_INVALID | TLS_NOT_ACTIVATED | TLS_EXPIRED));
}

static int socket_error(CURL *easy, const char *path, struct cf_error *err)
{
	long os = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
	switch (os) {
	case EACCES:
	case EPERM:
		return cf_fail(err, EACCES, CF_FORBIDDEN,
			       "%s: permission denied: are you in the group clockferry?", path);
	case ENOENT:
	case ECONNREFUSED:
		return cf_fail(err, EHOSTDOWN, CF_UNREACHABLE,
			       "nobody answers at %s: is clockferryd running? `systemctl status clockferryd`", path);
	default:
		return cf_fail(err, EHOSTDOWN, CF_UNREACHABLE, "%s: %s", path,
			       os ? strerror(os) : "cannot be connected to");
	}
}

static int host_error(CURL *easy, CURLcode code, const struct call_to *to, const char *said,
		      struct cf_error *err)
{
	const char *why = *said ? said : curl_easy_strerror(code);
	long os = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os)
		why = strerror((int)os);
	if (code == CURLE_PEER_FAILED_VERIFICATION && only_time(easy))
		return cf_fail(err, EKEYEXPIRED, CF_CERTIFICATE_TIME,
			       "%s: a certificate is not valid now: is that host's clock right, is this one's?",
			       to->host);

	/* libcurl with GnuTLS has no code of its own for our certificate and our key being unusable. */
	if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CRL_BADFILE ||
	    strstr(why, "reading X.509"))
		return cf_fail(err, ENOKEY, CF_HOST, "certificate %.64s, key %.64s: %s", to->cert, to->key,
			       why);
	return cf_fail(err, EHOSTDOWN, CF_UNREACHABLE, "%s: %s%s", to->host, why,
		       code == CURLE_COULDNT_CONNECT ? ": is clockferryd running there, is its port open?" : "");
}

int call_error(CURL *easy, CURLcode code, const struct call_to *to, const char *said, struct cf_error *err)
{
	const char *whom = to->host ? to->host : to->socket;

	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return cf_fail(err, ETIMEDOUT, CF_UNREACHABLE, "%s: no answer in time", whom);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return cf_fail(err, ECONNRESET, CF_UNREACHABLE,
			       "%s: the connection was lost before the answer was whole", whom);
	case CURLE_OUT_OF_MEMORY:
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	case CURLE_COULDNT_CONNECT:
		if (!to->host)
			return socket_error(easy, to->socket, err);
		break;
	default:
		break;
	}
	if (to->host)
		return host_error(easy, code, to, said, err);
	return cf_fail(err, EHOSTDOWN, CF_UNREACHABLE, "%s: %s", whom,
		       *said ? said : curl_easy_strerror(code));
}

bool call_was_sent(CURL *easy)
{
	curl_off_t ready = 0;

	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	return ready > 0;
}
