/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/field.h"
#include "client/terms.h"
#include "proto/meant.h"
#include "proto/text.h"

#define SOCKET    RUNDIR "/clockferry/api.sock"
#define PKI       SYSCONFDIR "/clockferry/pki/"
#define TIMEOUT   (cf_span){ 30 * CF_S }
#define N_OPTIONS CF_COUNT(options)

enum option_id {
	OPT_HOST, OPT_SOCKET, OPT_CA, OPT_CRL, OPT_CERT, OPT_KEY,
	OPT_TIMEOUT, OPT_JSON, OPT_ABORT, OPT_STATE, OPT_DOMAIN, OPT_LIMIT, OPT_CURSOR, OPT_LABEL, OPT_PRIORITY, OPT_WAIT, OPT_OFF,
	OPT_POLICY, OPT_MAX_ERROR_BOUND, OPT_MAX_SKEW, OPT_MAX_BLACKOUT, OPT_MAX_RESIDUAL, OPT_LEVER,
	OPT_OVERRIDE, OPT_REASON, OPT_SINCE,
	OPT_TLS, OPT_TLS_NAME, OPT_PARALLEL, OPT_BANDWIDTH, OPT_AUTO_CONVERGE, OPT_AUTO_CONVERGE_INITIAL,
	OPT_AUTO_CONVERGE_INCREMENT, OPT_COMPRESSION, OPT_STORAGE, OPT_DISKS, OPT_UNSAFE, OPT_POST_COPY,
	OPT_XML, OPT_PERSISTENT_XML, OPT_PROGRAM,
	OPT_HELP, OPT_VERSION,
};

#define ASKED(name)   .shape = &cf_migration_request_shape, .member = (name)
#define LISTED(name)  .shape = &cf_migrations_query_shape, .member = (name)
#define CARRIED(name) .shape = &cf_options_shape, .member = (name)

