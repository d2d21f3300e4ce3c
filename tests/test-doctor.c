/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of a host: each thing that can be wrong, alone, with what to do; and the looking itself. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/doctor.h"
#include "daemon/http/certificate.h"
#include "daemon/settings.h"
#include "tests/certs.h"
#include "tests/tap.h"

#define DAYS(n) { (20000 + (n)) * CF_DAY }

static struct cf_peers peers;

/* A host on which all is well, and everything there is to look at. */
static void well(struct cf_host_evidence *e)
{
	*e = (struct cf_host_evidence){
		.now = DAYS(0), .agent = "clockferryd 1", .socket = "/run/x", .socket_for_operators = true,
		.runtime = "/run", .ledger = "/var/ledger",
		.report = { .state = CF_CLOCK_SYNCHRONISED, .has_bound = true, .bound = { CF_MS }, .has_tracking = true,
			    .has_via = true, .via = CF_VIA_IPV4, .has_tai_s = true, .tai_s = 37 },
		.fresh = { 5 * CF_S },
		.libvirt = true, .versions = "libvirt 9.0.0, QEMU 7.2.0", .libvirt_version = 9000000,
		.hook = { .mode = CF_GUARD_ENFORCE, .installed = true, .since = DAYS(-7), .has_began = true,
			  .began = DAYS(-6), .daemon = "libvirtd" },
		.emulator_version = 7002000, .driver = "libvirt", .guests_known = true, .has_kvm = true,
		.n_guests = 3, .certificate = { true, DAYS(-1), DAYS(60) }, .ca = { true, DAYS(-1), DAYS(600) },
		.crl = { true, DAYS(-1), DAYS(1) }, .key = "/etc/key", .has_peer_role = true,
	};
	peers = (struct cf_peers){
		.n_list = 2,
		.list = { { .host = "hB", .reachable = true, .gate_open = true },
			  { .host = "hC", .reachable = true, .gate_open = true } },
	};
}

