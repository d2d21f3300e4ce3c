/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/settings-table.h"
#include "daemon/settings-text.h"
#include "tests/settings-made.h"
#include "tests/tap.h"

/* What is printed for it, on the heap. */
static char *printed(const struct settings *settings)
{
	char *text = NULL;
	size_t n;
	FILE *file = open_memstream(&text, &n);

	settings_print(settings, file);
	fclose(file);
	return text;
}

#define BAD_TEMPLATE "needs exactly one %s, which stands for the address, and no other %"

/* Each fault, and exactly what is said of it, behind file and colon. */
static const struct {
	const char *name;
	const char *file;
	const char *fault;
} faults[] = {
	{ "unknown key", "port = 1\nprot = 2\n", "2: no such option 'prot': is it 'port'?" },
	{ "unknown key in a group", "probe {\n\tround = 2\n}\n", "2: probe: no such option 'round': is it 'rounds'?" },
	{ "unknown group", "prob {\n}\n", "1: no such option 'prob': is it 'probe'?" },
	{ "key of another group", "probe {\n\tport = 2\n}\n", "2: probe: no such option 'port'; clockferryd.conf(5) has all that there are" },
	{ "key given twice", "port = 1\n\nport = 2\n", "3: port is set in line 1 already" },
	{ "key given twice in one group", "probe {\n\trounds = 1\n}\nprobe {\n\trounds = 1\n}\n",
		"5: probe: rounds is set in line 2 already" },
	{ "list given twice", "listen = {\"::1\"}\nlisten = {\"::1\"}\n",
		"2: listen is set in line 1 already" },
	{ "a line behind many comments", "# a\n// b\n/* c\n * d */\n\nport = 0 # e\n",
		"6: port: 0 is not within 1 to 65535" },
	{ "span without unit", "lease = 30\n",
		"1: lease: '30': " BAD_SPAN },
	{ "span with a wrong unit", "lease = \"30 sec\"\n",
		"1: lease: '30 sec': " BAD_SPAN },
	{ "span with a unit outside of the quotes", "lease = 30 s\n",
		"1: lease: '30': " BAD_SPAN },
	{ "span below its range", "lease = \"4999 ms\"\n", "1: lease: '4999 ms': below 5 s" },
	{ "span above its range", "chrony {\n\ttimeout = \"1 min\"\n}\n",
		"2: chrony.timeout: '1 min': above 10 s" },
	{ "negative span", "stop-slack = \"-1 ms\"\n", "1: stop-slack: '-1 ms': below 0 s" },
	{ "silence as short as the beat it waits for", "copy { peer-silence = \"250 ms\" }\n",
		"1: copy.peer-silence: '250 ms': below 1 s" },
	{ "heartbeat that nobody can keep", "copy { heartbeat = \"1 ms\" }\n",
		"1: copy.heartbeat: '1 ms': neither 0 nor at least 50 ms" },
	{ "number below its range", "probe { rounds = 0 }\n", "1: probe.rounds: 0 is not within 1 to 128" },
	{ "number above its range", "port = 65536\n", "1: port: 65536 is not within 1 to 65535" },
	{ "number beyond the type", "port = 99999999999999999999\n",
		"1: port: 99999999999999999999 is not within 1 to 65535" },
	{ "no number", "port = http\n", "1: port: 'http' is not a whole number" },
	{ "fraction", "port = 1.5\n", "1: port: '1.5' is not a whole number" },
	{ "number with a unit it does not have", "port = \"9437 ppm\"\n",
		"1: port: '9437 ppm' is not a whole number" },
	{ "number with a wrong unit", "probe { raw-drift = \"500 ppb\" }\n",
		"1: probe.raw-drift: '500 ppb' is not a whole number of ppm" },
	{ "unknown word", "chrony { via = udp }\n",
		"1: chrony.via: 'udp' is not one of auto, socket, ipv4, ipv6" },
	{ "a word only a newer peer may mean", "policy \"default\" { require-lever = unknown }\n",
		"1: policy.require-lever: 'unknown' is not one of none, guest-agent, kvm" },
	{ "host with a blank", "host = \"a b\"\n", "1: host: 'a b' is not a host name" },
	{ "listen by name", "listen = {\"::1\", \"localhost\"}\n",
		"1: listen: 'localhost' is not an IP address" },
	{ "relative path", "tls { ca = \"ca.pem\" }\n", "1: tls.ca: 'ca.pem' does not begin with '/'" },
	{ "empty path", "tls { key = \"\" }\n", "1: tls.key: is empty" },
	{ "control character", "tls { key = \"/a\\nb\" }\n", "1: tls.key: has a control character in it" },
	{ "template without %s", "libvirt { destination-uri = \"qemu:///system\" }\n",
		"1: libvirt.destination-uri: 'qemu:///system' " BAD_TEMPLATE },
	{ "neither yes nor no", "libvirt { tls = true }\n", "1: libvirt.tls: 'true' is not one of no, yes" },
	{ "too many connections", "libvirt { parallel = 256 }\n", "1: libvirt.parallel: 256 is not within 0 to 255" },
	{ "unknown compression", "libvirt { compression = \"unknown\" }\n",
		"1: libvirt.compression: 'unknown' is not one of none, xbzrle, mt, zlib, zstd" },
	{ "template with two", "libvirt { migrate-uri = \"tcp://%s:%s\" }\n",
		"1: libvirt.migrate-uri: 'tcp://%s:%s' " BAD_TEMPLATE },
	{ "template with another %", "libvirt { migrate-uri = \"tcp://%s:%d\" }\n",
		"1: libvirt.migrate-uri: 'tcp://%s:%d' " BAD_TEMPLATE },
	{ "rule without kind", "access {\n\tpeer = {\n\t\t\"dns:hA\",\n\t\t\"hB\"\n\t}\n}\n",
		"4: access.peer: 'hB' is none of dns:..., uri:..., cn:..." },
	{ "rule of an unknown kind", "access { admin = {\"ip:1.2.3.4\"} }\n",
		"1: access.admin: 'ip:1.2.3.4' is none of dns:..., uri:..., cn:..." },
	{ "rule without pattern", "access { admin = {\"dns:\"} }\n",
		"1: access.admin: 'dns:' is none of dns:..., uri:..., cn:..." },
	{ "peer with a bad name", "peer \"h/B\" {\n}\n",
		"2: peer \"h/B\", which ends here: 'h/B' is not a host name" },
	{ "peer without a name", "peer {\n}\n", "1: missing title for section 'peer'" },
	{ "peer given twice", "peer hB { }\npeer hB { }\n", "2: found duplicate title 'hB'" },
	{ "peer with a bad address", "peer hB {\n\taddress = \"a b\"\n}\n",
		"2: peer.address: 'a b' is neither an IP address nor a DNS name" },
	{ "unknown finding", "policy \"default\" { warn = {\"skew\", \"skow\"} }\n",
		"1: policy.warn: there is no finding 'skow'" },
	{ "the finding called unknown", "policy \"default\" { off = {\"unknown\"} }\n",
		"1: policy.off: there is no finding 'unknown'" },
	{ "finding in two lists", "policy \"default\" {\n\toff = {\"skew\"}\n\twarn = {\"skew\"}\n}\n",
		"2: policy.off: 'skew' is in `warn` already" },
	{ "finding twice in one list", "policy \"default\" { warn = {\"skew\", \"skew\"} }\n",
		"1: policy.warn: 'skew' is in `warn` already" },
	{ "what always refuses", "policy \"default\" { warn = {\"domain-unknown\"} }\n",
		"1: policy.warn: 'domain-unknown' always refuses" },
	{ "policy with a bad name", "policy \"very strict\" {\n}\n",
		"2: policy \"very strict\", which ends here: 'very strict' is not a policy's name" },
	{ "policy without a name", "policy \"\" {\n}\n", "2: policy \"\", which ends here: is empty" },
	{ "unknown mode", "policy \"gold\" {\n\tmode = dry-run\n}\n",
		"2: policy.mode: 'dry-run' is not one of enforce, observe" },
	{ "fault in a policy of another name", "policy gold {\n\tmax-skew = \"25\"\n}\n",
		"2: policy.max-skew: '25': " BAD_SPAN },
	{ "a policy that is not there", "port = 1\nuse-policy = gold\npolicy silver { }\n",
		"2: use-policy: there is no policy 'gold'" },
	{ "no switch", "accept-override = maybe\n", "1: accept-override: 'maybe' is not one of no, yes" },
	{ "policy given twice", "policy \"default\" { }\npolicy \"default\" { }\n",
		"2: found duplicate title 'default'" },
	{ "group that is not closed", "tls {\n", "1: the brace that opens here is not closed" },
	{ "list that is not closed", "listen = {\"::1\",\n\nport = 1\n",
		"1: the brace that opens here is not closed" },
	{ "brace too many", "tls { }\n}\n", "2: unexpected closing brace" },
	{ "text that is not closed", "port = 1\nhost = \"hA\nport = 2\n",
		"2: the text that begins here has no closing quote" },
	{ "comment that is not closed", "\n/* port\n\n", "2: the comment that begins here has no end" },
	{ "value from the environment", "host = \"${HOSTNAME}\"\n",
		"1: ${...} is not replaced here: write the value, or \\$" },
	{ "value from the environment, bare", "\nhost = ${HOSTNAME}\n",
		"2: ${...} is not replaced here: write the value" },
	{ "value that needs quotes", "libvirt { uri = qemu+ssh://x/ }\n",
		"1: a value with * or + in it has to stand in quotes" },
	{ "empty key", "port = 1\n\"\" = 2\n", "2: cannot be understood" },
	{ "empty key in a group", "tls {\n\tca = /a\n\n\t\"\" = 2\n}\n", "4: cannot be understood" },
	{ "key without value", "port\n", "2: premature end of file" },
	{ "list without comma", "listen = {\"::1\" \"::2\"}\n", "1: unexpected token '::2'" },
};

