/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is let in and who is believed: each kind of certificate on either side, and what a reload changes. */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/http/access.h"
#include "daemon/peer/internal.h"
#include "proto/base.h"
#include "proto/probe.h"
#include "tests/certs.h"
#include "tests/pair.h"
#include "tests/tap.h"

/* Who shows which certificate, and what comes of it. */
static const struct {
	const char *sentence, *certificate;
	enum cf_code code;
	const char *says;
} clients[] = {
	{ "a peer's certificate", "a", CF_OK, "" },
	{ "no certificate", NULL, CF_FORBIDDEN, "no client certificate" },
	{ "one of another CA", "a-other", CF_FORBIDDEN, "not accepted" },
	{ "one that has expired", "a-late", CF_CERTIFICATE_TIME, "valid from" },
	{ "one that is not valid yet, and then for ages", "a-early", CF_CERTIFICATE_TIME, " to 2262-04-11T" },
	{ "one of another CA that has expired too", "a-other-late", CF_FORBIDDEN, "not accepted" },
	{ "one of a CA below ours, which it shows", "a-inner", CF_OK, "" },
	{ "one of a CA below ours, which it does not show", "a-alone", CF_FORBIDDEN, "issuer is unknown" },
	{ "one of a CA below ours that has expired", "a-inner-late", CF_CERTIFICATE_TIME, "\"CN=a CA that was\"" },
	{ "one that is for servers", "a-server", CF_FORBIDDEN, "not accepted" },
	{ "one of the right CA that no rule names", "unnamed", CF_FORBIDDEN, "no access rule" },
	{ "one whose name is a wildcard", "wild", CF_FORBIDDEN, "no access rule" },
	{ "an operator's", "olga", CF_OK, "" },
	{ "a viewer's", "viewer", CF_OK, "" },
};

static void test_clients(void)
{
	CF_AUTO(call_free) struct call *absent = pair_call("nobody");

	for (size_t i = 0; i < CF_COUNT(clients); i++) {
		CF_AUTO(call_free) struct call *call = pair_call(clients[i].certificate);
		int r = pair_ask(call);

		ok(pair.err.code == clients[i].code && (r == 0) == (pair.err.code == CF_OK) &&
		   strstr(pair.err.text, clients[i].says),
		   "%s: %s %s", clients[i].sentence, cf_code_name(pair.err.code), pair.err.text);
		ok(pair.problem.status == (r == 0 ? 0 : 403), "... with HTTP status %d", r == 0 ? 200 : 403);
	}
	ok(pair_ask(absent) < 0 && pair.err.code == CF_HOST && strstr(pair.err.text, "own certificate"),
	   "files of its own that cannot be read: %s %s", cf_code_name(pair.err.code), pair.err.text);
}

static void test_roles(void)
{
	CF_AUTO(call_free) struct call *peer = pair_call("a"), *viewer = pair_call("viewer");
	struct cf_round_reply round;
	char none = 0;

	ok(pair_ask(peer) == 0 && strcmp(pair.version.host, "dns:A.Peers.Example") == 0 &&
		   strcmp(pair.version.agent, "a.peers.example") == 0,
	   "a peer is known by the name in its certificate");
	ok(pair_ask(viewer) == 0 && strcmp(pair.version.host, "uri:urn:example:viewer") == 0 &&
	   strcmp(pair.version.agent, "test") == 0, "a viewer by his, and is no host");
	ok(call_do(peer, CF_ROUTE_PROBE, NULL, NULL, &none, &round, pair_patience, NULL, &pair.err) == 0,
	   "a peer may probe");
	ok(call_do(viewer, CF_ROUTE_PROBE, NULL, NULL, &none, &round, pair_patience, NULL, &pair.err) < 0 &&
	   pair.err.code == CF_FORBIDDEN, "a viewer may not: %s", pair.err.text);
}

