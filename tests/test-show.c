/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a person is shown, against texts that somebody has read: tests/golden.
 * GOLDEN=write writes them anew, to be read again.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/say.h"
#include "client/show.h"
#include "proto/codec.h"
#include "proto/problem.h"
#include "tests/made-up.h"
#include "tests/tap.h"

typedef void show_fn(FILE *to, const void *message);

#define SHOW(name, call) static void name(FILE *to, const void *message) { call; }

SHOW(report, show_report(to, message))
SHOW(health, show_health(to, message, made_up_find("clock")->message))
SHOW(health_bad, show_health(to, message, made_up_find("clock-absent")->message))
SHOW(peer, show_peer(to, message))
SHOW(guest, show_guest(to, message))
SHOW(policies, show_policy_table(to, message, NULL))
SHOW(policy, show_policy_rows(to, message))
SHOW(trial, show_trial(to, message, (cf_span){ 30 * CF_DAY }))
SHOW(vitals, show_vitals(to, message))
SHOW(receipt, show_receipt(to, message))
SHOW(end, show_end(to, message))
SHOW(migration, show_migration(to, message))

static void checks(FILE *to, const void *message)
{
	const struct cf_checks *c = message;

	show_checks(to, c->domain, c->list, c->n_list, NULL);
}

static void peers(FILE *to, const void *message)
{
	const struct cf_peers *p = message;

	show_peers(to, p->list, p->n_list, NULL);
}

static void domains(FILE *to, const void *message)
{
	const struct cf_domains *d = message;

	show_domains(to, d->list, d->n_list, NULL);
}

static void migrations(FILE *to, const void *message)
{
	const struct cf_migrations *m = message;

	show_migrations(to, m->list, m->n_list, NULL);
	show_strays(to, m->strays, m->n_strays);
}

static void progress(FILE *to, const void *message)
{
	char text[PROGRESS_TEXT_ROOM];

	say(to, "%s", progress_text(message, text));
}

static void problem(FILE *to, const void *message)
{
	const struct cf_problem *p = message;

	show_findings(to, "  ", p->findings, p->n_findings);
}

static const struct {
	const char *name;
	show_fn *show;
} cases[] = {
	{ "health", health },
	{ "health-bad", health_bad },
	{ "clock", report },
	{ "clock-absent", report },
	{ "clock-stepped", report },
	{ "peer", peer },
	{ "peer-lost", peer },
	{ "peers", peers },
	{ "peers-none", peers },
	{ "domains", domains },
	{ "domains-none", domains },
	{ "guest", guest },
	{ "guest-absent", guest },
	{ "policies", policies },
	{ "policy", policy },
	{ "trial", trial },
	{ "checks", checks },
	{ "checks-good", checks },
	{ "checks-waived", checks },
	{ "migration-checking", progress },
	{ "migration-queued", migration },
	{ "migration-copying", progress },
	{ "migration-blind", progress },
	{ "migration-clean", end },
	{ "migration-refused", end },
	{ "migrations", migrations },
	{ "migrations-none", migrations },
	{ "migrations-strays", migrations },
	{ "receipt-clean", receipt },
	{ "receipt-carried", receipt },
	{ "receipt-rolled-back", receipt },
	{ "receipt-breached", receipt },
	{ "receipt-unverified", receipt },
	{ "receipt-refused", receipt },
	{ "receipt-aborted", receipt },
	{ "receipt-stopped", receipt },
	{ "receipt-alone", receipt },
	{ "receipt-long", receipt },
	{ "receipt-absent", receipt },
	{ "vitals-good", vitals },
	{ "vitals-warn", vitals },
	{ "vitals-bad", vitals },
	{ "problem-refused", problem },
};

static char *shown(show_fn *show, const void *message)
{
	size_t size = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	show(to, message);
	fclose(to);
	return text;
}

static char *read_all(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *from = fopen(path, "r");

	if (from) {
		if (fread(text, 1, 65535, from) == 0)
			*text = '\0';
		fclose(from);
	}
	return text;
}

static void write_all(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	if (to) {
		fputs(text, to);
		fclose(to);
	}
}