static const struct {
	const char *name;
	const char *value;	/* what it takes, in brackets what it may take, or NULL */
	const char *help;
	unsigned taken;		/* 0, or by which commands: a bit of their `takes` */
	const struct cf_shape *shape;	/* of what in the request it is a member, or NULL */
	const char *member;
} options[] = {
	[OPT_HOST] = { "host", "HOST[:PORT]",
		"Ask the agent of another host, over TLS" },
	[OPT_SOCKET] = { "socket", "PATH",
		"The socket of this host's agent (" SOCKET ")" },
	[OPT_CA] = { "ca", "FILE",
		"For --host: the CA that signs agents ($CLOCKFERRY_CA, " PKI "ca.pem)" },
	[OPT_CRL] = { "crl", "FILE",
		"For --host: whom it has revoked ($CLOCKFERRY_CRL, " PKI "crl.pem where that is)" },
	[OPT_CERT] = { "cert", "FILE",
		"For --host: your certificate ($CLOCKFERRY_CERT, " PKI "client-cert.pem)" },
	[OPT_KEY] = { "key", "FILE",
		"For --host: its key ($CLOCKFERRY_KEY, " PKI "client-key.pem)" },
	[OPT_TIMEOUT] = { "timeout", "SPAN",
		"How long to wait for an answer, and for a lost agent to return (30 s)" },
	[OPT_JSON] = { "json", NULL,
		"Print what the agent answers, as JSON" },
	[OPT_ABORT] = { "abort-on-interrupt", NULL,
		"With migrate and watch: let Ctrl-C abort the migration", TAKES_WATCHING },
	[OPT_STATE] = { "state", "STATE",
		"With list: those that are open, or have ended, or are in that phase", TAKES_LIST, LISTED("state") },
	[OPT_DOMAIN] = { "domain", "DOMAIN",
		"With list: those of that domain, by name or uuid", TAKES_LIST, LISTED("domain") },
	[OPT_LIMIT] = { "limit", "NUMBER",
		"With list: so many, at most 100", TAKES_LIST, LISTED("limit") },
	[OPT_CURSOR] = { "cursor", "CURSOR",
		"With list: on from where an earlier one ended", TAKES_LIST, LISTED("cursor") },
	[OPT_LABEL] = { "label", "KEY=VALUE",
		"With migrate: what to find it by afterwards; with list: those that have it; more than once",
		TAKES_REQUEST | TAKES_LIST },
	[OPT_PRIORITY] = { "priority", "NUMBER",
		"With migrate: the higher goes first where several wait, -100 to 100 (0)", TAKES_REQUEST, ASKED("priority") },
	[OPT_WAIT] = { "wait", "SPAN",
		"With migrate: how long it may wait for its turn (as the agent's settings say)", TAKES_REQUEST, ASKED("wait") },
	[OPT_OFF] = { "off", NULL,
		"With quiesce: take migrations again", TAKES_OFF },
	[OPT_POLICY] = { "policy", "NAME",
		"A policy that applies besides, the stricter of each; of a file, the one to check", TAKES_TERMS | TAKES_TRIAL },
	[OPT_MAX_ERROR_BOUND] = { "max-error-bound", "SPAN",
		"A limit of this request's own, where it is stricter than policy", TAKES_TERMS },
	[OPT_MAX_SKEW] = { "max-skew", "SPAN",
		"The same", TAKES_TERMS },
	[OPT_MAX_BLACKOUT] = { "max-blackout", "SPAN",
		"The same", TAKES_TERMS },
	[OPT_MAX_RESIDUAL] = { "max-residual", "SPAN",
		"The same", TAKES_TERMS },
	[OPT_LEVER] = { "require-lever", "LEVER",
		"The same", TAKES_TERMS },
	[OPT_OVERRIDE] = { "override", "CODE",
		"Let this finding refuse nothing; may be given more than once; for administrators", TAKES_TERMS },
	[OPT_REASON] = { "reason", "TEXT",
		"Why it is overridden, for the receipt", TAKES_TERMS },
	[OPT_SINCE] = { "since", "SPAN",
		"With policy check: how far to look back (30 d)", TAKES_TRIAL },
	[OPT_TLS] = { "tls", "[=no]",
		"Encrypt what QEMU sends, or not", TAKES_OPTIONS, CARRIED("tls") },
	[OPT_TLS_NAME] = { "tls-name", "NAME",
		"Whom the certificate of the QEMU there names, if not its host", TAKES_OPTIONS, CARRIED("tls_name") },
	[OPT_PARALLEL] = { "parallel", "N",
		"Send memory by N connections", TAKES_OPTIONS, CARRIED("parallel") },
	[OPT_BANDWIDTH] = { "bandwidth", "N",
		"Take no more of the network than N MiB/s", TAKES_OPTIONS, CARRIED("bandwidth_mib_per_second") },
	[OPT_AUTO_CONVERGE] = { "auto-converge", "[=no]",
		"Slow down a guest that writes faster than can be sent", TAKES_OPTIONS, CARRIED("auto_converge") },
	[OPT_AUTO_CONVERGE_INITIAL] = { "auto-converge-initial", "N",
		"It loses N % of its time at first", TAKES_OPTIONS, CARRIED("auto_converge_initial_percent") },
	[OPT_AUTO_CONVERGE_INCREMENT] = { "auto-converge-increment", "N",
		"And N % more each time", TAKES_OPTIONS, CARRIED("auto_converge_increment_percent") },
	[OPT_COMPRESSION] = { "compression", "METHOD",
		"none, xbzrle or mt; with --parallel none, zlib or zstd", TAKES_OPTIONS, CARRIED("compression") },
	[OPT_STORAGE] = { "storage", "HOW",
		"The disks are shared, or: copy, copy-incremental", TAKES_OPTIONS, CARRIED("storage") },
	[OPT_DISKS] = { "disks", "TARGET,...",
		"Copy these alone, as in vda,vdb", TAKES_OPTIONS, CARRIED("disks") },
	[OPT_UNSAFE] = { "unsafe", "[=no]",
		"Shared disks are safe, whatever libvirt thinks", TAKES_OPTIONS, CARRIED("unsafe") },
	[OPT_POST_COPY] = { "post-copy", NULL,
		"Let it run there before its memory is; policy has to allow that", TAKES_OPTIONS, CARRIED("post_copy") },
	[OPT_XML] = { "xml", "FILE",
		"With migrate: the domain's XML there", TAKES_REQUEST },
	[OPT_PERSISTENT_XML] = { "persistent-xml", "FILE",
		"With migrate: its XML there for later starts, if that is another one", TAKES_REQUEST },
	[OPT_PROGRAM] = { "program", "PATH",
		"With hook, kvm: the program, or library, where it is not installed (" SBINDIR ", " PKGLIBDIR ")", TAKES_PROGRAM },
	[OPT_HELP] = { "help", NULL,
		"Print this, or the use of one command" },
	[OPT_VERSION] = { "version", NULL,
		"Print the version of this program, and ask nobody" },
};

static int argument(const char *value)
{
	return !value ? no_argument : *value == '[' ? optional_argument : required_argument;
}