/* A host may be known by any of its names. */
static void test_names(void)
{
	static const struct access_rule rules[] = {
		{ CF_ROLE_PEER, ACCESS_DNS, "*.peers.example" },
		{ CF_ROLE_PEER, ACCESS_CN, "a.peers.example" },
	};
	const char *path = pair_file("a-two", ".pem");
	struct http_caller caller = { 0 };
	gnutls_datum_t text = { 0 };
	gnutls_x509_crt_t crt;

	gnutls_x509_crt_init(&crt);
	ok(gnutls_load_file(path, &text) == 0 && gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) == 0,
	   "a certificate with three names, of which two are the same");
	access_roles(rules, CF_COUNT(rules), crt, &caller);
	ok(caller.hosts.n == 2 && strcmp(caller.hosts.list[0], "wire-a.peers.example") == 0 &&
	   strcmp(caller.hosts.list[1], "a.peers.example") == 0, "is that of a host with two");
	ok(host_names_have(&caller.hosts, "A.peers.example") && !host_names_have(&caller.hosts, "b.peers.example") &&
	   !host_names_have(&caller.hosts, ""), "each of which is its own, and no other is");
	gnutls_x509_crt_deinit(crt);
	gnutls_free(text.data);

	caller.hosts.n = 0;
	for (size_t i = 0; i < HOST_NAMES_MAX + 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%zu", i);
		host_names_add(&caller.hosts, name);
	}
	ok(caller.hosts.n == HOST_NAMES_MAX && !host_names_have(&caller.hosts, "h8"), "there is room for %d", HOST_NAMES_MAX);
}

/* Did it take a new connection to ask? */
static bool connects(struct call *call)
{
	long n = 0;

	if (pair_ask(call) < 0)
		printf("# %s\n", pair.err.text);
	curl_easy_getinfo(call->curl, CURLINFO_NUM_CONNECTS, &n);
	return n > 0;
}

static void test_silence(void)
{
	CF_AUTO(call_free) struct call *peer = pair_call("a"), *viewer = pair_call("viewer");
	bool cut = false;

	pair.wire.options.idle = (cf_span){ CF_MS };
	ok(pair_reload() == 0 && pair_ask(peer) == 0 && pair_ask(viewer) == 0, "a peer and a viewer say something");
	for (int i = 0; i < 20 && !cut; i++) {
		usleep(1500000);	/* the server looks every second, or when it was asked for something anyway */
		cut = connects(viewer);
	}
	ok(cut, "a viewer who said nothing for a while was cut off");
	ok(!connects(peer), "a peer was not: it may have nothing to say until a guest's memory is there");
	pair.wire.options.idle = (cf_span){ 0 };
	ok(pair_reload() == 0, "and all is as before");
}

static const struct {
	const char *name, *pattern;
	enum access_kind kind;
	bool matches;
} patterns[] = {
	{ "a.example", "a.example", ACCESS_DNS, true },
	{ "A.eXample", "a.Example", ACCESS_DNS, true },
	{ "a.example", "*.example", ACCESS_DNS, true },
	{ "a.b.example", "*.example", ACCESS_DNS, false },
	{ "example", "*.example", ACCESS_DNS, false },
	{ ".example", "*.example", ACCESS_DNS, false },
	{ "b.example", "a.example", ACCESS_DNS, false },
	{ "a.example.org", "a.example", ACCESS_DNS, false },
	{ "urn:x", "urn:x", ACCESS_URI, true },
	{ "urn:X", "urn:x", ACCESS_URI, false },
	{ "olga", "olga", ACCESS_CN, true },
	{ "Olga", "olga", ACCESS_CN, false },
	{ "x.olga", "*.olga", ACCESS_CN, false },
};

static void test_patterns(void)
{
	for (size_t i = 0; i < CF_COUNT(patterns); i++) {
		struct access_rule rule = { .kind = patterns[i].kind };

		strcpy(rule.pattern, patterns[i].pattern);
		ok(access_match(&rule, patterns[i].name) == patterns[i].matches, "%s %s %s",
		   patterns[i].pattern, patterns[i].matches ? "covers" : "does not cover", patterns[i].name);
	}
}

