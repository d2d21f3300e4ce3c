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

/* Who calls, by the rules. */
struct judging {
	const struct access_rule *rules;
	size_t n;
	struct http_caller *ret;
};

static void apply(void *userdata, enum access_kind kind, const char *name)
{
	const struct judging *judging = userdata;
	struct http_caller *ret = judging->ret;

	for (size_t i = 0; i < judging->n; i++) {
		const struct access_rule *rule = &judging->rules[i];

		if (rule->kind != kind || !access_match(rule, name))
			continue;
		ret->roles |= rule->role;
		if (!ret->name[0])
			set_name(ret, kind, name);
		if (rule->role == CF_ROLE_PEER && kind != ACCESS_URI)
			host_names_add(&ret->hosts, name);
	}
}

/* fn for each name in the certificate. */
static void each_name(gnutls_x509_crt_t crt, void (*fn)(void *userdata, enum access_kind kind, const char *name), void *userdata)
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
			fn(userdata, r == GNUTLS_SAN_URI ? ACCESS_URI : ACCESS_DNS, name);
	}

	size = sizeof(name) - 1;
	r = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
	if (r >= 0) {
		name[size] = '\0';
		if (is_name(name, size))
			fn(userdata, ACCESS_CN, name);
	}
}

void access_roles(const struct access_rule *rules, size_t n, gnutls_x509_crt_t crt, struct http_caller *ret)
{
	each_name(crt, apply, &(struct judging){ rules, n, ret });
}

static void add_name(void *userdata, enum access_kind kind, const char *name)
{
	if (kind != ACCESS_URI)
		host_names_add(userdata, name);
}

void access_names(gnutls_x509_crt_t crt, struct host_names *ret)
{
	each_name(crt, add_name, ret);
}