static void test_faults(void)
{
	for (size_t i = 0; i < CF_COUNT(faults); i++) {
		struct settings *settings = NULL;
		struct cf_error err = { 0 };
		char want[sizeof(err.text)];
		int r;

		snprintf(want, sizeof(want), "%s:%s", settings_made_path, faults[i].fault);
		r = settings_made_try(faults[i].file, &settings, &err);
		ok(r < 0 && !settings && strcmp(err.text, want) == 0, "%s", faults[i].name);
		if (strcmp(err.text, want) != 0)
			printf("# said: %s\n# want: %s\n", err.text, want);
		settings_free(settings);
	}
}

static void test_defaults(void)
{
	CF_AUTO(settings_free) struct settings *s = NULL;
	struct cf_error err;
	char host[CF_HOST_ROOM];
	const struct cf_limits *p;

	gethostname(host, sizeof(host));
	unlink(settings_made_path);
	ok(settings_read(settings_made_path, &s, &err) == 0, "a file that is not there is no error");
	p = &settings_policy(s, "")->limits;

	ok(strcmp(s->host, host) == 0 && s->n_listen == 0 && s->port == 9437,
	   "this host, everywhere, port 9437");
	ok(s->n_access == 0 && s->n_peers == 0, "nobody may do anything, no peer is known");
	ok(s->stop_slack.ns == 3 * CF_MS && s->stop_wait.ns == 30 * CF_S && s->lease.ns == 30 * CF_S,
	   "the agent's times");
	ok(strcmp(s->tls.ca, SYSCONFDIR "/clockferry/pki/ca.pem") == 0 && !*s->tls.crl, "CA, no CRL");
	ok(s->chrony.via == CF_VIA_UNKNOWN && s->chrony.timeout.ns == 500 * CF_MS,
	   "chronyd by whichever way answers");
	ok(strcmp(s->libvirt.uri, "qemu:///system") == 0 && !*s->libvirt.migrate_uri && !s->libvirt.accept_passthrough,
	   "the system's libvirt");
	ok(!s->libvirt.options.tls && s->libvirt.options.parallel == 0 &&
	   s->libvirt.options.compression == CF_COMPRESSION_NONE && s->libvirt.options.storage == CF_STORAGE_SHARED,
	   "which carries guests as it does by itself");
	ok(s->copy.max_downtime.ns == 0 && s->copy.heartbeat.ns == 0 && s->copy.peer_silence.ns == 2 * CF_S && s->copy.no_progress.ns == 30 * CF_S &&
	   s->copy.converge.ns == 600 * CF_S, "a copy is given its time");
	ok(s->probe.rounds == 16 && s->probe.raw_drift_ppm == 500, "sixteen rounds, 500 ppm");
	ok(s->guest.rounds == 8 && s->guest.correct_within.ns == 5 * CF_S,
	   "eight readings, corrected within 5 s");

	/* DESIGN 11 */
	ok(p->max_error_bound.ns == 100 * CF_MS, "max-error-bound is 100 ms");
	ok(p->max_skew.ns == 25 * CF_MS, "max-skew is 25 ms");
	ok(p->max_blackout.ns == CF_S, "max-blackout is 1 s");
	ok(p->max_residual.ns == 20 * CF_MS, "max-residual is 20 ms");
	ok(p->require_lever == CF_LEVER_NONE, "no lever is required");
	ok(p->correction == CF_CORRECTION_STEP_FORWARD && p->correction_floor.ns == 2 * CF_MS,
	   "step forward from 2 ms on");
	ok(p->gate_grace.ns == 30 * CF_S, "gate-grace is 30 s");
	ok(p->holdover_max.ns == 300 * CF_S && p->max_stratum == 9, "holdover for 5 min, stratum 9");
	for (int code = 1; code < CF_N_FINDING_CODES; code++)
		if (cf_limits_severity(p, code) != cf_finding_default(code))
			ok(false, "%s keeps its own severity", cf_finding_words[code]);
	ok(p->has_mode && p->mode == CF_ENFORCE && s->accept_override, "it enforces, and honours overrides");
}