static const struct {
	const char *sentence, *certificate;
	enum cf_code code;
	const char *says;
} servers[] = {
	{ "a server whose certificate has expired", "b-late", CF_CERTIFICATE_TIME, "valid from" },
	{ "one whose certificate is not valid yet, and then for ages", "b-early", CF_CERTIFICATE_TIME, " to 2262-04-11T" },
	{ "one with another name", "b-wrong", CF_PEER, PAIR_HOST },
	{ "one with another name that has expired", "b-wrong-late", CF_PEER, "not accepted" },
	{ "one of another CA", "b-other", CF_PEER, "not accepted" },
	{ "one of another CA that has expired", "b-other-late", CF_PEER, "not accepted" },
	{ "one of a CA below ours, which it does not show", "b-alone", CF_PEER, "issuer is unknown" },
	{ "one of a CA below ours that has expired", "b-inner-late", CF_CERTIFICATE_TIME, "\"CN=a CA that was\"" },
	{ "one of a CA below ours, which it shows", "b-inner", CF_OK, "" },
	{ "the right one", "b", CF_OK, "" },
};

static void test_servers(void)
{
	for (size_t i = 0; i < CF_COUNT(servers); i++) {
		CF_AUTO(call_free) struct call *call = NULL;

		ok(pair_serve_as(servers[i].certificate) == 0, "%s", servers[i].sentence);
		call = pair_call("a");
		pair_ask(call);
		ok(pair.err.code == servers[i].code && strstr(pair.err.text, servers[i].says),
		   "... is seen as %s: %s", cf_code_name(pair.err.code), pair.err.text);
		ok((call_sent(call).ns != 0) == (pair.err.code == CF_OK),
		   "... and is sent a request only if it is the right one");
	}
}

static void test_revoked_server(void)
{
	CF_AUTO(call_free) struct call *call = NULL, *other = NULL;

	certs_revoke(pair.wire.dir, "ca", "b", "b.crl");
	certs_revoke(pair.wire.dir, "ca", "olga", "olga.crl");
	call = pair_call_to("127.0.0.1", pair.port, "a", pair_file("b.crl", ""));
	ok(pair_ask(call) < 0 && pair.err.code == CF_PEER && strstr(pair.err.text, "revoked"),
	   "a revoked server: %s", pair.err.text);
	other = pair_call_to("127.0.0.1", pair.port, "a", pair_file("olga.crl", ""));
	ok(pair_ask(other) == 0, "one that is not on the list %s", pair.err.text);
}

/* Two files in one. */
static const char *joined(const char *one, const char *other, const char *as)
{
	const char *path = pair_file(as, ".pem"), *const parts[] = { one, other };
	FILE *to = fopen(path, "we");
	int c;

	for (size_t i = 0; i < CF_COUNT(parts); i++) {
		FILE *from = fopen(pair_file(parts[i], ".pem"), "re");

		while ((c = fgetc(from)) != EOF)
			fputc(c, to);
		fclose(from);
	}
	fclose(to);
	return path;
}

/* A CA that was renewed has the name of the one before, and each signs what it revokes. */
static void test_renewed_ca(void)
{
	static const char *const orders[][2] = { { "ca", "ca-renewed" }, { "ca-renewed", "ca" } };
	struct server_options *options = &pair.wire.options;
	int r = 0;

	certs_revoke(pair.wire.dir, "ca", "olga", "before.crl");
	certs_revoke(pair.wire.dir, "ca-renewed", "olga-renewed", "renewed.crl");
	for (size_t i = 0; i < CF_COUNT(orders); i++) {
		options->ca = joined(orders[i][0], orders[i][1], "both");
		for (size_t j = 0; j < 2; j++) {
			options->crl = pair_file(j == 0 ? "before.crl" : "renewed.crl", "");
			r = pair_reload();
			ok(r == 0, "of two CAs with one name, %s first, the list of %s is taken: %s", orders[i][0],
			   j == 0 ? "the one before" : "the renewed one", r < 0 ? pair.err.text : "");
		}
	}
	options->ca = pair_file("ca", ".pem");
	r = pair_reload();
	ok(r < 0, "without the one that signed it, it is not: %s", pair.err.text);
	options->crl = NULL;
	ok(pair_reload() == 0, "and all is as before");
}