/* Where two texts part, for whoever has to find out why. */
static void say_difference(const char *got, const char *wanted)
{
	size_t line = 0;

	while (*got && strcspn(got, "\n") == strcspn(wanted, "\n") &&
	       strncmp(got, wanted, strcspn(got, "\n") + 1) == 0) {
		got += strcspn(got, "\n") + 1;
		wanted += strcspn(wanted, "\n") + 1;
		line++;
	}
	printf("# line %zu, got:    %.*s\n", line + 1, (int)strcspn(got, "\n"), got);
	printf("# line %zu, wanted: %.*s\n", line + 1, (int)strcspn(wanted, "\n"), wanted);
}

static void test_goldens(void)
{
	const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
	const char *golden = getenv("GOLDEN");

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		CF_AUTO(cf_free) char *got = shown(cases[i].show, made_up_find(cases[i].name)->message);
		CF_AUTO(cf_free) char *wanted = NULL;
		char path[4096];
		bool same;

		snprintf(path, sizeof(path), "%s/tests/golden/%s.txt", srcdir, cases[i].name);
		if (golden && strcmp(golden, "write") == 0)
			write_all(path, got);
		wanted = read_all(path);
		same = *got && strcmp(got, wanted) == 0;
		ok(same, "%s is shown as it was read", cases[i].name);
		if (!same)
			say_difference(got, wanted);
	}
}

/* A terminal must not be told what to do by a guest or another host. */
static void test_no_control_reaches_a_terminal(void)
{
	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		CF_AUTO(cf_free) char *got = shown(cases[i].show, made_up_find(cases[i].name)->message);
		bool clean = true;

		for (const char *p = got; *p; p++)
			clean = clean && (*p == '\n' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
		ok(clean, "%s has no control characters", cases[i].name);
	}
}

static void hostile(FILE *to, const void *message)
{
	say(to, "%s", (const char *)message);
	say_row(to, message, "%s", (const char *)message);
	say_over(to, 200, message);
}

static void test_hostile_text(void)
{
	CF_AUTO(cf_free) char *got = shown(hostile, "a\033[2Jb\nc\x7f" "d\xc2\x9b" "e\xc3\xa4");

	ok(strncmp(got, "a?[2Jb?c?d??e\xc3\xa4\n", 16) == 0,
	   "controls are shown as '?', letters as themselves");
	ok(!strchr(got + 17, '\033') || strchr(got, '\033') == strrchr(got, '\033'),
	   "the only escape is our own, behind the live line");
}

static void findings(FILE *to, const void *message)
{
	show_findings(to, "", message, 4);
}

static void test_findings(void)
{
	const struct cf_finding list[] = {
		{ .code = CF_FINDING_TAI_UNKNOWN, .severity = CF_SEVERITY_WARN, .subject = "hA" },
		{ .code = CF_FINDING_SAME_HOST, .severity = CF_SEVERITY_OFF, .subject = "hA" },
		{ .code = CF_FINDING_TAI_UNKNOWN, .severity = CF_SEVERITY_WARN, .subject = "hB" },
		{ .code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE, .subject = "hA -> hB" },
	};
	CF_AUTO(cf_free) char *got = shown(findings, list);
	const char *skew = strstr(got, "skew: hA -> hB"), *a = strstr(got, "tai-unknown: hA"),
		   *b = strstr(got, "tai-unknown: hB"), *advice = strstr(got, "leapsectz");

	ok(skew && a && b && skew < a && a < b, "what refuses stands first, the rest as it came");
	ok(advice > a && advice < b && !strstr(b, "leapsectz"), "the same advice is given once");
	ok(!strstr(got, "same-host"), "what policy ignores is not shown");
}

/* At column 4, continued at 2. */
static void folded(FILE *to, const void *message)
{
	say_folded(to, 24, 4, 2, message);
}

static void unfolded(FILE *to, const void *message)
{
	say_folded(to, 0, 4, 2, message);
}

