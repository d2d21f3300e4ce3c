/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/certificate.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "daemon/http/access.h"

/* GnuTLS gives -1 for a time that is not there. */
static void shorten(struct cf_shelf_life *life, time_t from, time_t until)
{
	cf_real begin = cf_real_from(from, 0), end = cf_real_from(until, 0);

	if (from == (time_t)-1 || until == (time_t)-1)
		return;
	if (!life->known || cf_real_since(begin, life->from).ns > 0)
		life->from = begin;
	if (!life->known || cf_real_since(end, life->until).ns < 0)
		life->until = end;
	life->known = true;
}

/* What is in the file; none where it cannot be read.  list_free() below. */
static unsigned list_load(const char *path, gnutls_x509_crt_t **ret)
{
	gnutls_datum_t text = { 0 };
	unsigned n = 0;

	*ret = NULL;
	if (gnutls_load_file(path, &text) < 0)
		return 0;
	if (gnutls_x509_crt_list_import2(ret, &n, &text, GNUTLS_X509_FMT_PEM, 0) < 0)
		n = 0;
	gnutls_free(text.data);
	return n;
}

static void list_free(gnutls_x509_crt_t *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
}

void certificate_life(const char *path, struct cf_shelf_life *ret)
{
	gnutls_x509_crt_t *list;
	unsigned n = list_load(path, &list);

	*ret = (struct cf_shelf_life){ 0 };
	for (unsigned i = 0; i < n; i++)
		shorten(ret, gnutls_x509_crt_get_activation_time(list[i]), gnutls_x509_crt_get_expiration_time(list[i]));
	list_free(list, n);
}

void certificate_names(const char *path, struct host_names *ret)
{
	gnutls_x509_crt_t *list;
	unsigned n = list_load(path, &list);

	if (n > 0)
		access_names(list[0], ret);	/* those behind it are its issuers' */
	list_free(list, n);
}

void crl_life(const char *path, struct cf_shelf_life *ret)
{
	gnutls_x509_crl_t *list = NULL;
	gnutls_datum_t text = { 0 };
	unsigned n = 0;

	*ret = (struct cf_shelf_life){ 0 };
	if (gnutls_load_file(path, &text) < 0)
		return;
	if (gnutls_x509_crl_list_import2(&list, &n, &text, GNUTLS_X509_FMT_PEM, 0) >= 0)
		for (unsigned i = 0; i < n; i++) {
			shorten(ret, gnutls_x509_crl_get_this_update(list[i]),
				gnutls_x509_crl_get_next_update(list[i]));
			gnutls_x509_crl_deinit(list[i]);
		}
	gnutls_free(list);
	gnutls_free(text.data);
}