static void test_reload(void)
{
	CF_AUTO(call_free) struct call *olga = pair_call("olga"), *viewer = pair_call("viewer"), *fresh = NULL;
	struct late late = { .call = olga, .timeout = pair_patience };
	const char *hidden = pair_file("hidden", "");
	pthread_t thread;
	int r = 0;

	ok(pair_ask(olga) == 0 && pair_ask(viewer) == 0, "two connections stand");
	certs_revoke(pair.wire.dir, "ca", "viewer", "crl.pem");
	rename(pair_file("olga", ".key"), hidden);
	rename(pair_file("viewer", ".key"), pair_file("hidden-too", ""));
	pthread_create(&thread, NULL, pair_ask_later, &late);
	wire_await_waiting(&pair.wire, 1);

	pair.wire.options.crl = pair_file("crl.pem", "");
	r = pair_reload();
	ok(r == 0, "a CRL is taken, though its time is over %s", pair.err.text);
	wire_do(&pair.wire, wire_answer_waiting, NULL);
	pthread_join(thread, NULL);
	ok(late.r == 0 && late.migration.revision == 7, "a request that waited across it is answered");
	ok(pair_ask(olga) == 0, "the connection goes on: a new one could not be made");
	r = pair_ask(viewer);
	ok(r < 0 && pair.err.code == CF_FORBIDDEN && strstr(pair.err.text, "revoked"),
	   "who is on the list is refused: %s", pair.err.text);

	rename(hidden, pair_file("olga", ".key"));
	pair.wire.options.ca = pair_file("other", ".pem");
	r = pair_reload();
	ok(r < 0, "a CRL of another CA is an error: %s", pair.err.text);
	ok(pair_ask(olga) == 0, "and all stays as it was");
	pair.wire.options.crl = NULL;
	r = pair_reload();
	ok(r == 0 && pair_ask(olga) < 0 && pair.err.code == CF_FORBIDDEN,
	   "with another CA the same connection is refused");

	pair.wire.options.ca = pair_file("olga", ".key");
	r = pair_reload();
	ok(r < 0, "a CA that is none is an error: %s", pair.err.text);
	pair.wire.options.ca = pair_file("ca", ".pem");
	pair.wire.options.key = pair_file("a", ".key");
	r = pair_reload();
	ok(r < 0, "so is a key of another certificate: %s", pair.err.text);

	ok(pair_serve_as("b") == 0 && pair_ask(olga) == 0, "with the old CA all is well");
	ok(pair_serve_as("b-late") == 0 && pair_ask(olga) == 0, "a certificate that replaces ours drops no connection");
	ok(pair_ask(olga) < 0 && pair.err.code == CF_CERTIFICATE_TIME, "but the first answer is its last, and the next is shown the new one: %s",
	   pair.err.text);
	fresh = pair_call("olga");
	ok(pair_ask(fresh) < 0 && pair.err.code == CF_CERTIFICATE_TIME, "who comes now is shown the new one: %s", pair.err.text);
	ok(pair_serve_as("b") == 0 && pair_ask(olga) == 0, "with the old one all is well again");
	pair.wire.options.certificate = NULL;
	r = pair_reload();
	ok(r == 0 && pair.port < 0, "without a certificate there is no listener");
	ok(pair_ask(olga) == 0, "but who is connected stays so");
	ok(pair_serve_as("b") == 0, "and with one there is again");
}

int main(void)
{
	pair_start();
	test_patterns();
	test_clients();
	test_roles();
	test_names();
	test_silence();
	test_servers();
	test_revoked_server();
	test_renewed_ca();
	test_reload();
	wire_stop(&pair.wire);
	return done();
}
