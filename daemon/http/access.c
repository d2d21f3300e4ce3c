/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/access.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A name that is itself a wildcard, or that has a NUL inside, is no name of anybody. */
static bool is_name(const char *name, size_t size)
{
	return size > 0 && size < CF_HOST_ROOM && strlen(name) == size && !strchr(name, '*');
}

bool access_match(const struct access_rule *rule, const char *name)
{
	const char *pattern = rule->pattern, *rest;

	if (rule->kind != ACCESS_DNS)
		return strcmp(pattern, name) == 0;
	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, name) == 0;

	rest = strchr(name, '.');
	return rest && rest != name && strcasecmp(pattern + 1, rest) == 0;
}

/* As it is written in the settings: "cn:Ada Example". */
static void set_name(struct http_caller *ret, enum access_kind kind, const char *name)
{
	snprintf(ret->name, sizeof(ret->name), "%s:%s", access_words[kind], name);
}

static void apply(const struct access_rule *rules, size_t n, enum access_kind kind, const char *name,
		  struct http_caller *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind != kind || !access_match(&rules[i], name))
			continue;
		ret->roles |= rules[i].role;
		if (!ret->name[0])
			set_name(ret, kind, name);
		if (rules[i].role == CF_ROLE_PEER && kind != ACCESS_URI)
			host_names_add(&ret->hosts, name);
	}
}

void access_roles(const struct access_rule *rules, size_t n, gnutls_x509_crt_t crt, struct http_caller *ret)
{
	char name[1024];
	size_t size;
	int r = 0;

	for (unsigned i = 0; r != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++) {
		size = sizeof(name) - 1;
		r = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);
		if (r != GNUTLS_SAN_DNSNAME && r != GNUTLS_SAN_URI)
			continue;
		name[size] = '\0';
		if (is_name(name, size))
			apply(rules, n, r == GNUTLS_SAN_URI ? ACCESS_URI : ACCESS_DNS, name, ret);
	}

	size = sizeof(name) - 1;
	r = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
	if (r >= 0) {
		name[size] = '\0';
		if (is_name(name, size))
			apply(rules, n, ACCESS_CN, name, ret);
	}
}
