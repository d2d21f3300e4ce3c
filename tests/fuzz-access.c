/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who a certificate says it is: the input is one in DER, or "PATTERN NAME". */

#include <string.h>

#include "daemon/http/access.h"
#include "tests/fuzz.h"

static const struct access_rule rules[] = {
	{ CF_ROLE_PEER, ACCESS_DNS, "*.peers.example" },
	{ CF_ROLE_PEER, ACCESS_CN, "a.peers.example" },
	{ CF_ROLE_OPERATOR, ACCESS_CN, "olga" },
	{ CF_ROLE_VIEWER, ACCESS_URI, "urn:example:viewer" },
};

static void take_certificate(const uint8_t *data, size_t size)
{
	const gnutls_datum_t der = { (unsigned char *)data, (unsigned)size };
	struct http_caller caller = { 0 };
	gnutls_x509_crt_t crt;

	must(gnutls_x509_crt_init(&crt) >= 0);
	if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0) {
		access_roles(rules, CF_COUNT(rules), crt, &caller);
		must(!caller.roles == !caller.name[0]);
		must(caller.hosts.n == 0 || (caller.roles & CF_ROLE_PEER));
		must(!strchr(caller.name, '*'));
		for (size_t i = 0; i < caller.hosts.n; i++) {
			const char *host = caller.hosts.list[i];

			must(*host && !host[strcspn(host, "*ABCDEFGHIJKLMNOPQRSTUVWXYZ")]);
		}
		must(!(caller.roles & CF_ROLE_ADMIN));
	}
	gnutls_x509_crt_deinit(crt);
}

/* A pattern covers itself in any case, and a wildcard never the name without its label. */
static void take_pattern(char *text)
{
	struct access_rule rule = { CF_ROLE_PEER, ACCESS_DNS, "" };
	char *name = strchr(text, ' ');

	if (!name)
		return;
	*name++ = '\0';
	if (strlen(text) >= sizeof(rule.pattern))
		return;
	strcpy(rule.pattern, text);
	for (rule.kind = ACCESS_DNS; rule.kind < ACCESS_N_KINDS; rule.kind++) {
		bool matches = access_match(&rule, name);

		must(!matches || strlen(name) >= strlen(text));
		must(rule.kind == ACCESS_DNS || matches == (strcmp(text, name) == 0));
		if (strncmp(text, "*.", 2) != 0)
			must(access_match(&rule, text));
		else if (rule.kind == ACCESS_DNS)
			must(!access_match(&rule, text + 2));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	take_pattern(text);
	take_certificate(data, size);
	free(text);
	return 0;
}
