/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is at the other end of a TLS connection, and who we are.
 *
 * Both objects are read from files as a whole and never change afterwards: a
 * reload makes new ones.  They are counted, because connections that were made
 * with the old ones go on.
 */

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "daemon/http/server.h"

struct trust;		/* CA, CRL and access rules */
struct identity;	/* our certificate and key */

/* A CRL has to be signed by the CA; an outdated one still revokes what it lists. */
int trust_load(struct trust **ret, const struct server_options *options, struct cf_error *err);
void trust_free(struct trust *trust);
CF_DEFINE_AUTO(struct trust *, trust_free)

/*
 * Who showed the certificate in the TLS session, by our list, now.  -EACCES with
 * CF_FORBIDDEN: none was shown, or the chain does not lead to our CA, is revoked,
 * not made for clients, or no rule names it; with CF_CERTIFICATE_TIME when nothing
 * but its time of validity is wrong.
 */
int trust_judge(const struct trust *trust, gnutls_session_t session, struct http_caller *ret,
		struct cf_error *err);

/* Can that file be read?  GnuTLS does not say why not. */
int auth_look(const char *path, struct cf_error *err);

int identity_load(struct identity **ret, const struct server_options *options, struct cf_error *err);
/* Do they show the same certificates?  Not where one of them is NULL. */
bool identity_same(const struct identity *a, const struct identity *b);

struct identity *identity_ref(struct identity *identity);
void identity_unref(struct identity *identity);
CF_DEFINE_AUTO(struct identity *, identity_unref)

/* In the form in which gnutls_certificate_retrieve_function2 hands them over; they stay ours. */
void identity_show(struct identity *identity, gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key);
