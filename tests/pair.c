/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/pair.h"

#include <gnutls/x509.h>
#include <stdio.h>

#include "daemon/http/server.h"
#include "proto/base.h"
#include "tests/certs.h"

struct pair pair;
const cf_span pair_patience = { 20 * CF_S };

static const struct certificate certificates[] = {
	{ "ca", .cn = "the CA" },
	{ "ca-renewed", .cn = "the CA" },
	{ "other", .cn = "another CA" },
	{ "inner", "ca", .cn = "a CA below", .ca = true },
	{ "inner-late", "ca", .cn = "a CA that was", .ca = true, .from_h = -48, .to_h = -1 },
	{ "b", "ca", .dns = PAIR_HOST },
	{ "b-late", "ca", .dns = PAIR_HOST, .from_h = -48, .to_h = -1 },
	{ "b-early", "ca", .dns = PAIR_HOST, .from_h = 1, .to_h = CERTS_AGES_H },
	{ "b-wrong", "ca", .dns = "c.peers.example" },
	{ "b-wrong-late", "ca", .dns = "c.peers.example", .from_h = -48, .to_h = -1 },
	{ "b-other", "other", .dns = PAIR_HOST },
	{ "b-other-late", "other", .dns = PAIR_HOST, .from_h = -48, .to_h = -1 },
	{ "b-inner", "inner", .dns = PAIR_HOST, .chain = true },
	{ "b-alone", "inner", .dns = PAIR_HOST },
	{ "b-inner-late", "inner-late", .dns = PAIR_HOST, .chain = true },
	{ "a", "ca", .dns = "A.Peers.Example", .purpose = GNUTLS_KP_TLS_WWW_CLIENT },
	{ "a-two", "ca", .cn = "a.peers.example", .dns = "wire-a.peers.example", .also = "A.Peers.Example" },
	{ "a-late", "ca", .dns = "a.peers.example", .from_h = -48, .to_h = -1 },
	{ "a-early", "ca", .dns = "a.peers.example", .from_h = 1, .to_h = CERTS_AGES_H },
	{ "a-other", "other", .dns = "a.peers.example" },
	{ "a-other-late", "other", .dns = "a.peers.example", .from_h = -48, .to_h = -1 },
	{ "a-inner", "inner", .dns = "a.peers.example", .chain = true },
	{ "a-alone", "inner", .dns = "a.peers.example" },
	{ "a-inner-late", "inner-late", .dns = "a.peers.example", .chain = true },
	{ "a-server", "ca", .dns = "a.peers.example", .purpose = GNUTLS_KP_TLS_WWW_SERVER },
	{ "unnamed", "ca", .cn = "a.peers.example", .dns = "a.b.peers.example" },
	{ "wild", "ca", .dns = "*.peers.example" },
	{ "olga", "ca", .cn = "olga" },
	{ "olga-renewed", "ca-renewed", .cn = "olga" },
	{ "root", "ca", .cn = "root" },
	{ "viewer", "ca", .uri = "urn:example:viewer" },
};

static const struct access_rule rules[] = {
	{ CF_ROLE_PEER, ACCESS_DNS, "*.peers.example" },
	{ CF_ROLE_OPERATOR, ACCESS_CN, "olga" },
	{ CF_ROLE_ADMIN, ACCESS_CN, "root" },
	{ CF_ROLE_VIEWER, ACCESS_URI, "urn:example:viewer" },
};

const char *pair_file(const char *name, const char *suffix)
{
	static char *made[512];
	static size_t n;

	if (n == CF_COUNT(made) || asprintf(&made[n], "%s/%s%s", pair.wire.dir, name, suffix) < 0)
		abort();
	return made[n++];
}

struct call *pair_call_to(const char *address, int port, const char *name, const char *crl)
{
	struct call_tls tls = {
		.ca = pair_file("ca", ".pem"),
		.crl = crl,
		.certificate = name ? pair_file(name, ".pem") : NULL,
		.key = name ? pair_file(name, ".key") : NULL,
	};
	struct call *call = NULL;

	call_new(&call, PAIR_HOST, address, port, &tls, &pair.err);
	return call;
}

struct call *pair_call(const char *name)
{
	return pair_call_to("127.0.0.1", pair.port, name, NULL);
}

int pair_ask(struct call *call)
{
	pair.err = (struct cf_error){ 0 };
	return call_do(call, CF_ROUTE_VERSION, NULL, NULL, NULL, &pair.version, pair_patience, &pair.problem,
		       &pair.err);
}

static void reload(void *ret)
{
	*(int *)ret = server_reload(pair.wire.server, &pair.wire.options, &pair.err);
	pair.port = server_port(pair.wire.server);
}

int pair_reload(void)
{
	int r = -1;

	wire_do(&pair.wire, reload, &r);
	return r;
}

int pair_serve_as(const char *name)
{
	pair.wire.options.certificate = pair_file(name, ".pem");
	pair.wire.options.key = pair_file(name, ".key");
	return pair_reload();
}

void *pair_ask_later(void *arg)
{
	static const char *const segments[] = { "later" };
	static const struct cf_migration_query query = { .has_after = true, .after = 7 };
	struct late *late = arg;

	late->r = call_do(late->call, CF_ROUTE_MIGRATION, segments, &query, NULL, &late->migration,
			  late->timeout, NULL, &late->err);
	return NULL;
}

void pair_start(void)
{
	struct server_options *options = &pair.wire.options;

	wire_init(&pair.wire);
	for (size_t i = 0; i < CF_COUNT(certificates); i++)
		certs_make(pair.wire.dir, &certificates[i]);

	options->listen[options->n_listen++] = "127.0.0.1";
	options->ca = pair_file("ca", ".pem");
	options->certificate = pair_file("b", ".pem");
	options->key = pair_file("b", ".key");
	options->rules = rules;
	options->n_rules = CF_COUNT(rules);
	options->group = "daemon";
	options->max_per_party = 12;
	options->patience = (cf_span){ 5 * CF_S };
	if (wire_start(&pair.wire, &pair.err) < 0 || server_port(pair.wire.server) < 0) {
		printf("Bail out! no server: %s %s\n", pair.err.text,
		       pair.wire.server ? server_tls_why(pair.wire.server) : "");
		exit(99);
	}
	pair.port = server_port(pair.wire.server);
}