static void spoil_settings(struct cf_host_evidence *e) { strcpy(e->settings_fault, "x.conf:3: no"); }
static void spoil_calls(struct cf_host_evidence *e) { e->hung_calls = 2; }
static void spoil_socket(struct cf_host_evidence *e) { e->socket_for_operators = false; }
static void spoil_runtime(struct cf_host_evidence *e) { strcpy(e->runtime_why, "/run: Read-only"); }
static void spoil_ledger(struct cf_host_evidence *e) { strcpy(e->ledger_why, "disk full"); }
static void spoil_history(struct cf_host_evidence *e) { strcpy(e->ledger_lost, "set aside as x"); }
static void spoil_chronyd(struct cf_host_evidence *e)
{
	e->report = (struct cf_report){ .state = CF_CLOCK_SYNCHRONISED, .has_tai_s = true, .why = "refused" };
}
static void spoil_answers(struct cf_host_evidence *e)
{
	e->report.has_reading_age = true;
	e->report.reading_age = (cf_span){ 26 * CF_S };
	strcpy(e->report.why, "does not answer");
}
static void spoil_haste(struct cf_host_evidence *e)
{
	e->report.has_reading_age = true;
	e->report.reading_age = (cf_span){ 26 * CF_S };
	e->fresh = (cf_span){ 180 * CF_S };
}
static void spoil_clock(struct cf_host_evidence *e)
{
	e->report.state = CF_CLOCK_UNSYNCHRONISED;
	strcpy(e->report.why, "no source");
}
static void spoil_clock_in_haste(struct cf_host_evidence *e)
{
	spoil_haste(e);
	spoil_clock(e);
}
static void spoil_trust(struct cf_host_evidence *e) { e->report.state = CF_CLOCK_UNTRUSTED; }
static void spoil_source(struct cf_host_evidence *e) { e->report.state = CF_CLOCK_HOLDOVER; }
static void spoil_news(struct cf_host_evidence *e) { e->report.state = CF_CLOCK_UNKNOWN; }
static void spoil_kernel(struct cf_host_evidence *e) { e->report.kernel_unsync = true; }
static void spoil_tai(struct cf_host_evidence *e) { e->report.has_tai_s = false; }
static void spoil_peace(struct cf_host_evidence *e) { strcpy(e->rivals[e->n_rivals++], "ntpd, pid 7"); }
static void spoil_libvirt(struct cf_host_evidence *e) { e->libvirt = false; strcpy(e->libvirt_why, "gone"); }
static void spoil_libvirt_age(struct cf_host_evidence *e) { e->libvirt_version = 8009999; }
static void spoil_qemu_age(struct cf_host_evidence *e) { e->emulator_version = 7001999; }
static void spoil_driver(struct cf_host_evidence *e) { strcpy(e->driver_lacks, "ca.pem"); }
static void spoil_spare_driver(struct cf_host_evidence *e)
{
	spoil_driver(e);
	e->driver_spare = true;
}
static void spoil_cut(struct cf_host_evidence *e) { strcpy(e->cut_why, "no CAP_SYS_PTRACE"); }
static void spoil_dog(struct cf_host_evidence *e) { strcpy(e->late_why, "not real-time"); }
static void spoil_counters(struct cf_host_evidence *e) { strcpy(e->counters_why, "denied"); }
static void spoil_guests(struct cf_host_evidence *e) { e->n_agentless = 2; strcpy(e->agentless, "a, b"); }
static void spoil_link(struct cf_host_evidence *e) { strcpy(e->hook.broken, "no such file"); }
static void spoil_telling(struct cf_host_evidence *e) { strcpy(e->hook.untold, "/var/hook"); }
static void spoil_loading(struct cf_host_evidence *e) { e->hook.began = (cf_real)DAYS(-9); }
static void spoil_reload(struct cf_host_evidence *e)
{
	spoil_loading(e);
	e->hook.loaded = e->hook.asked = (cf_real)DAYS(-8);
}
static void spoil_port(struct cf_host_evidence *e) { strcpy(e->listening_why, "in use"); }
static void spoil_end(struct cf_host_evidence *e) { e->certificate.until = (cf_real)DAYS(29); }
static void spoil_late(struct cf_host_evidence *e) { e->certificate.until = (cf_real)DAYS(-1); }
static void spoil_early(struct cf_host_evidence *e) { e->certificate.from = (cf_real)DAYS(1); }
static void spoil_ca(struct cf_host_evidence *e) { e->ca.until = (cf_real)DAYS(-1); }
static void spoil_crl(struct cf_host_evidence *e) { e->crl.until = (cf_real)DAYS(-1); }
static void spoil_key(struct cf_host_evidence *e) { e->key_open = true; }
static void spoil_role(struct cf_host_evidence *e) { e->has_peer_role = false; }
static void spoil_peers(struct cf_host_evidence *e) { (void)e; peers.n_list = 0; }
static void spoil_peer(struct cf_host_evidence *e)
{
	(void)e;
	peers.list[1] = (struct cf_peer){ .host = "hC", .why = "no route" };
}
static void spoil_gate(struct cf_host_evidence *e)
{
	(void)e;
	peers.list[0].gate_open = false;
	peers.list[0].n_findings = 2;
	peers.list[0].findings[0] = (struct cf_finding){ CF_FINDING_TAI_UNKNOWN, CF_SEVERITY_WARN };
	peers.list[0].findings[1] = (struct cf_finding){ CF_FINDING_SKEW, CF_SEVERITY_REFUSE };
}

