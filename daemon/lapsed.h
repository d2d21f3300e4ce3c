/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of the certificates that the other end of TLS showed is not valid now.  A CA that
 * issued one, our own included, may have ended before it.
 */

#include <stdbool.h>
#include <time.h>

#include "proto/error.h"

struct gnutls_x509_crt_int;	/* gnutls_x509_crt_t points to it */

struct lapsed_certificate {
	time_t from, until;
	char subject[128];
};

/* What it says of itself. */
void lapsed_read(struct gnutls_x509_crt_int *crt, struct lapsed_certificate *ret);

/* The i-th that was shown, the other end's own first; false: there are no more. */
typedef bool lapsed_look(void *shown, unsigned i, struct lapsed_certificate *ret);

/*
 * Whose they are ("the client certificate") is not valid by that clock ("the server's
 * clock"): fails with which of them it is, -EKEYEXPIRED (CF_CERTIFICATE_TIME).
 */
int lapsed_blame(lapsed_look *look, void *shown, const char *whose, const char *clock, struct cf_error *err);
