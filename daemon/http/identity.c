/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our own certificate. */

#include <errno.h>
#include <string.h>

#include "daemon/http/auth.h"
#include "proto/base.h"

#define CHAIN_MAX 8

struct identity {
	unsigned users;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n_chain;
	gnutls_privkey_t key;
};

/* Only gnutls_certificate_credentials_t checks that the two belong together. */
static int check_pair(const char *certificate, const char *key)
{
	gnutls_certificate_credentials_t credentials;
	int r;

	r = gnutls_certificate_allocate_credentials(&credentials);
	if (r < 0)
		return r;
	r = gnutls_certificate_set_x509_key_file(credentials, certificate, key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return r;
}

static int load_chain(struct identity *identity, const char *path)
{
	gnutls_datum_t text;
	unsigned n = CHAIN_MAX;
	int r;

	r = gnutls_load_file(path, &text);
	if (r < 0)
		return r;
	r = gnutls_pcert_list_import_x509_raw(identity->chain, &n, &text, GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(text.data);
	if (r >= 0)
		identity->n_chain = n;
	return r;
}

static int load_key(struct identity *identity, const char *path)
{
	gnutls_datum_t text;
	int r;

	r = gnutls_load_file(path, &text);
	if (r < 0)
		return r;
	r = gnutls_privkey_init(&identity->key);
	if (r >= 0)
		r = gnutls_privkey_import_x509_raw(identity->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(text.data, 0, text.size);
	gnutls_free(text.data);
	return r;
}

int identity_load(struct identity **ret, const struct server_options *options, struct cf_error *err)
{
	CF_AUTO(identity_unref) struct identity *identity = calloc(1, sizeof(*identity));
	int r;

	if (!identity)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	identity->users = 1;
	r = auth_look(options->certificate, err);
	if (r == 0)
		r = auth_look(options->key, err);
	if (r < 0)
		return r;
	r = check_pair(options->certificate, options->key);
	if (r >= 0)
		r = load_chain(identity, options->certificate);
	if (r >= 0)
		r = load_key(identity, options->key);
	if (r < 0)
		return cf_fail(err, EINVAL, CF_HOST, "cannot use %s with %s: %s", options->certificate,
			       options->key, gnutls_strerror(r));

	*ret = CF_TAKE(identity);
	return 0;
}

bool identity_same(const struct identity *a, const struct identity *b)
{
	bool same = a && b && a->n_chain == b->n_chain;

	for (unsigned i = 0; same && i < a->n_chain; i++)
		same = a->chain[i].cert.size == b->chain[i].cert.size &&
		       memcmp(a->chain[i].cert.data, b->chain[i].cert.data, a->chain[i].cert.size) == 0;
	return same;
}

struct identity *identity_ref(struct identity *identity)
{
	identity->users++;
	return identity;
}

void identity_unref(struct identity *identity)
{
	if (!identity || --identity->users > 0)
		return;

	for (unsigned i = 0; i < identity->n_chain; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	if (identity->key)
		gnutls_privkey_deinit(identity->key);
	free(identity);
}

void identity_show(struct identity *identity, gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key)
{
	*chain = identity->chain;
	*n = identity->n_chain;
	*key = identity->key;
}