static const struct {
	const char *sentence;
	void (*spoil)(struct cf_host_evidence *e);
	enum cf_vital_code code;
	enum cf_vital_state state;
	const char *subject, *detail;	/* detail: what has to be in it */
} rows[] = {
	{ "a settings file with a fault", spoil_settings, CF_VITAL_SETTINGS, CF_VITAL_FAIL, "", "x.conf:3" },
	{ "calls that hang", spoil_calls, CF_VITAL_HUNG_CALLS, CF_VITAL_WARN, "", "2" },
	{ "no group of operators", spoil_socket, CF_VITAL_SOCKET, CF_VITAL_WARN, "", "/run/x" },
	{ "a runtime folder that is not ours", spoil_runtime, CF_VITAL_RUNTIME, CF_VITAL_FAIL, "", "Read-only" },
	{ "a full disk", spoil_ledger, CF_VITAL_LEDGER, CF_VITAL_FAIL, "", "disk full" },
	{ "a ledger that was damaged", spoil_history, CF_VITAL_LEDGER_LOST, CF_VITAL_WARN, "", "set aside" },
	{ "no chronyd", spoil_chronyd, CF_VITAL_CHRONYD, CF_VITAL_FAIL, "", "refused" },
	{ "a chronyd that answered once", spoil_answers, CF_VITAL_CHRONYD, CF_VITAL_FAIL, "", "does not answer" },
	{ "no source", spoil_clock, CF_VITAL_CLOCK, CF_VITAL_FAIL, "", "no source" },
	{ "no source, by a chronyd that is asked seldom", spoil_clock_in_haste, CF_VITAL_CLOCK, CF_VITAL_FAIL, "", "no source" },
	{ "evidence that contradicts itself", spoil_trust, CF_VITAL_CLOCK, CF_VITAL_FAIL, "", "" },
	{ "holdover", spoil_source, CF_VITAL_CLOCK, CF_VITAL_WARN, "", "" },
	{ "a state that is not known", spoil_news, CF_VITAL_CLOCK, CF_VITAL_FAIL, "", "" },
	{ "no rtcsync", spoil_kernel, CF_VITAL_KERNEL, CF_VITAL_WARN, "", "" },
	{ "no leap seconds", spoil_tai, CF_VITAL_TAI, CF_VITAL_WARN, "", "" },
	{ "somebody else's hand on the clock", spoil_peace, CF_VITAL_RIVAL, CF_VITAL_FAIL, "", "ntpd" },
	{ "no libvirtd", spoil_libvirt, CF_VITAL_LIBVIRT, CF_VITAL_FAIL, "", "gone" },
	{ "an old libvirt", spoil_libvirt_age, CF_VITAL_VERSIONS, CF_VITAL_WARN, "", "libvirt 9" },
	{ "an old QEMU", spoil_qemu_age, CF_VITAL_VERSIONS, CF_VITAL_WARN, "", "QEMU" },
	{ "libvirtd without certificates", spoil_driver, CF_VITAL_DRIVER, CF_VITAL_FAIL, "", "ca.pem" },
	{ "... where agents stand at the gate", spoil_spare_driver, CF_VITAL_DRIVER, CF_VITAL_WARN, "", "ca.pem" },
	{ "no right to take sockets", spoil_cut, CF_VITAL_CUT, CF_VITAL_FAIL, "", "no CAP_SYS_PTRACE" },
	{ "an ordinary watchdog", spoil_dog, CF_VITAL_CUT, CF_VITAL_WARN, "", "not real-time" },
	{ "no debugfs", spoil_counters, CF_VITAL_COUNTERS, CF_VITAL_WARN, "", "denied" },
	{ "guests without agents", spoil_guests, CF_VITAL_GUEST_AGENTS, CF_VITAL_WARN, "", "2 of 3: a, b" },
	{ "a hook that leads nowhere", spoil_link, CF_VITAL_HOOK, CF_VITAL_WARN, "", "no such file" },
	{ "a hook that was not told", spoil_telling, CF_VITAL_HOOK, CF_VITAL_WARN, "", "/var/hook" },
	{ "a hook that is younger than libvirtd", spoil_loading, CF_VITAL_HOOK, CF_VITAL_WARN, "", "not loaded yet: restart or reload libvirtd" },
	{ "one from after it was told to look", spoil_reload, CF_VITAL_HOOK, CF_VITAL_WARN, "", "not loaded yet" },
	{ "no listener", spoil_port, CF_VITAL_LISTENING, CF_VITAL_FAIL, "", "in use" },
	{ "a certificate near its end", spoil_end, CF_VITAL_CERTIFICATE, CF_VITAL_WARN, "", "until 2024-11-02T00:00:00Z" },
	{ "one behind it", spoil_late, CF_VITAL_CERTIFICATE, CF_VITAL_FAIL, "", "until" },
	{ "one before its time", spoil_early, CF_VITAL_CERTIFICATE, CF_VITAL_FAIL, "", "from 2024-10-05" },
	{ "a CA that has expired", spoil_ca, CF_VITAL_CA, CF_VITAL_FAIL, "", "until" },
	{ "an old revocation list", spoil_crl, CF_VITAL_CRL, CF_VITAL_WARN, "", "until" },
	{ "a key for everybody", spoil_key, CF_VITAL_KEY, CF_VITAL_FAIL, "", "/etc/key" },
	{ "no role for peers", spoil_role, CF_VITAL_PEER_ROLE, CF_VITAL_WARN, "", "" },
	{ "no peers", spoil_peers, CF_VITAL_PEERS, CF_VITAL_WARN, "", "" },
	{ "a peer that is silent", spoil_peer, CF_VITAL_PEER, CF_VITAL_FAIL, "hC", "no route" },
	{ "a gate that is closed", spoil_gate, CF_VITAL_GATE, CF_VITAL_FAIL, "hB", "skew" },
};