static void test_folding(void)
{
	static const struct {
		const char *what, *text, *shown;
	} rows[] = {
		{ "what just fits", "twenty columns, said", "twenty columns, said\n" },
		{ "one column more", "twenty columns, told!", "twenty columns,\n  told!\n" },
		{ "more than two lines", "the first of them, the second of them and a third",
		  "the first of them,\n  the second of them and\n  a third\n" },
		{ "letters of two bytes", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 columns, said",
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 columns, said\n" },
		{ "a word that fits nowhere", "9806ebde-e575-4261-b3af-9d9294789e51 is whole",
		  "9806ebde-e575-4261-b3af-9d9294789e51\n  is whole\n" },
		{ "nothing", "", "\n" },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		CF_AUTO(cf_free) char *fold = shown(folded, rows[i].text);
		CF_AUTO(cf_free) char *whole = shown(unfolded, rows[i].text);

		ok(strcmp(fold, rows[i].shown) == 0, "folded: %s", rows[i].what);
		ok(strncmp(whole, rows[i].text, strlen(rows[i].text)) == 0, "not folded without a terminal: %s",
		   rows[i].what);
	}
}

static void pretty(FILE *to, const void *message)
{
	json_print(to, message, strlen(message));
}

/* What is printed with --json is what the agent said, and printing it again changes nothing. */
static void test_json(void)
{
	for (size_t i = 0; i < n_made_up; i++) {
		const struct made_up *m = &made_up[i];
		CF_AUTO(cf_free) char *sent = cf_encode(m->shape, m->message, CF_MINOR);
		CF_AUTO(cf_free)
		char *once = shown(pretty, sent),
		     *twice = shown(pretty, once), *again = NULL;
		CF_AUTO(cf_free) void *message = calloc(1, m->shape->size);
		int r = cf_decode(m->shape, CF_STRICT, once, strlen(once), message, NULL);

		again = r == 0 ? cf_encode(m->shape, message, CF_MINOR) : NULL;
		ok(again && strcmp(sent, again) == 0, "%s means the same when spread over lines", m->name);
		ok(strcmp(once, twice) == 0, "%s does not change when spread again", m->name);
	}
	{
		CF_AUTO(cf_free)
		char *got = shown(pretty, "{\"a\":[],\"b\":{ },\"c\":[1,{\"d\":\"\\\"],:{\x7f\"}]}");

		ok(strcmp(got, "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n"
			       "      \"d\": \"\\\"],:{\\u007f\"\n    }\n  ]\n}\n") == 0,
		   "empty ones stay on a line, and what is inside a text is left alone");
	}
}

/* A host without a battery for its clock starts in 1970, and an offset of which nothing is known is all there are. */
static const struct cf_interval anything = { { INT64_MIN }, { INT64_MAX } };

static void comes_back(const char *what, const struct cf_shape *shape, const void *message)
{
	CF_AUTO(cf_free) char *sent = cf_encode(shape, message, CF_MINOR), *again = NULL;
	CF_AUTO(cf_free) void *read = calloc(1, shape->size);
	struct cf_error err = { 0 };

	if (cf_decode(shape, CF_STRICT, sent, strlen(sent), read, &err) == 0)
		again = cf_encode(shape, read, CF_MINOR);
	ok(again && strcmp(sent, again) == 0, "%s of clocks that are any time apart is read as it was said: %s", what, err.text);
}

static void test_far_apart(void)
{
	CF_AUTO(cf_free) struct cf_peer *peer = malloc(sizeof(*peer));
	CF_AUTO(cf_free) struct cf_checks *checks = malloc(sizeof(*checks));
	CF_AUTO(cf_free) struct cf_migration *migration = malloc(sizeof(*migration));
	CF_AUTO(cf_free) struct cf_receipt *receipt = malloc(sizeof(*receipt));

	*peer = *(const struct cf_peer *)made_up_find("peer")->message;
	peer->host_offset = anything;
	peer->half_width = peer->age = cf_interval_half(anything);
	comes_back("a peer", &cf_peer_shape, peer);
	*checks = *(const struct cf_checks *)made_up_find("checks")->message;
	checks->list[0].has_host_offset = checks->list[0].has_offset_half_width = true;
	checks->list[0].host_offset = anything;
	checks->list[0].offset_half_width = cf_interval_half(anything);
	comes_back("a check", &cf_checks_shape, checks);
	*migration = *(const struct cf_migration *)made_up_find("migration-refused")->message;
	migration->has_host_offset = true;
	migration->host_offset = anything;
	comes_back("a migration", &cf_migration_shape, migration);
	*receipt = *(const struct cf_receipt *)made_up_find("receipt-clean")->message;
	receipt->has_offset_before = receipt->has_offset_during = receipt->has_offset_after = true;
	receipt->has_libvirt_downtime_offset = true;
	receipt->offset_before = receipt->offset_during = receipt->offset_after = receipt->libvirt_downtime_offset = anything;
	comes_back("a receipt", &cf_receipt_shape, receipt);
}

/* What the library did in this way or that; and what must not be said of it. */
static void test_counter_rows(void)
{
	static const struct {
		const char *what;
		struct cf_counter_report report;
		const char *shown, *hidden;
	} rows[] = {
		{ "a master clock that is off as ever", { .has_master_clock_before = true },
		  "KVM's master clock is off, as it was before\n", "agree" },
		{ "one that is off here alone", { .has_master_clock_before = true, .master_clock_before = true },
		  "KVM's master clock is off, and was on before: its vCPUs do not agree any more\n", "as it was" },
		{ "one that is off", { .n_runs = 1, .runs = { { 0, 4, 5, 6, false, false } } },
		  "KVM's master clock is off: its vCPUs do not agree\n", "before:" },
		{ "one that is on", { .has_master_clock_before = true, .master_clock = true }, "carried", "master" },
		{ "instants of KVM's own", { .has_own_instant_before = true, .own_instant_before = true, .has_own_instant = true,
					     .own_instant = true, .has_by_value = true },
		  "reckoned from KVM's own instant to KVM's own instant\n", "by value" },
		{ "none from it", { .has_own_instant_before = true, .own_instant_before = true, .has_own_instant = true },
		  "reckoned from KVM's own instant to an instant read around KVM's call\n", "by value" },
		{ "none that it took", { .has_by_value = true, .by_value = true }, "it was set by value, late by the way there\n", "around" },
		{ "both of arm64", { .has_physical_set = true, .physical_set = true, .has_physical = true, .has_vm_wide = true,
				     .physical = { { -300 }, { 500 } } }, "CNTPCT, read back, is off by -300 ns .. +500 ns\n", "one offset" },
		{ "one of them", { .has_physical_set = true, .has_vm_wide = true },
		  "CNTPCT could not be set, as before Linux 6.4: it jumped\n", "read back" },
		{ "both, by one offset", { .has_physical_set = true, .physical_set = true, .has_vm_wide = true, .vm_wide = true },
		  "both counters have one offset now, for the life of this QEMU\n", "jumped" },
	};
	CF_AUTO(cf_free) struct cf_receipt *carried = malloc(sizeof(*carried));

	*carried = *(const struct cf_receipt *)made_up_find("receipt-carried")->message;
	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		CF_AUTO(cf_free) char *text = NULL;

		carried->landing.counters = rows[i].report;
		carried->landing.counters.result = CF_COUNTERS_CARRIED;
		carried->landing.counters.has_elapsed = true;
		text = shown(receipt, carried);
		ok(strstr(text, rows[i].shown) && !strstr(text, rows[i].hidden), "counters: %s", rows[i].what);
	}
}

static void test_bytes(void)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 bytes"},	     {999, "999 bytes"},    {1000, "0.98 KiB"},	    {1024, "1.00 KiB"},
		{10239, "10.0 KiB"}, {1048575, "1.00 MiB"}, {300 << 20, "300 MiB"}, {INT64_MAX, "8192 PiB"},
	};
	char text[BYTES_TEXT_ROOM];

	for (size_t i = 0; i < CF_COUNT(rows); i++)
		ok(strcmp(bytes_text(rows[i].bytes, text), rows[i].text) == 0, "%s", rows[i].text);
}

int main(void)
{
	test_goldens();
	test_no_control_reaches_a_terminal();
	test_hostile_text();
	test_findings();
	test_folding();
	test_json();
	test_far_apart();
	test_counter_rows();
	test_bytes();
	return done();
}
