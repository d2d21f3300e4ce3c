/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/http/access.h"
#include "daemon/lapsed.h"
#include "proto/base.h"

#define CHAIN_MAX 8

struct trust {
	gnutls_x509_trust_list_t list;
	struct access_rule *rules;
	size_t n_rules;
};

/* What a client showed: its own certificate first. */
struct chain {
	gnutls_x509_crt_t list[CHAIN_MAX];
	unsigned n;
};

static void chain_clear(struct chain *chain)
{
	for (unsigned i = 0; i < chain->n; i++)
		gnutls_x509_crt_deinit(chain->list[i]);
}

/* How old it is does not matter: GnuTLS has no flag for that. */
static bool is_signed_by(gnutls_x509_crl_t crl, gnutls_x509_crt_t ca)
{
	const unsigned age = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
			     GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
	unsigned status = 0;

	return gnutls_x509_crl_verify(crl, &ca, 1, 0, &status) >= 0 &&
	       (status == 0 || ((status & age) && !(status & ~(age | GNUTLS_CERT_INVALID))));
}

/* Signed by a CA that we trust?  There may be several of one name: one that was renewed, beside the one before. */
static bool is_ours(const struct trust *trust, gnutls_x509_crl_t crl)
{
	gnutls_x509_trust_list_iter_t at = NULL;
	gnutls_x509_crt_t ca;
	bool ours = false;

	while (gnutls_x509_trust_list_iter_get_ca(trust->list, &at, &ca) >= 0) {
		ours |= is_signed_by(crl, ca);
		gnutls_x509_crt_deinit(ca);
	}
	return ours;
}

/* The list owns what it was given. */
static int add_crls(struct trust *trust, const char *path, struct cf_error *err)
{
	gnutls_datum_t text = { 0 };
	gnutls_x509_crl_t *crls = NULL;
	unsigned n = 0, n_ours = 0;
	int r;

	r = auth_look(path, err);
	if (r < 0)
		return r;
	r = gnutls_load_file(path, &text);
	if (r >= 0)
		r = gnutls_x509_crl_list_import2(&crls, &n, &text, GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(text.data);
	if (r < 0)
		return cf_fail(err, EINVAL, CF_HOST, "cannot use the CRL %s: %s", path, gnutls_strerror(r));

	for (unsigned i = 0; i < n; i++)
		n_ours += is_ours(trust, crls[i]);
	r = gnutls_x509_trust_list_add_crls(trust->list, crls, n, 0, 0);
	gnutls_free(crls);
	if (r < 0 || n_ours < n)
		return cf_fail(err, EINVAL, CF_HOST, "cannot use the CRL %s: %s", path,
			       r < 0 ? gnutls_strerror(r) : "it is not signed by our CA");
	return 0;
}

int auth_look(const char *path, struct cf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

int trust_load(struct trust **ret, const struct server_options *options, struct cf_error *err)
{
	CF_AUTO(trust_free) struct trust *trust = calloc(1, sizeof(*trust));
	int r;

	if (!trust || gnutls_x509_trust_list_init(&trust->list, 0) < 0)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	trust->rules = calloc(options->n_rules + 1, sizeof(*trust->rules));
	if (!trust->rules)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	trust->n_rules = options->n_rules;
	for (size_t i = 0; i < options->n_rules; i++)
		trust->rules[i] = options->rules[i];

	r = auth_look(options->ca, err);
	if (r < 0)
		return r;
	r = gnutls_x509_trust_list_add_trust_file(trust->list, options->ca, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (r <= 0)
		return cf_fail(err, EINVAL, CF_HOST, "cannot use the CA %s: %s", options->ca,
			       r < 0 ? gnutls_strerror(r) : "there is no certificate in it");
	if (options->crl && *options->crl) {
		r = add_crls(trust, options->crl, err);
		if (r < 0)
			return r;
	}

	*ret = CF_TAKE(trust);
	return 0;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;

	if (trust->list)
		gnutls_x509_trust_list_deinit(trust->list, 1);
	free(trust->rules);
	free(trust);
}

static int import_chain(gnutls_session_t session, struct chain *chain)
{
	unsigned n = 0;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &n);
	int r;

	for (unsigned i = 0; der && i < n && i < CHAIN_MAX; i++) {
		r = gnutls_x509_crt_init(&chain->list[i]);
		if (r < 0)
			return r;
		chain->n = i + 1;
		r = gnutls_x509_crt_import(chain->list[i], &der[i], GNUTLS_X509_FMT_DER);
		if (r < 0)
			return r;
	}
	return chain->n;
}

static bool look(void *shown, unsigned i, struct lapsed_certificate *ret)
{
	const struct chain *chain = shown;

	if (i >= chain->n)
		return false;
	lapsed_read(chain->list[i], ret);
	return true;
}

/* Why GnuTLS does not like it, with the times where nothing but them is wrong. */
static int refuse(struct chain *chain, unsigned status, struct cf_error *err)
{
	gnutls_datum_t text = { 0 };
	unsigned only_time = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;

	if (!(status & ~only_time) && (status & ~GNUTLS_CERT_INVALID))
		return lapsed_blame(look, chain, "the client certificate", "the server's clock", err);

	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	cf_fail(err, EACCES, CF_FORBIDDEN, "the client certificate is not accepted: %s",
		text.data ? (const char *)text.data : "it cannot be verified");
	gnutls_free(text.data);
	return -EACCES;
}

int trust_judge(const struct trust *trust, gnutls_session_t session, struct http_caller *ret,
		struct cf_error *err)
{
	__attribute__((cleanup(chain_clear))) struct chain chain = { 0 };
	gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID,
					  (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT, 0 };
	struct http_caller caller = { 0 };
	unsigned status = GNUTLS_CERT_INVALID;
	int r;

	r = import_chain(session, &chain);
	if (r == 0)
		return cf_fail(err, EACCES, CF_FORBIDDEN, "no client certificate was shown");
	if (r > 0)
		r = gnutls_x509_trust_list_verify_crt2(trust->list, chain.list, chain.n, &purpose, 1, 0,
						       &status, NULL);
	if (r < 0)
		return cf_fail(err, EACCES, CF_FORBIDDEN, "the client certificate is not accepted: %s",
			       gnutls_strerror(r));
	if (status)
		return refuse(&chain, status, err);

	access_roles(trust->rules, trust->n_rules, chain.list[0], &caller);
	if (!caller.roles)
		return cf_fail(err, EACCES, CF_FORBIDDEN, "no access rule names this client certificate");
	*ret = caller;
	return 0;
}