static struct cf_vitals vitals;
static size_t n_peers;

static void judge(const struct cf_host_evidence *e)
{
	vitals.n_list = n_peers = 0;
	cf_doctor(e, &vitals);
	if (peers.n_list > 0)
		cf_doctor_peers(&peers, &n_peers, &vitals);
}

static void examine(void (*spoil)(struct cf_host_evidence *e))
{
	struct cf_host_evidence e;

	well(&e);
	if (spoil)
		spoil(&e);
	judge(&e);
}

static size_t n_not_well(void)
{
	size_t n = 0;

	for (size_t i = 0; i < vitals.n_list; i++)
		n += vitals.list[i].state != CF_VITAL_OK;
	return n;
}

static const struct cf_vital *find(enum cf_vital_code code, const char *subject)
{
	for (size_t i = 0; i < vitals.n_list; i++)
		if (vitals.list[i].code == code && strcmp(vitals.list[i].subject, subject) == 0)
			return &vitals.list[i];
	return NULL;
}

static void test_rows(void)
{
	bool told[CF_N_VITALS] = { [CF_VITAL_UNKNOWN] = true, [CF_VITAL_AGENT] = true };	/* the client's */

	examine(NULL);
	ok(n_not_well() == 0 && vitals.n_list >= CF_N_VITALS - 3 && cf_vitals_worst(&vitals) == CF_VITAL_OK,
	   "of a host that is well all %zu are ok", vitals.n_list);
	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		const struct cf_vital *v;

		examine(rows[i].spoil);
		v = find(rows[i].code, rows[i].subject);
		ok(v && v->state == rows[i].state && strstr(v->detail, rows[i].detail), "%s: %s: %s: %s", rows[i].sentence,
		   v ? cf_vital_state_words[v->state] : "not told", v ? v->text : "", v ? v->detail : "");
		ok(n_not_well() == 1 && *v->remedy && cf_vitals_worst(&vitals) == rows[i].state,
		   "... and nothing else; what to do: %s", v ? v->remedy : "");
		told[rows[i].code] = true;
	}
	for (int code = 0; code < CF_N_VITALS; code++)
		if (!told[code])
			ok(false, "nobody tells of %s", cf_vital_words[code]);
}

static void test_haste(void)
{
	examine(spoil_haste);
	ok(n_not_well() == 0, "a chronyd that is asked seldom answers, however old its last answer is");
}