/* getopt_long() wants a table of its own making; val is the index in ours. */
static void spell_options(struct option *ret)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		ret[i] = (struct option){
			.name = options[i].name,
			.has_arg = argument(options[i].value),
			.val = (int)i,
		};
	ret[N_OPTIONS] = (struct option){ 0 };
}

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static void set_defaults(struct ask *ask)
{
	ask->to = stdout;
	ask->whom = (struct call_to){
		.socket = SOCKET,
		.ca = from_environment("CLOCKFERRY_CA", PKI "ca.pem"),
		.crl = from_environment("CLOCKFERRY_CRL", access(PKI "crl.pem", F_OK) == 0 ? PKI "crl.pem" : NULL),
		.cert = from_environment("CLOCKFERRY_CERT", PKI "client-cert.pem"),
		.key = from_environment("CLOCKFERRY_KEY", PKI "client-key.pem"),
		.timeout = TIMEOUT,
	};
}

static int take_span(enum option_id id, cf_span low, cf_span high, cf_span *ret, struct cf_error *err)
{
	struct cf_error why;

	if (cf_span_parse(optarg, low, high, ret, &why) < 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--%s: %s", options[id].name, why.text);
	return 0;
}

static int take_label(struct ask *ask, struct cf_error *err)
{
	if (ask->n_labels == CF_COUNT(ask->labels))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--label: more than %zu", CF_COUNT(ask->labels));
	ask->labels[ask->n_labels++] = optarg;
	return 0;
}

/* One of those that spell the terms of a request. */
static int take_term(enum option_id id, struct cf_terms *terms, struct cf_error *err)
{
	struct cf_tighten *t = &terms->tighten;
	const char *name = options[id].name;

	switch (id) {
	case OPT_POLICY:          return terms_policy(terms, optarg, err);
	case OPT_MAX_ERROR_BOUND: return terms_limit(terms, name, optarg, &t->has_max_error_bound, &t->max_error_bound, err);
	case OPT_MAX_SKEW:        return terms_limit(terms, name, optarg, &t->has_max_skew, &t->max_skew, err);
	case OPT_MAX_BLACKOUT:    return terms_limit(terms, name, optarg, &t->has_max_blackout, &t->max_blackout, err);
	case OPT_MAX_RESIDUAL:    return terms_limit(terms, name, optarg, &t->has_max_residual, &t->max_residual, err);
	case OPT_LEVER:           return terms_lever(terms, optarg, err);
	case OPT_OVERRIDE:        return terms_override(terms, optarg, err);
	default:                  return terms_reason(terms, optarg, err);
	}
}

static int take_member(enum option_id id, struct ask *ask, struct cf_error *err)
{
	bool carrying = options[id].shape == &cf_options_shape;
	bool listing = options[id].shape == &cf_migrations_query_shape;
	void *message = carrying ? (void *)&ask->wish.options : listing ? (void *)&ask->query : (void *)&ask->wish;
	struct cf_error why;

	if (field_take(options[id].shape, options[id].member, optarg, message, &why) < 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--%s: %s", options[id].name, why.text);
	ask->wish.has_options |= carrying;
	return 0;
}

/* One option of ours; 0, or what options_read() returns when nothing else is to be done. */
static int take(enum option_id id, struct ask *ask, struct cf_error *err)
{
	switch (id) {
	case OPT_HOST:    ask->whom.host = optarg; return 0;
	case OPT_SOCKET:  ask->whom.socket = optarg; return 0;
	case OPT_CA:      ask->whom.ca = optarg; return 0;
	case OPT_CRL:     ask->whom.crl = optarg; return 0;
	case OPT_CERT:    ask->whom.cert = optarg; return 0;
	case OPT_KEY:     ask->whom.key = optarg; return 0;
	case OPT_TIMEOUT:
		return take_span(id, (cf_span){ CF_MS }, (cf_span){ 3600 * CF_S }, &ask->whom.timeout, err);
	case OPT_JSON:    ask->json = true; return 0;
	case OPT_ABORT:   ask->abort_on_interrupt = true; return 0;
	case OPT_LABEL:   return take_label(ask, err);
	case OPT_OFF:     ask->off = true; return 0;
	case OPT_XML:     ask->xml = optarg; return 0;
	case OPT_PERSISTENT_XML: ask->persistent_xml = optarg; return 0;
	case OPT_PROGRAM: ask->program = optarg; return 0;
	case OPT_SINCE:
		ask->has_since = true;
		return take_span(id, (cf_span){ 0 }, (cf_span){ 100 * CF_YEAR }, &ask->since, err);
	case OPT_HELP:    return OPTIONS_HELP;
	case OPT_VERSION: return OPTIONS_VERSION;
	default:
		return options[id].member ? take_member(id, ask, err) : take_term(id, &ask->wish.terms, err);
	}
}

static int no_such_option(const char *said, struct cf_error *err)
{
	const char *name = said + strspn(said, "-"), *meant;
	char bare[64];

	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(name, "="), name);
	meant = cf_meant(bare, &options[0].name, N_OPTIONS, sizeof(options[0]));
	if (meant && strcmp(meant, bare) == 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--%s takes no value", bare);
	if (meant)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no option --%s: is it --%s?", bare, meant);
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no option %.64s; clockferry --help lists them", said);
}

static int take_all(int argc, char **argv, struct ask *ask, bool given[static N_OPTIONS], struct cf_error *err)
{
	struct option table[N_OPTIONS + 1];
	int what = OPTIONS_RUN, r;

	spell_options(table);
	opterr = 0;
	for (;;) {
		int c = getopt_long(argc, argv, ":h", table, NULL);

		if (c < 0)
			return what;
		if (c == ':')
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s needs a value", argv[optind - 1]);
		if (c == '?' && optopt >= (int)N_OPTIONS)	/* else it is one of ours, or 0 */
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no option -%c; clockferry --help lists them", optopt);
		if (c == '?')
			return no_such_option(argv[optind - 1], err);
		if (c == 'h')
			c = OPT_HELP;
		given[c] = true;
		r = take(c, ask, err);
		if (r < 0)
			return r;
		if (r > 0)
			what = r;
	}
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int no_such_command(const char *said, struct cf_error *err)
{
	const char *meant = cf_meant(said, &commands[0].name, n_commands, sizeof(commands[0]));

	if (meant)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no command '%.64s': is it '%s'?", said, meant);
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no command '%.64s'; clockferry --help lists them", said);
}

static bool takes(const struct command *c, enum option_id id)
{
	return !options[id].taken || (options[id].taken & c->takes);
}

/* Does the command take what was given? */
static int check(const struct ask *ask, const bool given[static N_OPTIONS], struct cf_error *err)
{
	const struct command *c = ask->command;

	if (ask->n_args < c->min || ask->n_args > c->max)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "usage: clockferry %s %s", c->name,
			       *c->args ? c->args : "(and nothing else)");
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (given[i] && !takes(c, i))
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s takes no --%s", c->name, options[i].name);
	for (int i = 0; i < ask->n_args; i++)
		if (!*ask->args[i])
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "usage: clockferry %s %s: one is empty",
				       c->name, c->args);
	return terms_check(&ask->wish.terms, err);
}

int options_read(int argc, char **argv, struct ask *ask, struct cf_error *err)
{
	bool given[N_OPTIONS] = { false };
	int what, r;

	set_defaults(ask);
	what = take_all(argc, argv, ask, given, err);
	if (what < 0)
		return what;
	ask->wish.has_terms = terms_any(&ask->wish.terms);

	if (optind < argc) {
		ask->command = find(argv[optind]);
		if (!ask->command)
			return no_such_command(argv[optind], err);
		ask->args = argv + optind + 1;
		ask->n_args = argc - optind - 1;
	}
	if (what != OPTIONS_RUN)
		return what;
	if (!ask->command)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "no command given; clockferry --help lists them");

	r = check(ask, given, err);
	return r < 0 ? r : OPTIONS_RUN;
}