/* A file with every key in it, which the fuzzer begins with too. */
static struct settings *read_everything(void)
{
	const char *sources = getenv("srcdir");
	struct settings *settings = NULL;
	struct cf_error err = { 0 };
	char file[512];

	snprintf(file, sizeof(file), "%s/tests/corpus/settings/everything", sources ? sources : ".");
	if (settings_read(file, &settings, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return settings;
}

static void test_everything(void)
{
	CF_AUTO(settings_free) struct settings *s = read_everything();
	const struct cf_limits *p = &settings_policy(s, "default")->limits;

	ok(strcmp(s->host, "hA") == 0 && s->port == 19437, "host and port");
	ok(s->n_listen == 3 && strcmp(s->listen[1], "fd00::1") == 0 && strcmp(s->listen[2], "10.0.0.9") == 0,
	   "addresses, with comments among them");
	ok(s->stop_slack.ns == 1500 * CF_US && s->stop_wait.ns == 60 * CF_S, "several on one line");
	ok(strcmp(s->tls.crl, "/b") == 0 && strcmp(s->tls.key, "/d \"e\" $\\") == 0,
	   "paths, and what is escaped");
	ok(s->n_access == 5 && s->access[1].kind == ACCESS_URI && s->access[1].role == CF_ROLE_PEER &&
	   strcmp(s->access[1].pattern, "spiffe://x/a:b") == 0, "a rule by URI");
	ok(s->access[2].kind == ACCESS_CN && s->access[2].role == CF_ROLE_VIEWER &&
	   s->access[4].role == CF_ROLE_ADMIN,
	   "rules of other roles");
	ok(s->n_peers == 2 && strcmp(s->peers[0].address, "hB") == 0 && s->peers[0].port == 9437,
	   "a peer is found by its name");
	ok(strcmp(s->peers[1].name, "hC") == 0 && strcmp(s->peers[1].address, "fd00::3") == 0 &&
	   s->peers[1].port == 1,
	   "or by its address");
	ok(s->chrony.via == CF_VIA_IPV6 && s->chrony.interval.ns == 2 * CF_S, "chronyd");
	ok(strcmp(s->libvirt.migrate_uri, "tcp://[%s]") == 0 && s->libvirt.accept_passthrough, "libvirt");
	ok(s->libvirt.options.tls && !s->libvirt.options.auto_converge && s->libvirt.options.unsafe &&
	   s->libvirt.options.bandwidth_mib_per_second == 100 && s->libvirt.options.parallel == 4 &&
	   s->libvirt.options.compression == CF_COMPRESSION_ZSTD &&
	   s->libvirt.options.storage == CF_STORAGE_COPY_INCREMENTAL, "and what it is told of each migration");
	ok(s->copy.heartbeat.ns == 80 * CF_MS && s->copy.peer_silence.ns == 1500 * CF_MS &&
	   s->copy.no_progress.ns == 60 * CF_S && s->copy.converge.ns == 3600 * CF_S, "copy");
	ok(s->probe.rounds == 128 && s->probe.timeout.ns == 500 * CF_MS && s->probe.raw_drift_ppm == 250,
	   "probe");
	ok(s->guest.timeout.ns == 250 * CF_MS && s->guest.correct_within.ns == 0, "guest");
	ok(p->max_skew.ns == 500 * CF_US && p->require_lever == CF_LEVER_KVM &&
	   p->correction == CF_CORRECTION_REPORT && p->mode == CF_OBSERVE,
	   "policy");
	ok(strcmp(s->use_policy, "relaxed") == 0 && !s->accept_override && s->n_policies == 5 &&
	   settings_policy(s, "gold-2")->limits.max_stratum == 2, "policies by name");
	ok(cf_limits_severity(p, CF_FINDING_SKEW) == CF_SEVERITY_WARN &&
	   cf_limits_severity(p, CF_FINDING_TAI_UNKNOWN) == CF_SEVERITY_REFUSE &&
	   cf_limits_severity(p, CF_FINDING_KERNEL_UNSYNC) == CF_SEVERITY_OFF, "severities");
}

/* What is printed is read as the same settings, and printed as the same text. */
static void test_round_trip(void)
{
	CF_AUTO(settings_free) struct settings *first = read_everything(), *second = NULL;
	CF_AUTO(cf_free) char *text = printed(first), *again = NULL;

	second = settings_made(text);
	again = printed(second);
	ok(strcmp(text, again) == 0, "what was printed is printed again");
	free(CF_TAKE(second->peers));
	second->peers = first->peers;
	for (size_t i = 0; i < first->n_policies; i++)
		memset(first->policies[i].origin, 0, sizeof(first->policies[i].origin));
	for (size_t i = 0; i < second->n_policies; i++)
		memset(second->policies[i].origin, 0, sizeof(second->policies[i].origin));
	ok(memcmp(first, second, sizeof(*first)) == 0, "and means the same");
	second->peers = NULL;

	ok(!strstr(text, "\n# host") && strstr(text, "\nhost = \"hA\"\n"),
	   "what was set is not commented out");
	ok(strstr(text, "(default: 500 ppm)"), "its default stands beside it");
}

/* Every row on its own, with a value other than its default. */
static void test_rows(void)
{
	for (size_t i = 0; i < SETTING_GROUPS; i++)
		for (size_t j = 0; j < setting_groups[i].n_rows; j++) {
			const struct setting *row = &setting_groups[i].rows[j];
			char range[SETTING_VALUE_ROOM];

			setting_range(row, range);
			ok(strlen(row->meaning) > 5 && row->meaning[strlen(row->meaning) - 1] == '.',
			   "%s says in sentences what it means", row->key);
			ok((row->kind == SETTING_SPAN || row->kind == SETTING_INT ||
			   row->kind == SETTING_WORD || row->kind == SETTING_SWITCH) == !!*range,
			   "%s has a range if it can have one", row->key);
			ok(setting_is_list(row) == !row->otherwise,
			   "%s has a default unless it is a list", row->key);
		}
}

static void test_example(void)
{
	CF_AUTO(cf_free) char *example = printed(NULL);
	CF_AUTO(settings_free) struct settings *plain = settings_made(""), *read = settings_made(example);
	char sent[64 << 10];
	const char *top = getenv("builddir");
	FILE *file;
	size_t n;

	snprintf(sent, sizeof(sent), "%s/systemd/clockferryd.conf", top ? top : ".");
	file = fopen(sent, "r");
	n = file ? fread(sent, 1, sizeof(sent) - 1, file) : 0;
	sent[n] = '\0';
	if (file)
		fclose(file);
	ok(strcmp(sent, example) == 0,
	   "the example that ships is that of the tables (clockferryd --print-defaults)");

	memset(read->policies[0].origin, 0, sizeof(read->policies[0].origin));	/* it speaks of one */
	free(CF_TAKE(plain->peers));
	free(CF_TAKE(read->peers));
	ok(memcmp(plain, read, sizeof(*plain)) == 0, "the example sets nothing");
}

/* A pattern for each of n peers, and one for each of some administrators. */
static char *with_patterns(size_t n_peers, size_t n_admins)
{
	char *text = NULL;
	size_t n;
	FILE *file = open_memstream(&text, &n);

	fprintf(file, "access {\n\tpeer = {");
	for (size_t i = 0; i < n_peers; i++)
		fprintf(file, "%s\"dns:h%04zu\"", i ? ", " : "", i);
	fprintf(file, "}\n\tadmin = {");
	for (size_t i = 0; i < n_admins; i++)
		fprintf(file, "%s\"cn:a%04zu\"", i ? ", " : "", i);
	fprintf(file, "}\n}\n");
	fclose(file);
	return text;
}

static void test_patterns(void)
{
	CF_AUTO(cf_free) char *most = with_patterns(CF_PEERS_KNOWN_MAX, 64), *more = with_patterns(CF_PEERS_KNOWN_MAX, 65);
	CF_AUTO(settings_free) struct settings *settings = NULL, *again = NULL;
	CF_AUTO(cf_free) char *text = NULL;
	struct cf_error err = { 0 };

	ok(settings_made_try(most, &settings, &err) == 0 && settings->n_access == CF_PEERS_KNOWN_MAX + 64,
	   "each of as many peers as there may be has a pattern of its own, and so have 64 others: %s", err.text);
	if (!settings)
		return;
	ok(settings_made_try(more, &again, &err) < 0 && strstr(err.text, "more than 1088 patterns"), "not one more: %s", err.text);
	text = printed(settings);
	again = settings_made(text);
	ok(again->n_access == settings->n_access && memcmp(again->access, settings->access, sizeof(again->access)) == 0,
	   "they are printed, and read again");
}

static void test_file(void)
{
	struct settings *settings = NULL;
	struct cf_error err;
	FILE *file = fopen(settings_made_path, "w");

	fwrite("port = 1\0\n", 1, 10, file);
	fclose(file);
	ok(settings_read(settings_made_path, &settings, &err) == -EINVAL && strstr(err.text, "is not a text"),
	   "a NUL in it");

	file = fopen(settings_made_path, "w");
	for (int i = 0; i < 40000; i++)
		fputs("# comment\n", file);
	fclose(file);
	ok(settings_read(settings_made_path, &settings, &err) == -EFBIG, "a file too large");
	ok(settings_read("/proc/self", &settings, &err) == -EISDIR, "a directory");
	ok(!settings, "a failure leaves the output as it was");
	ok(settings_read("/dev/null", &settings, &err) == 0, "an empty file");
	settings_free(settings);
}

static void test_fallback(void)
{
	CF_AUTO(settings_free) struct settings *now = NULL, *plain = settings_made(""), *moved = settings_made("port = 1\n"),
					       *other = settings_made("libvirt { uri = \"test:///default\" }\n");
	char key[SETTINGS_KEY_ROOM];
	struct cf_error err;

	ok(settings_fallback("x.conf:3: no", &now, &err) == 0 && strcmp(now->fault, "x.conf:3: no") == 0 && !*plain->fault,
	   "settings that stand in say what for");
	ok(now->n_access == 0 && now->n_peers == 0 && settings_policy(now, "") && now->port == 9437,
	   "... and are the defaults");
	ok(!settings_for_a_start(now, plain, key) && !settings_for_a_start(plain, moved, key),
	   "most can be taken over at any time");
	ok(settings_for_a_start(now, other, key) && strcmp(key, "libvirt.uri") == 0, "... and what cannot has its name");
}

static void test_where(void)
{
	struct settings_peer peer = { .name = "hB", .address = "10.0.0.2", .port = 1 };
	struct settings settings = { .port = 9437, .n_peers = 1, .peers = &peer };
	const char *address;
	int port;

	settings_where(&settings, "hB", &address, &port);
	ok(strcmp(address, "10.0.0.2") == 0 && port == 1, "a known peer is where the settings say");
	settings_where(&settings, "hC", &address, &port);
	ok(strcmp(address, "hC") == 0 && port == 9437, "any other is where its name leads, on our own port");
}

int main(void)
{
	settings_made_begin();
	test_faults();
	test_defaults();
	test_everything();
	test_round_trip();
	test_rows();
	test_example();
	test_patterns();
	test_file();
	test_fallback();
	test_where();
	settings_made_end();
	return done();
}