/* What cannot be known is not said to be well. */
static void test_absent(void)
{
	struct cf_host_evidence e;

	well(&e);
	e.guests_known = e.has_kvm = false;
	e.certificate.known = e.ca.known = e.crl.known = false;
	e.key[0] = '\0';
	judge(&e);
	ok(!find(CF_VITAL_GUEST_AGENTS, "") && !find(CF_VITAL_COUNTERS, "") && !find(CF_VITAL_CERTIFICATE, "") &&
	   !find(CF_VITAL_CA, "") && !find(CF_VITAL_CRL, "") && !find(CF_VITAL_KEY, ""),
	   "what was not looked at is not there");
}

/* As many peers as there can be; so many at the end of each page do not answer. */
static void judge_fleet(const struct cf_host_evidence *e, size_t unwell)
{
	vitals.n_list = n_peers = 0;
	cf_doctor(e, &vitals);
	peers.n_list = CF_PEERS_MAX;
	while (n_peers < CF_PEERS_KNOWN_MAX) {
		for (size_t i = 0; i < CF_PEERS_MAX; i++) {
			struct cf_peer *peer = &peers.list[i];

			*peer = (struct cf_peer){ .reachable = i < CF_PEERS_MAX - unwell, .gate_open = true };
			snprintf(peer->host, sizeof(peer->host), "h%zu", n_peers + i);
		}
		cf_doctor_peers(&peers, &n_peers, &vitals);
	}
}

static void test_many(void)
{
	struct cf_host_evidence e;

	well(&e);
	for (e.n_rivals = 0; e.n_rivals < CF_RIVALS_MAX; e.n_rivals++)
		strcpy(e.rivals[e.n_rivals], "ntpd");
	judge_fleet(&e, 0);
	ok(vitals.n_list == 291, "of a fleet there are as many rows as the version before can read");
	ok(strncmp(find(CF_VITAL_PEERS, "")->detail, "1024, ", 6) == 0, "of all its peers, which are counted: %s", find(CF_VITAL_PEERS, "")->detail);
	judge_fleet(&e, 2);
	ok(vitals.n_list == 291 && find(CF_VITAL_PEER, "h254") && find(CF_VITAL_PEER, "h1023") && find(CF_VITAL_PEER, "h0"),
	   "those that are not well take the place of some that are");
	ok(n_not_well() == CF_RIVALS_MAX + 8, "... all of them");
	judge_fleet(&e, CF_PEERS_MAX);
	ok(vitals.n_list == 291 && cf_vitals_worst(&vitals) == CF_VITAL_FAIL, "where none is well the rest is left out");
}

static char dir[] = "/tmp/test-doctor.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static void folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755) < 0)
		abort();
}

static void test_rivals(void)
{
	struct cf_host_evidence e = { 0 };

	folder("1");
	folder("17");
	folder("18");
	folder("19");
	folder("self");
	put("1/comm", "systemd\n");
	put("17/comm", "systemd-timesyn\n");
	put("18/comm", "ntpd\n");
	put("self/comm", "ntpd\n");
	doctor_rivals(dir, &e);
	ok(e.n_rivals == 2 && (strcmp(e.rivals[0], "systemd-timesyn, pid 17") == 0 ||
			       strcmp(e.rivals[1], "systemd-timesyn, pid 17") == 0),
	   "who else steers the clock is found among the processes");
	e.n_rivals = 0;
	doctor_rivals("/nowhere", &e);
	ok(e.n_rivals == 0, "where there are none to look at nobody is found");
}

