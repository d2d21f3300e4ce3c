/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/certs.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR ((time_t)3600)

/* What cannot fail in a test does not go on when it does. */
#define MUST(call)                                                                              \
	do {                                                                                    \
		int result_ = (call);                                                           \
		if (result_ < 0) {                                                              \
			printf("Bail out! %s: %s\n", #call, gnutls_strerror(result_));          \
			exit(99);                                                               \
		}                                                                               \
	} while (0)

static void path_of(char ret[256], const char *dir, const char *name, const char *suffix)
{
	snprintf(ret, 256, "%s/%s%s", dir, name, suffix);
}

/* mode as of fopen(): a new file, or behind what is in it. */
static void store(const char *dir, const char *name, const char *suffix, const char *mode, gnutls_datum_t *text)
{
	char path[256];
	FILE *file;

	path_of(path, dir, name, suffix);
	file = fopen(path, mode);
	if (!file || fwrite(text->data, 1, text->size, file) != text->size || fclose(file) != 0)
		abort();
	gnutls_free(text->data);
}

static void load(const char *dir, const char *name, gnutls_x509_crt_t *crt, gnutls_x509_privkey_t *key)
{
	gnutls_datum_t text;
	char path[256];

	path_of(path, dir, name, ".pem");
	MUST(gnutls_load_file(path, &text));
	MUST(gnutls_x509_crt_init(crt));
	MUST(gnutls_x509_crt_import(*crt, &text, GNUTLS_X509_FMT_PEM));
	gnutls_free(text.data);
	path_of(path, dir, name, ".key");
	MUST(gnutls_load_file(path, &text));
	MUST(gnutls_x509_privkey_init(key));
	MUST(gnutls_x509_privkey_import(*key, &text, GNUTLS_X509_FMT_PEM));
	gnutls_free(text.data);
}

static void set_dns(gnutls_x509_crt_t crt, const char *name)
{
	if (name)
		MUST(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, strlen(name), GNUTLS_FSAN_APPEND));
}

static void set_names(gnutls_x509_crt_t crt, const struct certificate *c)
{
	if (c->cn)
		MUST(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, c->cn,
						   strlen(c->cn)));
	set_dns(crt, c->dns);
	set_dns(crt, c->also);
	if (c->uri)
		MUST(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_URI, c->uri, strlen(c->uri),
							  GNUTLS_FSAN_APPEND));
}

void certs_make(const char *dir, const struct certificate *c)
{
	static unsigned char serial;
	gnutls_x509_crt_t crt, issuer;
	gnutls_x509_privkey_t key, issuer_key;
	gnutls_datum_t text;
	time_t now = time(NULL);
	int from = c->from_h || c->to_h ? c->from_h : -24, to = c->from_h || c->to_h ? c->to_h : 24;
	bool ca = !c->issuer || c->ca;

	serial++;
	MUST(gnutls_x509_privkey_init(&key));
	MUST(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	MUST(gnutls_x509_crt_init(&crt));
	MUST(gnutls_x509_crt_set_version(crt, 3));
	MUST(gnutls_x509_crt_set_serial(crt, &serial, 1));
	MUST(gnutls_x509_crt_set_activation_time(crt, now + from * HOUR));
	MUST(gnutls_x509_crt_set_expiration_time(crt, now + to * HOUR));
	MUST(gnutls_x509_crt_set_basic_constraints(crt, ca, -1));
	MUST(gnutls_x509_crt_set_key_usage(crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN :
						     GNUTLS_KEY_DIGITAL_SIGNATURE));
	if (c->purpose)
		MUST(gnutls_x509_crt_set_key_purpose_oid(crt, c->purpose, 0));
	set_names(crt, c);
	MUST(gnutls_x509_crt_set_key(crt, key));

	if (c->issuer) {
		load(dir, c->issuer, &issuer, &issuer_key);
		MUST(gnutls_x509_crt_sign2(crt, issuer, issuer_key, GNUTLS_DIG_SHA256, 0));
		gnutls_x509_privkey_deinit(issuer_key);
	} else {
		MUST(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
	}

	MUST(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text));
	store(dir, c->name, ".pem", "we", &text);
	if (c->chain) {
		MUST(gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_PEM, &text));
		store(dir, c->name, ".pem", "ae", &text);
	}
	if (c->issuer)
		gnutls_x509_crt_deinit(issuer);
	MUST(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text));
	store(dir, c->name, ".key", "we", &text);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void certs_revoke(const char *dir, const char *issuer, const char *name, const char *file)
{
	gnutls_x509_crl_t crl;
	gnutls_x509_crt_t ca, crt;
	gnutls_x509_privkey_t ca_key, key;
	gnutls_datum_t text;
	time_t now = time(NULL);

	load(dir, issuer, &ca, &ca_key);
	load(dir, name, &crt, &key);
	MUST(gnutls_x509_crl_init(&crl));
	MUST(gnutls_x509_crl_set_version(crl, 2));
	MUST(gnutls_x509_crl_set_crt(crl, crt, now));
	MUST(gnutls_x509_crl_set_this_update(crl, now - 2 * HOUR));
	MUST(gnutls_x509_crl_set_next_update(crl, now - HOUR));
	MUST(gnutls_x509_crl_set_number(crl, "\x01", 1));
	MUST(gnutls_x509_crl_sign2(crl, ca, ca_key, GNUTLS_DIG_SHA256, 0));
	MUST(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &text));
	store(dir, file, "", "we", &text);
	gnutls_x509_crl_deinit(crl);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(ca_key);
	gnutls_x509_privkey_deinit(key);
}