/* What is written so, in a column of that width, and what it does: on the next line where it is wider. */
__attribute__((format(printf, 4, 5)))
static void help_row(FILE *to, int width, const char *help, const char *fmt, ...)
{
	va_list ap;
	int n;

	fputs("  ", to);
	va_start(ap, fmt);
	n = vfprintf(to, fmt, ap);
	va_end(ap);
	if (n > width) {
		fputs("\n  ", to);
		n = 0;
	}
	fprintf(to, "%*s %s\n", width - n, "", help);
}

void options_help(FILE *to, const struct command *command)
{
	if (command) {
		fprintf(to, "usage: clockferry [OPTIONS] %s %s\n\n%s.\n", command->name, command->args,
			command->help);
	} else {
		fputs("usage: clockferry [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n", to);
		for (size_t i = 0; i < n_commands; i++)
			help_row(to, 33, commands[i].help, "%-8s%s", commands[i].name, commands[i].args);
	}

	fputs("\nOptions:\n", to);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (command && !takes(command, i))
			continue;
		help_row(to, 28, options[i].help, "--%s%s%s", options[i].name,
			 argument(options[i].value) == required_argument ? " " : "",
			 options[i].value ? options[i].value : "");
	}
	fputs("\nExit status: 0 done clean, 1 failure, 2 usage, 3 refused by policy, 4 aborted,\n"
	      "5 done but breached or unverified, 6 agent or peer unreachable.\n", to);
}
