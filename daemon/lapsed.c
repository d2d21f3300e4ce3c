/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lapsed.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>

#include "proto/text.h"

void lapsed_read(gnutls_x509_crt_t crt, struct lapsed_certificate *ret)
{
	gnutls_datum_t subject = { 0 };

	gnutls_x509_crt_get_dn3(crt, &subject, 0);
	ret->from = gnutls_x509_crt_get_activation_time(crt);
	ret->until = gnutls_x509_crt_get_expiration_time(crt);
	snprintf(ret->subject, sizeof(ret->subject), "%s", subject.data ? (const char *)subject.data : "");
	gnutls_free(subject.data);
}

static const char *text_of(time_t t, char ret[static CF_REAL_TEXT_ROOM])
{
	return cf_real_text(cf_real_from(t, 0), ret);
}

int lapsed_blame(lapsed_look *look, void *shown, const char *whose, const char *clock, struct cf_error *err)
{
	char from[CF_REAL_TEXT_ROOM], until[CF_REAL_TEXT_ROOM], now[CF_REAL_TEXT_ROOM];
	struct lapsed_certificate one;
	time_t t = time(NULL);

	for (unsigned i = 0; look(shown, i, &one); i++)
		if (t < one.from || one.until < t)
			return cf_fail(err, EKEYEXPIRED, CF_CERTIFICATE_TIME, "%s%s%s%s is valid from %s to %s, and %s says %s",
				       whose, i > 0 ? "'s CA \"" : "", i > 0 ? one.subject : "", i > 0 ? "\"" : "",
				       text_of(one.from, from), text_of(one.until, until), clock, text_of(t, now));
	return cf_fail(err, EKEYEXPIRED, CF_CERTIFICATE_TIME, "the CA that %s is checked against is not valid now, and %s says %s",
		       whose, clock, text_of(t, now));
}