static void test_driver(void)
{
	static struct settings settings = { .libvirt = { .driver = CF_DRIVER_LIBVIRT, .destination_uri = "qemu+tls://%s/system" } };
	struct cf_host_evidence e = { 0 };

	folder("CA");
	folder("libvirt");
	doctor_driver(dir, &settings, &e);
	ok(strstr(e.driver_lacks, "CA/cacert.pem: No such file"), "libvirtd lacks %s", e.driver_lacks);
	put("CA/cacert.pem", "");
	doctor_driver(dir, &settings, &e);
	ok(strstr(e.driver_lacks, "libvirt/clientcert.pem: No such file"), "then it lacks %s", e.driver_lacks);
	put("libvirt/clientcert.pem", "");
	doctor_driver(dir, &settings, &e);
	ok(!*e.driver_lacks && *e.driver, "then nothing");
	ok(!e.driver_spare, "where it drives all of them it is no spare");
	settings.libvirt.driver = CF_DRIVER_AUTO;
	doctor_driver("/nowhere", &settings, &e);
	ok(*e.driver_lacks && e.driver_spare, "where the agents do it is");
	strcpy(settings.libvirt.destination_uri, "qemu+ssh://%s/system");
	doctor_driver("/nowhere", &settings, &e);
	ok(!*e.driver_lacks, "and with SSH it needs none of them");
}

/* A host that has no guest yet. */
static void test_counters(void)
{
	char kvm[256];
	struct doctor_roots roots = { .debugfs = "/nowhere/kvm", .kvm = "/nowhere/kvm" };
	struct cf_host_evidence e = { 0 };

	doctor_counters(&roots, &e);
	ok(!e.has_kvm, "a host without KVM has no guests' counters");
	snprintf(kvm, sizeof(kvm), "%s/kvm", dir);
	folder("kvm");
	roots.kvm = kvm;
	doctor_counters(&roots, &e);
	ok(e.has_kvm && strstr(e.counters_why, "/nowhere/kvm"), "on one with it they matter before there is a guest: %s", e.counters_why);
	roots.debugfs = kvm;
	doctor_counters(&roots, &e);
	ok(!*e.counters_why, "and can be read where its folder can");
}

static bool lives(const struct cf_shelf_life *life, int from_h, int to_h)
{
	int64_t now = time(NULL), hour = 3600, from = life->from.ns / CF_S, to = life->until.ns / CF_S;

	return life->known && from > now + (from_h - 1) * hour && from < now + (from_h + 1) * hour &&
	       to > now + (to_h - 1) * hour && to < now + (to_h + 1) * hour;
}

static void test_lives(void)
{
	static const struct certificate ca = { .name = "ca", .cn = "ca", .from_h = -240, .to_h = 240 },
					short_one = { .name = "s", .issuer = "ca", .cn = "s", .from_h = -5, .to_h = 9 },
					for_ages = { .name = "l", .issuer = "ca", .cn = "l", .from_h = -5, .to_h = CERTS_AGES_H };
	struct cf_shelf_life life;
	char path[256], both[256], command[900];

	certs_make(dir, &ca);
	certs_make(dir, &short_one);
	snprintf(path, sizeof(path), "%s/s.pem", dir);
	certificate_life(path, &life);
	ok(lives(&life, -5, 9), "a certificate's time is read from its file");
	certs_make(dir, &for_ages);
	snprintf(path, sizeof(path), "%s/l.pem", dir);
	certificate_life(path, &life);
	ok(life.known && life.until.ns == INT64_MAX, "one that ends later than any time of ours has not ended before");
	snprintf(both, sizeof(both), "%s/both.pem", dir);
	snprintf(command, sizeof(command), "cat %s/s.pem %s/ca.pem > %s", dir, dir, both);
	ok(system(command) == 0, "two in one file");
	certificate_life(both, &life);
	ok(lives(&life, -5, 9), "... live as long as both do");
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	certificate_life(path, &life);
	ok(!life.known, "what is none has no time");
	certificate_life("/nowhere", &life);
	ok(!life.known, "nor has what is not there");
	certs_revoke(dir, "ca", "s", "crl.pem");
	snprintf(path, sizeof(path), "%s/crl.pem", dir);
	crl_life(path, &life);
	ok(life.known && life.from.ns < life.until.ns, "a revocation list's time is read, too");
}

int main(void)
{
	char command[64];

	test_rows();
	test_haste();
	test_absent();
	test_many();
	if (!mkdtemp(dir))
		return 1;
	test_rivals();
	test_driver();
	test_counters();
	test_lives();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ok(system(command) == 0, "nothing is left behind");
	return done();
}
